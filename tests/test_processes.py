"""Processes are described, run and refused as OGC API Processes says."""

import base64
import json

import jsonschema
import pytest

from api.exports import FORMATS
from layers import all_layers

HERE = "/processes/extract/execution"
TREES = {"layer": "trees", "format": "geojson.gz"}
BOX = [16.908, 52.402, 16.915, 52.408]

every_format = pytest.mark.parametrize("ending", list(FORMATS))


def run(client, inputs, **more):
    return client.post(HERE, json={"inputs": inputs} | more)


def refused(client, body, sentence):
    answer = client.post(HERE, content=body if isinstance(body, bytes) else json.dumps(body))
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert sentence in answer.json()["detail"]
    return answer.json()["detail"]


# What can be asked


def test_processes_are_listed_page_by_page(client):
    listed = client.get("/processes").json()
    (extract,) = listed["processes"]
    assert extract["id"] == "extract"
    assert extract["jobControlOptions"] == ["sync-execute", "async-execute", "dismiss"]
    assert client.get("/processes?limit=1").json()["processes"] == listed["processes"]
    assert client.get("/processes?after=extract").json()["processes"] == []


def test_a_process_describes_its_inputs_by_schemas_that_hold(client):
    stated = client.get("/processes/extract?lang=en").json()
    assert stated["title"] == "Extract of a layer"
    for each in stated["inputs"].values():
        jsonschema.Draft202012Validator.check_schema(each["schema"])
    assert stated["inputs"]["layer"]["schema"]["enum"] == list(all_layers())
    assert {name for name, each in stated["inputs"].items() if each["minOccurs"]} == {"layer", "format"}
    assert run(client, **stated["example"]).status_code == 200


def test_a_process_that_is_not_there_is_told_with_those_that_are(client):
    for answer in (client.get("/processes/buffer"), client.post("/processes/buffer/execution", json={})):
        assert answer.status_code == 404
        assert answer.json()["type"].endswith("/no-such-process")
        assert "extract" in answer.json()["detail"]


# What is answered


@every_format
def test_an_extract_of_a_whole_layer_is_the_export_of_it(client, layer, ending):
    answer = run(client, {"layer": layer.name, "format": ending})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == FORMATS[ending].media_type
    assert answer.content == client.get(f"/collections/{layer.name}/export.{ending}").content


@every_format
def test_an_extract_is_narrowed_as_an_export_is(client, ending):
    inputs = {
        "layer": "trees",
        "format": ending,
        "bbox": {"bbox": BOX},
        "filter": "girth_cm > 100",
        "datetime": "2099-01-01",
        "known-at": "2099-01-01",
    }
    query = (
        f"bbox={','.join(map(str, BOX))}&filter=girth_cm%20%3E%20100&datetime=2099-01-01&known-at=2099-01-01"
    )
    answer = run(client, inputs)
    export = client.get(f"/collections/trees/export.{ending}?{query}")
    assert answer.content == export.content
    whole = client.get(f"/collections/trees/export.{ending}")
    assert 0 < len(answer.content) < len(whole.content)


def test_a_box_in_another_system_is_read_by_its_axes(client):
    crs = "http://www.opengis.net/def/crs/EPSG/0/4326"
    west, south, east, north = BOX
    flipped = {"bbox": {"bbox": [south, west, north, east], "crs": crs}}
    assert run(client, TREES | flipped).content == run(client, TREES | {"bbox": {"bbox": BOX}}).content


def test_a_result_is_given_as_it_is_wanted(client):
    raw = run(client, TREES)
    assert 'rel="monitor"' in raw.headers["link"]
    assert raw.headers["cache-control"] == "no-store"
    document = run(client, TREES, response="document").json()
    assert base64.b64decode(document["file"]["value"]) == raw.content
    assert document["file"]["mediaType"] == FORMATS["geojson.gz"].media_type
    outputs = {"file": {"transmissionMode": "reference"}}
    referred = run(client, TREES, response="document", outputs=outputs).json()
    assert client.get(referred["file"]["href"]).content == raw.content
    empty = run(client, TREES, outputs=outputs)
    assert (empty.status_code, empty.content) == (204, b"")
    address = empty.headers["link"].partition("<")[2].partition(">")[0]
    assert client.get(address).content == raw.content


def test_an_input_may_be_wrapped_as_the_standard_writes_it(client):
    wrapped = {name: {"value": value} for name, value in TREES.items()}
    assert run(client, wrapped).content == run(client, TREES).content


def test_a_large_result_is_given_by_its_address(client, monkeypatch):
    monkeypatch.setattr("api.process_answers.MOST_INLINE", 10)
    assert "href" in run(client, TREES, response="document").json()["file"]


def test_the_language_of_titles_is_that_of_the_request(client):
    inputs = {"layer": "trees", "format": "gpkg"}
    for language in ("pl", "en"):
        made = client.post(f"{HERE}?lang={language}", json={"inputs": inputs}).content
        assert all_layers()["trees"].title[language].encode() in made


def test_who_waits_too_long_is_told_to_ask_for_a_job(client, loaded, monkeypatch):
    monkeypatch.setattr("api.process_answers.SYNC_SECONDS", 0.5)
    with loaded.transaction() as connection:
        connection.exec_driver_sql("LOCK TABLE city.trees IN ACCESS EXCLUSIVE MODE")
        answer = run(client, TREES)
    assert answer.status_code == 503
    assert "Prefer: respond-async" in answer.json()["detail"]


def test_the_preference_for_a_job_is_read_among_others(client):
    for preferred in ("respond-async", "handling=strict, Respond-Async; wait=10"):
        answer = client.post(HERE, json={"inputs": TREES}, headers={"Prefer": preferred})
        assert answer.status_code == 201
        assert answer.headers["preference-applied"] == "respond-async"
    assert client.post(HERE, json={"inputs": TREES}, headers={"Prefer": "wait=10"}).status_code == 200


# What is refused


def test_all_faults_of_a_request_are_told_at_once(client):
    inputs = {
        "layer": "cats",
        "colour": 1,
        "bbox": {"bbox": [1], "crs": "EPSG:1"},
        "filter": 5,
        "known-at": "",
    }
    told = refused(
        client, {"inputs": inputs, "response": "xml", "outputs": {"nothing": {}}}, "layer is one of"
    )
    for part in (
        "'colour'",
        "format",
        "bbox.bbox",
        "bbox.crs",
        "filter is a text",
        "known-at",
        "response",
        "'nothing'",
    ):
        assert part in told
    assert "cats" not in told


def test_what_no_schema_can_say_is_told_at_once_too(client):
    inputs = TREES | {
        "bbox": {"bbox": [17, 53, 16, 52]},
        "filter": "nonsense = 1",
        "datetime": "yesterday",
        "known-at": "1/2",
    }
    told = refused(client, {"inputs": inputs}, "bbox")
    for part in ("nonsense", "yesterday", "1/2"):
        assert part in told


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b"[" * 5000, "is no JSON"),
        (b"[]", "is a JSON object"),
        (b"null", "is a JSON object"),
        (b"{}", "lacks inputs"),
        (b'{"inputs": []}', "inputs is an object"),
        (b'{"inputs": null}', "inputs is an object"),
        (b'{"inputs": {"layer": {"href": "http://127.0.0.1/"}, "format": "gpkg"}}', "fetches nothing"),
        (b'{"inputs": {"layer": ["trees"], "format": "gpkg"}}', "layer is one of"),
        (b'{"inputs": {"layer": "trees", "format": "GPKG"}}', "format is one of gpkg"),
        (b'{"inputs": {"layer": "trees", "format": "gpkg", "datetime": "\\u0000"}}', ""),
        (b'{"inputs": {"layer": "trees", "format": "gpkg", "filter": "species = \'\\u0000\'"}}', ""),
        (b'{"inputs": {"layer": "trees", "format": "gpkg", "bbox": {"bbox": [1e400, 0, 1, 1]}}}', ""),
        (b'{"inputs": {"layer": "trees", "format": "gpkg", "bbox": {"bbox": [NaN, 0, 1, 1]}}}', "is no JSON"),
        (b'{"inputs": {"layer": "trees", "format": "gpkg", "bbox": [1, 2, 3, 4]}}', "bbox is an object"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_sentence(client, body, sentence):
    refused(client, body, sentence)


@pytest.mark.parametrize("address", ["http://127.0.0.1/", "https://elsewhere.example/done"])
def test_nobody_is_called_back(client, address):
    body = {"inputs": TREES, "subscriber": {"successUri": address}}
    refused(client, body, "calls nobody back")


def test_a_request_has_a_bound(client):
    refused(client, {"inputs": TREES | {"filter": "x" * 300_000}}, "more than 250000 bytes")
    refused(client, {"inputs": TREES | {"filter": "x" * 40_000}}, "32000 signs at most")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", HERE, {"POST"}),
        ("DELETE", "/processes/extract", {"GET", "HEAD"}),
        ("POST", "/jobs", {"GET", "HEAD"}),
        ("PUT", "/jobs/x", {"GET", "HEAD", "DELETE"}),
    ],
)
def test_another_method_is_refused_with_those_that_are_allowed(client, method, path, allowed):
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert all(name in answer.json()["detail"] for name in allowed - {"HEAD"})


@pytest.mark.parametrize("path", ["/processes", "/processes/extract", "/jobs"])
def test_unknown_parameters_are_refused(client, path):
    assert client.get(f"{path}?nonsense=1").status_code == 400
    assert client.post(f"{HERE}?nonsense=1", json={"inputs": TREES}).status_code == 400


# Other sites, and what is promised


def test_scripts_of_other_sites_may_run_processes(client):
    asked = {
        "Origin": "https://plan.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,prefer",
    }
    answer = client.options(HERE, headers=asked)
    assert answer.status_code == 200
    assert "POST" in answer.headers["access-control-allow-methods"]


def test_a_declared_class_of_the_standard_is_one_that_works(client):
    declared = {
        each.rpartition("/")[2]
        for each in client.get("/conformance").json()["conformsTo"]
        if "ogcapi-processes-1" in each
    }
    # Neither are jobs listed as `job-list` wants, by every parameter, nor is anybody called back.
    assert declared == {"core", "ogc-process-description", "json", "html", "oas30", "dismiss"}
