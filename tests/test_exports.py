"""Layers as files: what GDAL and geopandas read out of them is what the API says of the same features."""

import gzip
import io
import json
import sqlite3
import subprocess
import tempfile
import threading

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from pyarrow import parquet
from pyproj import CRS
from starlette.testclient import TestClient

from api import exports
from api.app import application
from api.exports import FORMATS
from api.shelf import Shelf
from layers import all_layers
from pipelines.keys import new_key
from pipelines.load import Order, load

every_format = pytest.mark.parametrize("ending", FORMATS)
STORED = "http://www.opengis.net/def/crs/EPSG/0/2177"
CENTIMETRE = {"EPSG:4326": 1e-7, "EPSG:2177": 0.01}


def get(client, path, **sent):
    answer = client.get(path, **sent)
    assert answer.status_code == 200, answer.text
    return answer


def told(client, layer, query=""):
    """Every feature of the layer as the items endpoint tells it: properties and geometry by key."""
    features, path = [], f"/collections/{layer.name}/items?limit=10000&{query}"
    while path:
        page = get(client, path).json()
        features += page["features"]
        path = next((each["href"] for each in page["links"] if each["rel"] == "next"), None)
    return {each["id"]: each for each in features}


def read(client, layer, ending, query="", at="", **sent):
    """The exported file, read by GDAL or pyarrow."""
    body = get(client, f"/collections/{layer.name}{at}/export.{ending}{query}", **sent).content
    if ending == "parquet":
        return gpd.read_parquet(io.BytesIO(body))
    body = gzip.decompress(body) if ending == "geojson.gz" else body
    with tempfile.NamedTemporaryFile(suffix=f".{ending.removesuffix('.gz')}") as file:
        file.write(body)
        file.flush()
        return gpd.read_file(file.name, layer=layer.name if ending == "gpkg" else 0)


@every_format
def test_a_file_holds_just_the_features_that_the_api_tells(client, layer, ending):
    frame = read(client, layer, ending).set_index(layer.key, drop=False)
    system = "" if ending == "geojson.gz" else f"crs={STORED}"
    features = told(client, layer, system)
    assert len(frame) == len(features) > 0
    assert set(frame.index) == set(features)
    fields = layer.visible_fields("public")
    assert {field.name for field in fields} <= set(frame.columns)
    for field in fields:
        expected = pd.Series({key: each["properties"][field.name] for key, each in features.items()})
        assert same(frame[field.name].loc[expected.index], expected, field.kind)
    # The API writes the northing first, files never do.
    drawn = shapely.from_geojson([json.dumps(features[key]["geometry"]) for key in frame.index])
    drawn = shapely.transform(drawn, lambda xy: xy[:, ::-1]) if system else drawn
    assert frame.crs == CRS(4326 if ending == "geojson.gz" else 2177)
    tolerance = CENTIMETRE[frame.crs.to_string()]
    assert shapely.equals_exact(drawn, frame.geometry.to_numpy(), tolerance).all()


def same(found, expected, kind):
    both_absent = found.isna() & expected.isna()
    if kind in ("date", "moment"):
        found, expected = (pd.to_datetime(each, utc=True) for each in (found, expected))
    if kind in ("integer", "number"):
        found, expected = (pd.to_numeric(each) for each in (found, expected))
    return ((found == expected) | both_absent).all()


@every_format
def test_a_box_and_a_value_narrow_a_file_as_they_narrow_the_features(client, ending):
    layer, query = all_layers()["trees"], "bbox=16.908,52.402,16.915,52.408&vitality=good"
    features = told(client, layer, query)
    assert 0 < len(features) < len(told(client, layer))
    assert set(read(client, layer, ending, f"?{query}")[layer.key]) == set(features)


@every_format
def test_a_filter_and_a_moment_narrow_a_file_too(client, ending):
    layer, query = all_layers()["trees"], "filter=girth_cm%20%3E%20100&datetime=2099-01-01T00:00:00Z"
    features = told(client, layer, query)
    assert 0 < len(features) < len(told(client, layer))
    frame = read(client, layer, ending, f"?{query}")
    assert set(frame[layer.key]) == set(features)
    dated = read(client, layer, ending, "?filter=girth_cm%20%3E%20100", at="@2099-01-01")
    assert set(dated[layer.key]) == set(features)
    if ending != "geojson.gz":
        assert frame["valid_since"].notna().all()
        assert frame["valid_until"].isna().all()


@every_format
def test_nothing_in_a_box_is_a_file_without_features(client, ending):
    frame = read(client, all_layers()["trees"], ending, "?bbox=0,0,1,1")
    assert len(frame) == 0


@pytest.mark.parametrize("ending", ["shp", "gpkg.zip", "GPKG", "pmtiles", "..", "geojson"])
def test_an_unknown_ending_is_refused_with_those_that_are_known(client, ending):
    answer = client.get(f"/collections/trees/export.{ending}")
    assert answer.status_code == 404
    assert all(known in answer.json()["detail"] for known in FORMATS)


@pytest.mark.parametrize("query", ["limit=3", "crs=EPSG:2177", "f=json", "bbox=1,2", "species=a&species=b"])
def test_what_an_export_does_not_understand_is_refused(client, query):
    assert client.get(f"/collections/trees/export.gpkg?{query}").status_code == 400


def test_an_unknown_layer_has_no_export(client):
    assert client.get("/collections/nothing/export.gpkg").status_code == 404


@every_format
def test_a_file_that_somebody_has_is_not_sent_again(client, ending):
    path = f"/collections/stops/export.{ending}"
    first = get(client, path)
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert get(client, path).content == first.content
    assert "public" in first.headers["cache-control"]
    assert first.headers["content-type"] == FORMATS[ending].media_type
    assert f"stops.{ending}" in first.headers["content-disposition"]


def test_a_file_can_be_read_in_parts(client):
    """GDAL and DuckDB read only what they need of a file that lies on a server."""
    whole = get(client, "/collections/trees/export.fgb").content
    part = client.get("/collections/trees/export.fgb", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole[100:200])
    assert client.head("/collections/trees/export.fgb").headers["content-length"] == str(len(whole))


def test_a_flatgeobuf_on_a_server_is_read_by_its_spatial_index(site, client, rows):
    address = f"/vsicurl/{site}/collections/trees/export.fgb"
    middle = "ST_XMin(box) + 0.4 * w, ST_YMin(box) + 0.4 * w, ST_XMin(box) + 0.5 * w, ST_YMin(box) + 0.5 * w"
    (box,) = rows(
        f"SELECT {middle} FROM (SELECT ST_Extent(geom) AS box, 1000 AS w FROM city.trees) AS extent"
    )
    corners = ", ".join(map(str, box))
    ((expected,),) = rows(
        f"SELECT count(*) FROM city.trees WHERE ST_Intersects(geom, ST_MakeEnvelope({corners}, 2177))"
    )
    # In a process of its own, because GDAL waits here for a server in this one.
    command = ["ogrinfo", "-q", "-spat", *map(str, box), address, "trees"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.count("OGRFeature(") == expected > 0


def test_two_who_ask_at_once_have_one_file_made(client, monkeypatch):
    made, together = [], threading.Barrier(2, timeout=20)
    form = FORMATS["gpkg"]

    def counted(export, path):
        made.append(export.layer.name)
        form.write(export, path)

    monkeypatch.setitem(exports.FORMATS, "gpkg", exports.Format(form.media_type, form.title, counted))
    found = []

    def ask():
        together.wait()
        found.append(get(client, "/collections/buildings/export.gpkg?lang=en").content)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert made == ["buildings"]
    assert found[0] == found[1]


def test_a_file_that_could_not_be_made_leaves_nothing_behind(client, monkeypatch):
    form = FORMATS["parquet"]

    def broken(export, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(exports.FORMATS, "parquet", exports.Format(form.media_type, form.title, broken))
    path = "/collections/districts/export.parquet?lang=en"
    assert client.get(path).status_code == 500
    monkeypatch.setitem(exports.FORMATS, "parquet", form)
    assert get(client, path).content.startswith(b"PAR1")


def test_a_changed_layer_gives_another_file(client, loaded, node, tmp_path):
    before = get(client, "/collections/stops/export.geojson.gz")
    features = json.loads(gzip.decompress(before.content))["features"]
    point = features[0]["geometry"]["coordinates"]
    lines = ["stopId,stopName,latitude,longitude", f"NEW1,Nowy przystanek,{point[1]},{point[0]}"]
    (tmp_path / "stops.csv").write_text("\n".join(lines) + "\n")
    order = Order("stops", (tmp_path / "stops.csv",), None, frozenset({"removals"}))
    load(order, loaded, node)
    after = get(client, "/collections/stops/export.geojson.gz")
    assert after.headers["etag"] != before.headers["etag"]
    assert [each["id"] for each in json.loads(gzip.decompress(after.content))["features"]] == ["NEW1"]


def test_a_geopackage_brings_its_style_and_its_metadata(client, layer, tmp_path):
    path = tmp_path / "layer.gpkg"
    path.write_bytes(get(client, f"/collections/{layer.name}/export.gpkg?lang=en").content)
    with sqlite3.connect(path) as file:
        styles = file.execute("SELECT f_table_name, styleQML, useAsDefault FROM layer_styles").fetchall()
        ((title, about),) = file.execute(
            "SELECT identifier, description FROM gpkg_contents WHERE data_type = 'features'"
        )
        titles = dict(file.execute("SELECT column_name, name FROM gpkg_data_columns"))
    assert (title, about) == (layer.title["en"], layer.about["en"])
    assert titles == {field.name: field.pl for field in layer.visible_fields("public")}
    assert {name for name, _, _ in styles} == {layer.name}
    assert sum(default for _, _, default in styles) == 1
    coloured = {*layer.style.colours.values(), layer.style.colour}
    for colour in coloured if layer.style.by else []:
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        assert f"{red},{green},{blue}," in styles[0][1]
    done = subprocess.run(["ogrinfo", "-so", path, layer.name], capture_output=True, text=True, check=True)
    assert f"owner={layer.owner}" in done.stdout
    assert f"licence={layer.licence}" in done.stdout


def test_a_geoparquet_states_its_coordinate_system_and_geometry(client, layer):
    body = get(client, f"/collections/{layer.name}/export.parquet").content
    stated = json.loads(metadata_of(body)[b"geo"])
    column = stated["columns"][stated["primary_column"]]
    assert (stated["version"], column["encoding"]) == ("1.1.0", "WKB")
    assert CRS.from_json_dict(column["crs"]) == CRS(2177)
    assert column["geometry_types"] == ([layer.geometry] if layer.geometry != "Geometry" else [])


def metadata_of(body):
    return parquet.read_schema(io.BytesIO(body)).metadata


# Who may see what


@pytest.fixture(scope="module")
def asking(vaulted):
    with TestClient(application(), raise_server_exceptions=False) as asking:
        yield asking


@every_format
def test_closed_fields_are_in_no_file_of_the_public(asking, vaulted, ending):
    layer = all_layers()["benches"]
    shown = {field.name for field in layer.visible_fields("public")}
    closed = {field.name for field in layer.fields} - shown
    body = get(asking, "/collections/benches/export." + ending).content
    body = gzip.decompress(body) if ending == "geojson.gz" else body
    assert closed
    assert not any(name.encode() in body for name in closed)
    assert b"Kowalska" not in body
    key = {"Authorization": f"Bearer {new_key(vaulted, 'internal', 'test', None).token}"}
    opened = read(asking, layer, ending, headers=key)
    inside = {field.name for field in layer.visible_fields("internal")}
    assert inside <= set(opened.columns)
    assert inside > shown
    # The file that was made for somebody else is not the one that the public gets.
    assert not closed & set(read(asking, layer, ending).columns)


@every_format
def test_a_closed_layer_has_no_file_for_the_public(asking, ending):
    assert asking.get(f"/collections/proceedings/export.{ending}").status_code == 404


# The command


@every_format
def test_a_command_writes_the_same_file(run, client, layer, tmp_path, ending):
    path = tmp_path / f"{layer.name}.{ending}"
    code, out, err = run("export", layer.name, "-o", str(path))
    assert (code, err) == (0, "")
    assert f"{path.stat().st_size:,} bytes" in out
    assert path.read_bytes() == get(client, f"/collections/{layer.name}/export.{ending}?lang=pl").content


@pytest.mark.parametrize("name", ["trees.shp", "trees", "gpkg", ".gpkg.bak"])
def test_a_command_refuses_unknown_endings_and_keeps_what_was_there(run, loaded, tmp_path, name):
    (tmp_path / name).write_text("mine")
    code, _, err = run("export", "trees", "-o", str(tmp_path / name))
    assert code == 2
    assert all(known in err for known in FORMATS)
    assert (tmp_path / name).read_text() == "mine"


def test_a_command_needs_a_folder_that_is_there(run, loaded, tmp_path):
    code, _, err = run("export", "trees", "-o", str(tmp_path / "absent" / "trees.fgb"))
    assert code == 2
    assert "Make it first" in err


# The shelf


def test_a_shelf_keeps_to_its_bound_and_gives_up_what_was_used_least(tmp_path):
    shelf = Shelf(tmp_path, 100_000)
    for number in range(40):
        shelf.kept(f"{number}", lambda path: path.write_bytes(b"x" * 10_000))
        shelf.found("0")
    kept = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert len(kept) <= 11
    assert {"0", "39"} <= kept


def test_a_file_larger_than_the_shelf_is_given_all_the_same(tmp_path):
    path = Shelf(tmp_path, 10).kept("large", lambda path: path.write_bytes(b"x" * 1000))
    assert path.stat().st_size == 1000
