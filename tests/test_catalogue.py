"""The catalogue: what there is to know about each layer, for people, programs and other catalogues."""

import html
import re
from datetime import UTC, date, datetime, timedelta

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from starlette.testclient import TestClient

from api import wording
from api.app import application
from layers import all_layers
from layers.freshness import freshness
from pipelines.keys import new_key

ITEMS = "/collections/catalogue/items"
# The terms of DCAT-AP 3 that a dataset and a distribution must or should have.
DATASET = {"dct:title", "dct:description", "dct:publisher", "dcat:distribution", "dct:identifier"}
DISTRIBUTION = {"dcat:accessURL", "dct:license", "dcat:mediaType"}


def get(client, path, **sent):
    answer = client.get(path, **sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_layer_has_a_record(client, layer):
    record = get(client, f"{ITEMS}/{layer.name}?lang=en")
    said = record["properties"]
    assert (said["title"], said["description"]) == (layer.title["en"], layer.about["en"])
    assert (said["license"], said["updateFrequency"]) == (layer.licence, layer.cadence)
    assert said["contacts"][0]["organization"] == layer.owner
    collection = get(client, f"/collections/{layer.name}")
    assert {name: said[name] for name in ("stand", "freshness", "lastRun")} == {
        name: collection[name] for name in ("stand", "freshness", "lastRun")
    }
    assert said["freshness"] == freshness(
        layer.cadence, date.fromisoformat(said["stand"]), datetime.now(UTC).date()
    )
    assert record in get(client, f"{ITEMS}?lang=en")["features"]


def test_every_link_of_a_record_leads_somewhere(client, layer):
    for each in get(client, f"{ITEMS}/{layer.name}")["links"]:
        assert client.head(each["href"]).status_code == 200, each


def test_a_record_tells_the_last_runs_and_their_counts(client, layer, rows):
    lineage = get(client, f"{ITEMS}/{layer.name}")["properties"]["lineage"]
    seen = layer.visible_fields("public") == layer.fields
    assert bool(lineage) == seen
    if seen:
        query = f"SELECT added, rejected FROM registry.account WHERE layer = '{layer.name}'"
        assert [(lineage[0]["added"], lineage[0]["rejected"])] == rows(query)
        ((digest,),) = rows(
            "SELECT deliveries[1] FROM registry.run JOIN registry.account USING (run) "
            f"WHERE layer = '{layer.name}'"
        )
        assert lineage[0]["deliveries"] in ([{"sha256": digest}], [])


def test_words_and_a_box_find_records(client):
    found = {each["id"] for each in get(client, f"{ITEMS}?q=drzewa")["features"]}
    assert "trees" in found
    assert "parcels" not in found
    assert get(client, f"{ITEMS}?q=drzewa,nothinglikeit")["features"] == []
    assert get(client, f"{ITEMS}?bbox=0,0,1,1")["numberMatched"] == 0
    assert get(client, f"{ITEMS}?bbox=16,52,18,53")["numberMatched"] == len(all_layers())


def test_records_come_in_pages(client):
    path, names = f"{ITEMS}?limit=2", []
    while path:
        page = get(client, path)
        names += [each["id"] for each in page["features"]]
        assert page["numberReturned"] <= 2
        assert page["numberMatched"] == len(all_layers())
        path = next((each["href"] for each in page["links"] if each["rel"] == "next"), None)
    assert names == list(all_layers())


@pytest.mark.parametrize(
    "query", ["x=1", "f=xml", "f=geojson", "limit=0", "bbox=1,2", "lang=de", "q=" + "a" * 101]
)
def test_what_the_catalogue_does_not_understand_is_refused(client, query):
    assert client.get(f"{ITEMS}?{query}").status_code == 400


def test_an_unknown_record_is_not_found(client):
    assert client.get(f"{ITEMS}/nothing").status_code == 404


def test_the_catalogue_is_dcat_too(client, layer):
    whole = get(client, "/collections/catalogue?f=jsonld")
    assert whole["@type"] == "dcat:Catalog"
    assert {"dct:title", "dct:description", "dct:publisher", "dcat:dataset"} <= set(whole)
    one = get(client, f"{ITEMS}/{layer.name}?f=jsonld")
    context = one.pop("@context")
    assert one in whole["dcat:dataset"]
    assert set(one) >= DATASET
    for each in one["dcat:distribution"]:
        assert set(each) >= DISTRIBUTION
    for term in terms(one):
        assert term.startswith("@") or term.partition(":")[0] in context


def terms(document):
    if isinstance(document, list):
        for each in document:
            yield from terms(each)
    elif isinstance(document, dict):
        for name, each in document.items():
            yield name
            yield from terms(each)


@pytest.mark.parametrize(
    ("cadence", "days", "told"),
    [
        ("P1Y", 0, "fresh"),
        ("P1Y", 365, "fresh"),
        ("P1Y", 367, "due"),
        ("P1Y", 460, "overdue"),
        ("P1Y", 731, "stale"),
        ("P1M", 31, "due"),
        ("P2W", 14, "fresh"),
        ("P1D", 3, "stale"),
        ("PT1H", 3, "unknown"),
    ],
)
def test_freshness_follows_from_the_cadence_and_the_day(cadence, days, told):
    today = date(2026, 11, 27)
    assert freshness(cadence, today - timedelta(days=days), today) == told
    assert freshness(cadence, None, today) == "unknown"


# What others say a record and a dataset are


FEATURES = "https://schemas.opengis.net/ogcapi/features/part1/1.0/openapi/schemas/"


@pytest.fixture(scope="module")
def fits(shared, checkout):
    """Hold a document against a schema of OGC API Records."""
    records = checkout("OGCAPI_RECORDS", "opengeospatial/ogcapi-records")

    def retrieve(address):
        name = address.rpartition("/")[2]
        ours = shared / "ogc" / "schemas" / name
        text = (
            ours.read_text("utf-8")
            if address.startswith(FEATURES) or name in ("link.yaml", "linkTemplate.yaml", "linkBase.yaml")
            else records(f"core/openapi/schemas/{name}")
        )
        return Resource(nullable(yaml.safe_load(text)), DRAFT202012)

    def check(document, name):
        schema = {"$ref": f"https://records.test/{name}.yaml"}
        validator = jsonschema.Draft202012Validator(
            schema, registry=Registry(retrieve=retrieve), format_checker=jsonschema.FormatChecker()
        )
        assert [f"{each.json_path}: {each.message}" for each in validator.iter_errors(document)] == []

    return check


def nullable(schema):
    """A schema of OpenAPI 3.0 as JSON Schema: what is nullable may be null."""
    if isinstance(schema, list):
        return [nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema in ({"type": "object", "nullable": True}, {"type": None}):
        return {"type": "null"}
    return {name: nullable(each) for name, each in schema.items() if name != "nullable"}


def test_records_fit_the_schemas_of_the_standard(client, fits, layer):
    fits(get(client, f"{ITEMS}/{layer.name}"), "recordGeoJSON")
    fits(get(client, f"{ITEMS}?limit=3"), "recordCollectionGeoJSON")
    fits(get(client, "/collections/catalogue"), "collection")


# The catalogue for people


@pytest.mark.parametrize("language", ["pl", "en"])
def test_people_read_the_catalogue_in_their_language(client, layer, language):
    record = get(client, f"{ITEMS}/{layer.name}?lang={language}")["properties"]
    for path in ("/collections/catalogue", ITEMS):
        page = client.get(f"{path}?f=html&lang={language}")
        assert page.headers["content-type"].startswith("text/html")
        assert f'href="/collections/catalogue/items/{layer.name}?lang={language}"' in page.text
    page = client.get(f"{ITEMS}/{layer.name}?lang={language}", headers={"Accept": "text/html"}).text
    assert f'<html lang="{language}">' in page
    told = (layer.title[language], layer.about[language], layer.owner, layer.licence)
    told += (wording.duration(layer.cadence, language), wording.day(record["stand"], language))
    assert all(
        html.escape(each, quote=False) in page.replace("&#39;", "'").replace("&#34;", '"') for each in told
    )
    assert page.count('<th scope="row"') == len(record["lineage"])


def test_pages_of_the_catalogue_follow_each_other(client):
    path, names = f"{ITEMS}?f=html&limit=5&q=", []
    while path:
        page = client.get(path).text
        names += re.findall(r"/items/(\w+)\?lang=", page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = found and ITEMS + found[1].replace("&amp;", "&")
    assert names == list(all_layers())


def test_the_list_of_layers_leads_to_the_catalogue(client):
    """It stands in no list of layers, because it is none."""
    listed = get(client, "/collections")
    assert {each["id"] for each in listed["collections"]} == set(all_layers())
    (there,) = [each["href"] for each in listed["links"] if each["rel"].endswith("ogc-catalog")]
    assert get(client, there)["itemType"] == "record"


def test_closed_fields_are_explained_but_not_named(vaulted):
    with TestClient(application(), raise_server_exceptions=False) as asking:
        answer = asking.get(f"{ITEMS}/benches")
        layer = all_layers()["benches"]
        closed = [field for field in layer.fields if field not in layer.visible_fields("public")]
        reasons = {each["legalBasis"] for each in answer.json()["properties"]["closed"]}
        assert reasons == {field.legal_basis for field in closed}
        assert not any(f'"{field.name}"' in answer.text for field in closed)
        assert answer.json()["properties"]["lineage"] == []
        assert asking.get(f"{ITEMS}/proceedings").status_code == 404
        assert "proceedings" not in asking.get(ITEMS).text
        key = {"Authorization": f"Bearer {new_key(vaulted, 'internal', 'test', None).token}"}
        assert get(asking, f"{ITEMS}/proceedings", headers=key)["id"] == "proceedings"


def test_people_see_why_something_is_closed(vaulted):
    with TestClient(application(), raise_server_exceptions=False) as asking:
        page = asking.get(f"{ITEMS}/benches?f=html").text
        assert all(
            each["legalBasis"] in page for each in get(asking, f"{ITEMS}/benches")["properties"]["closed"]
        )
        assert "proceedings" not in asking.get("/collections/catalogue?f=html").text
