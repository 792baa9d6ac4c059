"""A broken layer says that it is unavailable, and why; the others work as before."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
import uvicorn

from layers import all_layers, get_layer
from pipelines.migrate import migrate

HERE = "/collections/stops"
PARTS = (
    "/items?filter=1=1",
    "/items/1",
    "/export.gpkg",
    "/tiles/WebMercatorQuad/14/5370/8962?datetime=2099-01-01",
)
SENTENCE = "the database does not hold it as declared"


def change(database, statement):
    with database.transaction() as connection:
        connection.execute(sa.text(statement))


@pytest.fixture(
    params=["DROP TABLE city.stops CASCADE", "DROP VIEW public_api.stops CASCADE", "REVOKE", "COLUMN"]
)
def broken(loaded, request):
    """The stops are broken in one way; they are brought back afterwards."""
    role = loaded.role("public")
    ways = {
        "REVOKE": f'REVOKE SELECT ON public_api.stops, public_api.stops_past FROM "{role}"',
        "COLUMN": "ALTER VIEW public_api.stops RENAME COLUMN name TO nazwa",
    }
    change(loaded, ways.get(request.param, request.param))
    yield request.param
    change(loaded, "COMMENT ON SCHEMA public_api IS 'not as declared'")
    migrate(loaded, all_layers().values(), 2177)


def test_a_broken_layer_says_so_and_the_others_work(client, broken):
    listed = {each["id"]: each for each in client.get("/collections?lang=en").json()["collections"]}
    assert listed["stops"]["state"] == "unavailable"
    assert "mesip migrate" in listed["stops"]["why"]
    own = client.get(f"{HERE}?lang=en").json()
    assert (own["state"], own["why"]) == ("unavailable", listed["stops"]["why"])
    for name in all_layers():
        if name != "stops":
            assert listed[name]["state"] == "available"
            assert "why" not in listed[name]
            assert client.get(f"/collections/{name}/items?limit=1").status_code == 200
            assert client.get(f"/collections/{name}/export.fgb").status_code == 200
    assert client.get("/search?q=1").json()["features"]
    shown = {each["name"]: each["state"] for each in client.get("/map/layers.json").json()["layers"]}
    assert {name for name, state in shown.items() if state != "available"} == {"stops"}


def test_whatever_is_asked_of_a_broken_layer_is_answered_with_a_sentence(client, broken):
    for part in PARTS:
        answer = client.get(HERE + part)
        assert answer.status_code == 503, part
        assert SENTENCE in answer.json()["detail"]
        assert answer.headers["retry-after"] == "5"
    inputs = {"layer": "stops", "format": "gpkg"}
    answer = client.post("/processes/extract/execution", json={"inputs": inputs})
    assert answer.status_code == 503
    assert SENTENCE in answer.json()["detail"]


@pytest.mark.parametrize(("language", "word"), [("pl", "niedostępna"), ("en", "unavailable")])
def test_pages_say_that_a_layer_is_broken(client, broken, language, word):
    for path in ("/", "/collections", HERE):
        page = client.get(f"{path}?f=html&lang={language}")
        assert page.status_code == 200
        assert word in page.text


def test_health_tells_of_broken_layers_and_of_this_process(client, broken):
    told = client.get("/health?lang=en").json()
    assert told["status"] == "degraded"
    assert set(told["unavailable"]) == {"stops"}
    assert client.get("/health/live").json() == {"status": "ok"}


def test_nothing_is_unavailable_of_a_sound_node(client, loaded):
    assert client.get("/health").json() == {"status": "ok", "unavailable": {}}
    listed = client.get("/collections").json()["collections"]
    assert {each["state"] for each in listed} <= {"available", "empty"}


def test_a_server_starts_without_a_layer_that_needs_a_person(run, client, loaded, monkeypatch):
    """A field was declared anew as something else: its values wait for a migration that somebody writes."""
    trees = get_layer("trees")
    changed = tuple(
        replace(each, kind="integer", unit="cm") if each.name == "girth_cm" else each for each in trees.fields
    )
    other = all_layers() | {"trees": replace(trees, fields=changed)}
    monkeypatch.setattr("mesip.cli.serve.all_layers", lambda: other)
    monkeypatch.setattr(uvicorn, "run", lambda *_, **__: None)
    for name in ("MESIP_PUBLIC_URL", "PROMETHEUS_MULTIPROC_DIR"):
        monkeypatch.setenv(name, "http://testserver")
    code, _, err = run("serve")
    assert code == 0
    assert "warning: trees.girth_cm is declared as integer" in err
    assert "Until then trees is unavailable." in err
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    assert set(client.get("/health").json()["unavailable"]) == {"trees"}
    assert client.get("/collections/stops/items").status_code == 200
    migrate(loaded, all_layers().values(), 2177)
    assert client.get("/health").json()["unavailable"] == {}


def test_an_index_that_is_missing_is_made_at_the_start(loaded, rows, layer):
    ours = f"tablename IN ('{layer.name}', '{layer.name}_history')"
    query = f"SELECT indexname FROM pg_indexes WHERE schemaname = 'city' AND {ours} ORDER BY 1"
    before = [name for (name,) in rows(query)]
    dropped = [name for name in before if name.endswith("_idx")]
    assert dropped
    for name in dropped:
        change(loaded, f"DROP INDEX city.{name}")
    migrate(loaded, all_layers().values(), 2177)
    assert [name for (name,) in rows(query)] == before
