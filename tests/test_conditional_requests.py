"""Who has an answer already is told so without the layer being read; when it changes, they get the new."""

import shutil
import time
from contextlib import contextmanager
from datetime import date

import pytest

from api.given import Answers, Given
from pipelines.keys import new_key
from pipelines.load import Order, load

STOPS = "stopId;stopName;latitude;longitude;zoneId;isForTram\n1;{};52.4;16.9;A;false\n"


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    """A node that keeps answers, as nodes do where it is not turned off."""
    answers = Answers(1_000_000)
    monkeypatch.setattr("api.given.answers", lambda: answers)


@contextmanager
def untouchable(database, layer):
    """While the block runs, whoever reads the layer waits."""
    with database.transaction() as connection:
        connection.exec_driver_sql(f"LOCK TABLE city.{layer.name} IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


def first_id(client, layer):
    return client.get(f"/collections/{layer.name}/items?limit=1").json()["features"][0]["id"]


@pytest.fixture
def deliver(database, node, tmp_path):
    def publish(name: str):
        (path := tmp_path / "stops.csv").write_text(STOPS.format(name))
        guards = frozenset({"removals", "rejects", "extent", "older"})
        load(Order("stops", (path,), date(2026, 1, 1), guards), database, node)

    return publish


def test_what_is_known_is_not_read_again(client, database, node, layer):
    here = f"/collections/{layer.name}"
    asked = [
        f"{here}/tiles/WebMercatorQuad/14/5393/8962",
        f"{here}/items?limit=3",
        f"{here}/items/{first_id(client, layer)}",
        f"{here}/items?limit=2&f=json",
    ]
    tags = [client.get(address).headers["etag"] for address in asked]
    shutil.rmtree(node.home / "cache", ignore_errors=True)  # the tile must not be drawn again either
    began = time.monotonic()
    with untouchable(database, layer):
        for address, tag in zip(asked, tags, strict=True):
            again = client.get(address, headers={"If-None-Match": tag})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert time.monotonic() - began < 3


def test_a_page_that_was_asked_for_is_kept(client, database, layer):
    address = f"/collections/{layer.name}/items?limit=4"
    first = client.get(address)
    with untouchable(database, layer):
        again = client.get(address)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["etag"] == first.headers["etag"]


def test_other_questions_have_other_tags(client):
    here = "/collections/trees/items"
    asked = [
        here,
        f"{here}?limit=2",
        f"{here}?limit=2&lang=en",
        f"{here}?limit=2&crs=http://www.opengis.net/def/crs/EPSG/0/2180",
    ]
    tags = {client.get(address).headers["etag"] for address in asked}
    tags.add(client.get("/collections/parcels/items?limit=2").headers["etag"])
    assert len(tags) == len(asked) + 1
    known = {"If-None-Match": client.get(asked[1]).headers["etag"]}
    assert client.get(asked[2], headers=known).status_code == 200


def test_a_publication_gives_new_tags_and_new_pages(client, deliver):
    address = "/collections/stops/items?limit=5"
    deliver("Rondo")
    before = client.get(address)
    assert client.get(address).json()["features"][0]["properties"]["name"] == "Rondo"
    deliver("Most")
    after = client.get(address, headers={"If-None-Match": before.headers["etag"]})
    assert (after.status_code, after.json()["features"][0]["properties"]["name"]) == (200, "Most")
    assert after.headers["etag"] != before.headers["etag"]
    item = client.get("/collections/stops/items/1")
    deliver("Plac")
    again = client.get("/collections/stops/items/1", headers={"If-None-Match": item.headers["etag"]})
    assert again.json()["properties"]["name"] == "Plac"


def test_levels_do_not_meet_the_pages_of_each_other(client, database, layer):
    address = f"/collections/{layer.name}/items?limit=3"
    key = {"Authorization": f"Bearer {new_key(database, 'internal', '', None).token}"}
    public, closed = client.get(address), client.get(address, headers=key)
    assert public.headers["etag"] != closed.headers["etag"]
    assert client.get(address).content == public.content
    assert client.get(address, headers=key | {"If-None-Match": public.headers["etag"]}).status_code == 200
    assert client.get(address, headers={"If-None-Match": closed.headers["etag"]}).status_code == 200


def test_memory_for_answers_is_bounded():
    answers = Answers(1000)
    for number in range(100):
        answers.keep(str(number), Given(bytes(90), "", 1))
    answers.keep("large", Given(bytes(1001), "", 1))
    kept = [number for number in range(100) if answers.get(str(number))]
    assert kept == list(range(89, 100))
    assert answers.get("large") is None
