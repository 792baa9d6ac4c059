"""What the API says of itself is true: links lead on, documents keep to the standards, all is described."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import jsonschema
import pytest
import sqlalchemy as sa
import yaml
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from starlette.routing import Route

from api.app import BUILT
from layers import all_layers

HOME = "http://testserver"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
# Pages of the web map, which are there only once the web part is built.
WEB = (f"{HOME}/map", f"{HOME}/docs")


def get(client, url):
    answer = client.get(url)
    assert answer.status_code == 200, f"{url}: {answer.text[:300]}"
    return answer.json()


def documents_of(layer):
    here = f"/collections/{layer.name}"
    return [
        here,
        *(f"{here}/{name}" for name in ("schema", "queryables", "tiles", "tiles/WebMercatorQuad")),
        f"{here}/items?limit=1",
    ]


def links(document) -> Iterator[dict]:
    """Every link of a document, however deep."""
    if isinstance(document, dict):
        yield from (each for each in document.get("links", []) if "href" in each)
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from links(part)


def follow(client, link):
    if link["href"].startswith(WEB) and not BUILT.exists():
        return
    answer = client.get(link["href"])
    assert answer.status_code == 200, f"{link}: {answer.text[:300]}"
    assert answer.headers["content-type"].split(";")[0] == link["type"].split(";")[0]


# The links of documents


@pytest.mark.parametrize("path", ["/", "/collections", "/tileMatrixSets"])
def test_every_link_of_a_general_document_leads_on(client, path):
    found = list(links(get(client, path)))
    assert found
    for link in found:
        assert link["href"].startswith(f"{HOME}/")
        follow(client, link)


def test_every_link_of_a_layers_documents_leads_on(client, layer):
    for path in documents_of(layer):
        for link in links(get(client, path)):
            assert link["href"].startswith(f"{HOME}/")
            if not link.get("templated"):
                follow(client, link)


def test_every_document_with_links_links_to_itself(client, layer):
    for path in ("/", "/collections", *documents_of(layer)):
        document = get(client, path)
        if "links" in document:
            own = [each["href"] for each in document["links"] if each["rel"] == "self"]
            assert own == [HOME + path]


def test_the_address_of_items_holds_no_query_because_clients_write_an_id_behind_it(client, layer):
    document = get(client, f"/collections/{layer.name}")
    geojson = [each for each in document["links"] if each["rel"] == "items" and "geo+json" in each["type"]]
    assert [each["href"] for each in geojson] == [f"{HOME}/collections/{layer.name}/items"]


def test_links_carry_the_public_address_where_one_is_set(client, node, monkeypatch):
    monkeypatch.setattr(
        "api.callers.settings", lambda: node.model_copy(update={"public_url": "https://gis.example/a/"})
    )
    for path in ("/", "/collections", "/collections/trees", "/collections/trees/items?limit=1"):
        assert all(each["href"].startswith("https://gis.example/a/") for each in links(get(client, path)))


def test_links_of_a_page_keep_what_was_asked(client):
    asked = {"limit": "2", "bbox": "16.7,52.3,17.1,52.5", "crs": f"{EPSG}2177"}
    page = get(client, f"/collections/trees/items?{urlencode(asked)}")
    own, following = (
        next(each["href"] for each in page["links"] if each["rel"] == rel) for rel in ("self", "next")
    )
    assert own == f"{HOME}/collections/trees/items?{urlencode(asked)}"
    assert following.startswith(own + "&after=")


# The documents against the schemas of the standard


@pytest.fixture(scope="module")
def keeps_to(shared):
    """``keeps_to(document, "collection")``: the document is what the standard's schema describes."""
    folder: Path = shared / "ogc" / "schemas"

    def retrieve(uri):
        return Resource.from_contents(_json_schema(folder / uri), default_specification=DRAFT202012)

    registry = Registry(retrieve=retrieve)

    def check(document, name):
        schema = {"$ref": f"{name}.yaml"}
        validator = jsonschema.Draft202012Validator(
            schema, registry=registry, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        )
        assert [f"{each.json_path}: {each.message}" for each in validator.iter_errors(document)] == []

    return check


def _json_schema(path):
    """A schema in YAML; its authors write ``type: null``, which YAML reads as nothing."""

    def mended(part, name=None):
        if isinstance(part, dict):
            return {
                key: mended(value, key) for key, value in part.items() if key not in ("example", "default")
            }
        if isinstance(part, list):
            return [mended(each, name) for each in part]
        return "null" if part is None and name == "type" else part

    return mended(yaml.safe_load(path.read_text()))


def test_the_general_documents_keep_to_the_standard(client, keeps_to):
    keeps_to(get(client, "/"), "landingPage")
    keeps_to(get(client, "/conformance"), "confClasses")
    keeps_to(get(client, "/collections"), "collections")


def test_a_layers_documents_keep_to_the_standard(client, keeps_to, layer):
    here = f"/collections/{layer.name}"
    keeps_to(get(client, here), "collection")
    page = get(client, f"{here}/items?limit=3")
    keeps_to(page, "featureCollectionGeoJSON")
    keeps_to(get(client, f"{here}/items/{page['features'][0]['id']}"), "featureGeoJSON")


def test_a_fault_keeps_to_the_standard(client, keeps_to):
    for path in ("/nothing", "/collections/nothing", "/collections/trees/items?limit=0"):
        answer = client.get(path)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        keeps_to(answer.json(), "exception")


# What the documents say


def test_the_landing_page_leads_to_what_clients_look_for(client):
    found = {each["rel"] for each in get(client, "/")["links"]}
    assert found >= {"self", "service-desc", "service-doc", "conformance", "data"}


def test_the_conformance_classes_that_clients_look_for_are_declared(client):
    declared = " ".join(get(client, "/conformance")["conformsTo"])
    for part in (
        "features-1/1.0/conf/core",
        "features-1/1.0/conf/geojson",
        "features-2/1.0/conf/crs",
        "tiles-1",
    ):
        assert part in declared


def test_every_layer_is_listed_as_it_describes_itself(client, layer):
    listed = {each["id"]: each for each in get(client, "/collections")["collections"]}
    assert set(listed) == set(all_layers())
    assert listed[layer.name] == get(client, f"/collections/{layer.name}")


def test_a_layer_states_its_coordinate_systems_the_default_first(client, layer):
    document = get(client, f"/collections/{layer.name}")
    assert document["crs"] == [CRS84, *(f"{EPSG}{code}" for code in (2177, 2180, 4326, 3857))]
    assert document["storageCrs"] in document["crs"]


def test_a_layer_states_where_it_lies(client, layer, rows):
    document = get(client, f"/collections/{layer.name}")
    (box,) = document["extent"]["spatial"]["bbox"]
    ((west, south, east, north),) = rows(
        f"SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) "
        f"FROM (SELECT ST_Extent(lonlat) AS e FROM city.{layer.name}) AS extent"
    )
    assert box == pytest.approx([west, south, east, north], abs=1e-8)


def test_the_schema_holds_just_the_public_fields_the_geometry_and_the_valid_time(client, layer):
    fields, time = {field.name for field in layer.visible_fields("public")}, {"valid_since", "valid_until"}
    more = {"schema": {"geometry"} | time, "queryables": {"geometry"} | time, "sortables": set()}
    for document, names in more.items():
        stated = get(client, f"/collections/{layer.name}/{document}")
        assert set(stated["properties"]) == fields | names
        assert stated["$id"] == f"{HOME}/collections/{layer.name}/{document}"
        jsonschema.Draft202012Validator.check_schema(stated)


def test_features_are_what_the_schema_says(client, layer):
    stated = get(client, f"/collections/{layer.name}/schema")
    stated["properties"].pop("geometry")
    validator = jsonschema.Draft202012Validator(
        stated, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    for feature in get(client, f"/collections/{layer.name}/items?limit=500")["features"]:
        present = {name: value for name, value in feature["properties"].items() if value is not None}
        assert [each.message for each in validator.iter_errors(present)] == []


def test_documents_speak_the_language_asked_for(client):
    polish = client.get("/collections/trees", headers={"Accept-Language": "de;q=0.9, pl-PL;q=0.8"})
    english = client.get("/collections/trees?lang=en", headers={"Accept-Language": "pl"})
    assert (polish.json()["title"], english.json()["title"]) == ("Drzewa", "Trees")
    assert (polish.headers["content-language"], english.headers["content-language"]) == ("pl", "en")
    assert {"Accept", "Accept-Language"} <= set(re.split(", *", polish.headers["vary"]))
    assert client.get("/collections/trees?lang=de").status_code == 400


# The OpenAPI document


@pytest.fixture(scope="module")
def definition(client):
    answer = client.get("/openapi")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    return answer.json()


def test_the_definition_is_valid_and_whole_in_itself(definition):
    OpenAPIV30SpecValidator(definition).validate()
    references = re.findall(r'"\$ref": "([^"]*)"', json.dumps(definition))
    assert references
    assert [each for each in references if not each.startswith("#/components/")] == []
    assert definition["servers"] == [{"url": HOME}]


def test_every_address_that_is_served_is_in_the_definition(client, definition):
    served = {
        path.replace("{layer}", name).replace("{process}", "extract")
        for path in (route.path for route in client.app.routes if isinstance(route, Route))
        for name in all_layers()
    }
    assert {re.sub(r"{.*?}", "{}", each) for each in served} == {
        re.sub(r"{.*?}", "{}", each) for each in definition["paths"]
    }


GOOD_BY_NAME = {
    "bbox": ["16.8,52.3,17.0,52.5", "16.8,52.3,0,17.0,52.5,9"],
    "datetime": ["2024-05-01", "../2024-05-01T00:00:00Z", "2024-05-01/2025-05-01"],
    "known-at": ["2999-12-31", "2999-12-31T23:59:59.5+02:00"],
    "filter": ["true", "NOT geometry IS NULL AND valid_since > DATE('1900-01-01')"],
    "q": ["a"],
    "tileMatrix": ["14"],
    "tileRow": ["5370"],
    "tileCol": ["8962"],
}
BAD_BY_NAME = {"bbox": ["1,2", "x"], "datetime": ["x", "../.."], "after": ["x"], "q": ["", "a" * 101]}
BAD_BY_NAME |= {
    "filter": ["", "nonsense = 1", "true AND"],
    "sortby": ["", "nonsense"],
    "properties": ["nonsense"],
}


def good(parameter, real):
    """Values that a parameter's description promises to understand."""
    schema = parameter["schema"]
    by_kind = {
        "integer": [schema.get("minimum", 0), schema.get("maximum", 1)],
        "number": ["0.5"],
        "boolean": ["true", "false"],
        "string": {"date": ["2020-01-31"], "date-time": ["2020-01-31T10:00:00Z"]}.get(
            schema.get("format", ""), ["a"]
        ),
    }
    name = parameter["name"]
    if "enum" in schema.get("items", {}):
        return [schema["items"]["enum"][0], ",".join(schema["items"]["enum"][::2])]
    # Pages are slow to draw, and the links lead to each of them.
    choices = [each for each in schema.get("enum", []) if each != "html"]
    return real.get(name) or GOOD_BY_NAME.get(name) or choices or by_kind[schema["type"]]


def bad(parameter):
    """Values that it promises to refuse."""
    schema, name = parameter["schema"], parameter["name"]
    typed = schema["type"] != "string" or "enum" in schema or "format" in schema
    return BAD_BY_NAME.get(name) or (["nonsense"] if typed else ["\x00"])


def dereference(definition, parameter):
    if "$ref" not in parameter:
        return parameter
    return definition["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]


def requests(path, parameters, real):
    """What each parameter may and may not be, as addresses with the status they should have."""
    placed = [each for each in parameters if each["in"] == "path"]
    address = path
    for each in placed:
        address = address.replace(f"{{{each['name']}}}", str(good(each, real)[0]))
    asked = [each for each in parameters if each not in placed and real.get(each["name"]) != []]
    plain = {each["name"]: good(each, real)[0] for each in asked if each.get("required")}
    plain |= {"limit": 1} if any(each["name"] == "limit" for each in asked) else {}
    for each in asked:
        for status, values in ((200, good(each, real)), (400, bad(each))):
            yield from ((status, f"{address}?{urlencode(plain | {each['name']: value})}") for value in values)
    yield 400, f"{address}?{urlencode(plain | {'nonsense': 1})}"
    yield 200, f"{address}?{urlencode(plain)}"
    for each in placed:
        yield 404, path.replace(f"{{{each['name']}}}", "nonsense")


def test_every_parameter_of_every_address_of_a_layer_does_what_the_definition_says(client, definition, layer):
    page = get(client, f"/collections/{layer.name}/items?limit=1")
    following = [each["href"] for each in page["links"] if each["rel"] == "next"]
    real = {"featureId": [page["features"][0]["id"]]} | {
        "after": [each.partition("after=")[2] for each in following]
    }
    own = f"/collections/{layer.name}"
    for path, operations in definition["paths"].items():
        if path == own or path.startswith(f"{own}/"):
            # One feature is asked for at a moment at which it is there.
            there = {"datetime": ["2999-12-31"]} if "{featureId}" in path else {}
            keeps_its_word(client, definition, path, operations["get"], real | there)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/conformance",
        "/collections",
        "/openapi",
        "/search",
        "/health",
        "/processes",
        "/processes/extract",
        "/jobs",
    ],
)
def test_every_parameter_of_a_general_address_does_what_the_definition_says(client, definition, path):
    keeps_its_word(client, definition, path, definition["paths"][path]["get"], {})


def keeps_its_word(client, definition, path, operation, real):
    """Every answer has the status and type that are stated, the plain one also the shape."""
    parameters = [dereference(definition, each) for each in operation["parameters"]]
    plain = None
    for status, url in requests(path, parameters, real):
        answer = client.get(url)
        assert answer.status_code == status, f"{url}: {answer.text[:300]}"
        stated = operation["responses"]["200"]["content"] if status == 200 else ["application/problem+json"]
        assert answer.headers["content-type"].removesuffix("; charset=utf-8") in stated
        plain = answer if status == 200 else plain
    if plain.headers["content-type"].partition(";")[0].endswith("json"):
        shape = operation["responses"]["200"]["content"][plain.headers["content-type"]]["schema"]
        fits(definition, shape, plain.json(), path)


def fits(definition, schema, document, url):
    whole = schema | {"components": definition["components"]}
    faults = [f"{each.json_path}: {each.message}" for each in OAS30Validator(whole).iter_errors(document)]
    assert faults == [], url


# How answers travel


def test_a_browser_on_another_site_may_read_answers(client):
    answer = client.get("/collections", headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    assert client.options("/collections/trees/items", headers=asked).status_code == 200
    refused = client.get("/collections/nothing", headers={"Origin": "https://elsewhere.example"})
    assert refused.headers["access-control-allow-origin"] == "*"


def test_answers_are_compressed_for_those_who_understand_it(client):
    path = "/collections/trees/items?limit=1000"
    with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["vary"]
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert len(raw) < len(plain.content) / 4
    assert json.loads(gzip.decompress(raw))["features"] == plain.json()["features"]


def test_a_head_request_gets_the_headers_of_the_answer_and_nothing_else(client):
    for path in ("/", "/collections/trees/items?limit=1", "/nothing"):
        got, head = client.get(path), client.head(path)
        assert head.content == b""
        assert head.status_code == got.status_code
        assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    "accept", ["application/geo+json", "application/json, */*;q=0.1", "*/*", "image/png", ""]
)
def test_a_program_gets_data_whatever_it_says_it_accepts(client, accept):
    page = client.get("/collections/trees/items?limit=1", headers={"Accept": accept})
    assert page.headers["content-type"] == "application/geo+json"
    assert (
        client.get("/collections", headers={"Accept": accept}).headers["content-type"] == "application/json"
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_another_method_is_refused_with_those_that_are_allowed(client, method):
    for path in ("/", "/collections/trees/items", "/collections/trees/items/D1"):
        answer = client.request(method, path)
        assert answer.status_code == 405
        assert answer.json()["detail"] == f"{method} is not answered here; GET is."
        assert set(re.split(", *", answer.headers["allow"])) == {"GET", "HEAD"}


HOSTILE = [
    "Działka <0> & „żółć” 'gęś' \"jaźń\"",
    "</script><script>alert(1)</script>",
    "a\\b\n\t\r\x01\x1f\x7f",
    "\u202etxt.exe \u2028\u2029 \ufeff 🌳 \U0010ffff",
    "%s %(key)s {0} ${x} :name $1 ; DROP TABLE trees; --",
    "NaN",
    "",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_comes_back_as_it_was_written(client, loaded, value):
    with loaded.transaction() as connection:
        statement = (
            "UPDATE city.trees SET species = :value WHERE tree_id = (SELECT min(tree_id) FROM city.trees)"
        )
        connection.execute(sa.text(statement), {"value": value})
    answer = client.get("/collections/trees/items?limit=1")
    assert json.loads(answer.content.decode("utf-8"))["features"][0]["properties"]["species"] == value
    found = get(client, f"/collections/trees/items?{urlencode({'species': value})}")
    assert [each["properties"]["species"] for each in found["features"]] == [value]


@pytest.mark.parametrize("language", ["pl", "en"])
def test_every_example_of_the_manual_finds_something(client, language):
    manual = client.get(f"/openapi?lang={language}").json()["info"]["description"]
    addresses = re.findall(r"`(/collections/[^`]*)`", manual)
    assert len(addresses) > 8
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, f"{address}: {answer.text[:200]}"
        assert answer.json().get("features", True) != [], address
