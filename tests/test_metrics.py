"""What operators watch: requests, jobs, runs, freshness; told to nobody else."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from api.app import application
from layers import LEVELS, all_layers
from mesip.settings import settings
from pipelines.keys import new_key


@pytest.fixture(scope="module")
def client(vaulted):
    with TestClient(application(), base_url="http://testserver", raise_server_exceptions=False) as asking:
        yield asking


@pytest.fixture(scope="module")
def keys(vaulted):
    return {
        level: {"Authorization": f"Bearer {new_key(vaulted, level, 'a test', None).token}"}
        for level in LEVELS
    }


@pytest.fixture
def told(client, keys):
    """The value of a metric: ``told("mesip_jobs", level="public")``; zero where it is not there."""

    def value(name, **labels):
        answer = client.get("/metrics", headers=keys["internal"])
        assert answer.status_code == 200
        samples = [each for family in text_string_to_metric_families(answer.text) for each in family.samples]
        return sum(
            each.value for each in samples if each.name == name and labels.items() <= each.labels.items()
        )

    return value


@pytest.mark.parametrize("level", [None, "public", "partner"])
def test_metrics_are_told_to_the_internal_level_only(client, keys, level):
    answer = client.get("/metrics", headers=keys[level] if level else {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "mesip_requests" not in answer.text


def test_requests_are_counted_by_address_status_and_level(client, keys, told):
    asked = [
        ("/collections/benches/items", 200, None, "public", "/collections/{layer}/items"),
        (
            "/collections/benches/items/none",
            404,
            "partner",
            "partner",
            "/collections/{layer}/items/{id:path}",
        ),
        ("/conformance?x=1", 400, None, "public", "/conformance"),
        ("/nothing/at/all", 404, None, "public", "other"),
    ]
    for path, status, key, level, route in asked:
        labels = {"route": route, "status": str(status), "level": level}
        before, slow = (
            told("mesip_requests_total", **labels),
            told("mesip_request_seconds_count", route=route),
        )
        for _ in range(3):
            assert client.get(path, headers=keys[key] if key else {}).status_code == status
        assert told("mesip_requests_total", **labels) == before + 3
        assert told("mesip_request_seconds_count", route=route) == slow + 3
        assert 0 < told("mesip_request_seconds_sum", route=route) < 60


def test_no_label_holds_what_callers_write(client, keys):
    client.get("/collections/secret-word/items?secret-word=1")
    client.get("/secret-word")
    client.get("/map/secret-word")
    assert "secret-word" not in client.get("/metrics", headers=keys["internal"]).text


def test_jobs_are_counted_by_level_and_state(client, told):
    before = told("mesip_jobs", level="public", state="successful")
    inputs = {"layer": "stops", "format": "geojson.gz"}
    assert client.post("/processes/extract/execution", json={"inputs": inputs}).status_code == 200
    assert told("mesip_jobs", level="public", state="successful") == before + 1


def test_layers_tell_their_features_and_how_fresh_they_are(told, rows):
    for name, count in rows("SELECT layer, rows FROM registry.head"):
        assert told("mesip_layer_features", layer=name) == count
        assert told("mesip_layer_freshness", layer=name) == 1
        ((published,),) = rows(
            f"SELECT extract(epoch FROM published_at)::float8 FROM registry.head WHERE layer = '{name}'"
        )
        assert told("mesip_layer_published_seconds", layer=name) == pytest.approx(published)
    listed = {each.name for each in all_layers().values() if told("mesip_layer_freshness", layer=each.name)}
    assert listed == {each.name for each in all_layers().values() if each.access != "secret"}


def test_runs_and_sessions_of_the_database_are_counted(told, rows):
    for feed, state, count in rows("SELECT feed, state, count(*) FROM registry.run GROUP BY 1, 2"):
        assert told("mesip_runs", feed=feed, state=state) == count
    ((role,),) = rows("SELECT current_database() || '_internal'")
    assert 1 <= told("mesip_database_sessions", role=role) <= 8


def test_who_is_refused_for_asking_too_often_is_counted(vaulted, keys, told, monkeypatch):

    before = told("mesip_limited_total")
    monkeypatch.setenv("MESIP_RATE_PER_SECOND", "0.01")
    monkeypatch.setenv("MESIP_RATE_BURST", "2")
    settings.cache_clear()
    with TestClient(application(), base_url="http://testserver") as limited:
        assert [limited.get("/conformance").status_code for _ in range(5)] == [200, 200, 429, 429, 429]
    monkeypatch.undo()
    settings.cache_clear()
    with TestClient(application(), base_url="http://testserver") as asking:
        text = asking.get("/metrics", headers=keys["internal"]).text
    assert float(re.search(r"^mesip_limited_total (\S+)", text, re.MULTILINE)[1]) == before + 3
