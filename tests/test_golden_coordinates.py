"""Points that a surveyor measured come to every client within a centimetre, in every coordinate system."""

import json
import os
import re
import shutil
import subprocess
from urllib.parse import urlencode
from urllib.request import urlopen

import geopandas
import numpy as np
import pytest
import shapely
from owslib.ogcapi.features import Features
from pyproj import CRS, Transformer

from pipelines.load import Order, load

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
SYSTEMS = {CRS84: "OGC:CRS84"} | {f"{EPSG}{code}": f"EPSG:{code}" for code in (2177, 2180, 3857, 4326)}
POINTS = "collections/boundary_points/items"
PARCEL = "143204_2.0015.26/35"
# The delivery is in zone 7, its northing first; the node keeps zone 6.
DELIVERED = "EPSG:2178"
CENTIMETRE = {"EPSG:4326": 0.01 / 111_320, "OGC:CRS84": 0.01 / 111_320}


@pytest.fixture(scope="module")
def gml(shared):
    return (shared / "egib" / "leszno_2021.gml").read_text("utf-8")


@pytest.fixture(scope="module")
def measured(gml):
    """Five points of a parcel: local identifier → northing, easting in EPSG:2178, as the GML writes them."""
    parcels = re.findall(r"<egb:EGB_DzialkaEwidencyjna .*?</egb:EGB_DzialkaEwidencyjna>", gml, re.DOTALL)
    (parcel,) = [each for each in parcels if f"<egb:idDzialki>{PARCEL}<" in each]
    points = re.findall(r'punktGranicyDzialki xlink:href="PL\.PZGiK\.179\.EGiB_(.*?)_', parcel)[:5]
    return {point: _position(gml, point) for point in points}


def _position(gml, point):
    block = gml[gml.index(f'<egb:EGB_PunktGraniczny gml:id="PL.PZGiK.179.EGiB_{point}_') :]
    northing, easting = re.search(r"<gml:pos>(.*?) (.*?)</gml:pos>", block).groups()
    return float(northing), float(easting)


@pytest.fixture(scope="module")
def county(database, node, city, shared):
    """A node with the county's cadastre, and the sample city's trees for something to count."""
    order = Order("egib", (shared / "egib" / "leszno_2021.gml",), accepted=frozenset({"extent"}))
    load(order, database, node)
    load(Order("trees", (city["trees"],)), database, node)
    return database


@pytest.fixture(scope="module")
def address(county, serve):
    """Where the node listens."""
    return serve().url


def get(url):
    with urlopen(url, timeout=30) as answer:
        return json.load(answer)


def expected(measured, system):
    """What pyproj makes of the measured points, axes in the order of the authority."""
    change = Transformer.from_crs(DELIVERED, system)
    return {point: change.transform(*position) for point, position in measured.items()}


def same(found, measured, system, *, easting_first=False):
    """Every measured point is found within a centimetre."""
    for point, (first, second) in expected(measured, system).items():
        flipped = easting_first and system in ("EPSG:2177", "EPSG:2180", "EPSG:4326")
        wanted = (second, first) if flipped else (first, second)
        assert found[point] == pytest.approx(wanted, abs=CENTIMETRE.get(system, 0.01), rel=0), (point, system)


def counted(rows, layer):
    return rows(f"SELECT count(*) FROM city.{layer}")[0][0]


def test_the_text_of_the_delivery_has_the_northing_first(measured):
    assert len(measured) == 5
    for northing, easting in measured.values():
        assert 5_790_000 < northing < 5_795_000
        assert 7_469_000 < easting < 7_470_000


@pytest.mark.parametrize("crs", SYSTEMS)
def test_points_come_by_plain_http_as_pyproj_transforms_them(address, measured, rows, crs):
    page = get(f"{address}/collections/boundary_points/items?{urlencode({'crs': crs, 'limit': 1000})}")
    same({each["id"]: each["geometry"]["coordinates"] for each in page["features"]}, measured, SYSTEMS[crs])
    assert page["numberMatched"] == len(page["features"]) == counted(rows, "boundary_points")


@pytest.mark.parametrize("crs", SYSTEMS)
def test_a_point_alone_lies_where_it_lies_in_the_list(address, measured, crs):
    here = f"{address}/collections/boundary_points/items"
    alone = {point: get(f"{here}/{point}?{urlencode({'crs': crs})}") for point in measured}
    same({key: each["geometry"]["coordinates"] for key, each in alone.items()}, measured, SYSTEMS[crs])


@pytest.mark.parametrize("crs", SYSTEMS)
def test_a_box_a_centimetre_around_a_point_finds_it(address, measured, crs):
    system = SYSTEMS[crs]
    step = CENTIMETRE.get(system, 0.01)
    for point, (first, second) in expected(measured, system).items():
        box = ",".join(map(repr, (first - step, second - step, first + step, second + step)))
        found = get(
            f"{address}/collections/boundary_points/items?{urlencode({'bbox': box, 'bbox-crs': crs})}"
        )
        assert point in [each["id"] for each in found["features"]]


def test_a_parcel_lies_between_its_points(address, measured):
    query = urlencode({"parcel_id": PARCEL, "crs": f"{EPSG}2177"})
    (parcel,) = get(f"{address}/collections/parcels/items?{query}")["features"]
    corners = np.array(parcel["geometry"]["coordinates"][0])
    for position in expected(measured, "EPSG:2177").values():
        assert np.linalg.norm(corners - position, axis=1).min() < 0.01
    assert shapely.Polygon(corners).area == pytest.approx(1895, abs=2)


def test_a_layer_that_was_never_loaded_answers_with_nothing(address):
    for narrowed in ({}, {"bbox": "16,52,17,53"}, {"datetime": "2024-05-01"}, {"resulttype": "hits"}):
        page = get(f"{address}/collections/stops/items?{urlencode(narrowed)}")
        assert (page["features"], page["numberReturned"], page["numberMatched"]) == ([], 0, 0)
    assert get(f"{address}/collections/stops")["extent"]["spatial"]["bbox"]


# GDAL of geopandas


@pytest.mark.desktop
def test_geopandas_reads_points_where_they_are(address, measured, rows):
    points = geopandas.read_file(f"OAPIF:{address}/collections/boundary_points")
    assert points.crs.to_authority() in (("OGC", "CRS84"), ("EPSG", "4326"))
    same(by_identifier(points), measured, "OGC:CRS84")
    assert len(points) == counted(rows, "boundary_points")


def by_identifier(points):
    return {key: (point.x, point.y) for key, point in zip(points["local_id"], points.geometry, strict=True)}


@pytest.mark.desktop
@pytest.mark.parametrize("system", ["EPSG:2177", "EPSG:2180", "EPSG:3857"])
def test_geopandas_reads_points_in_the_system_it_asks_for(address, measured, system):
    """GDAL turns the axes, so that the easting is x."""
    points = geopandas.read_file(f"OAPIF:{address}/collections/boundary_points", CRS=system)
    assert points.crs == system
    same(by_identifier(points), measured, system, easting_first=True)


@pytest.mark.desktop
def test_geopandas_reads_parcels_with_their_fields(address, rows):
    parcels = geopandas.read_file(f"OAPIF:{address}/collections/parcels")
    assert len(parcels) == counted(rows, "parcels") == 14
    assert set(parcels.geom_type) == {"Polygon"}
    assert {"local_id", "parcel_id", "area_ha", "version_from"} <= set(parcels.columns)
    assert parcels["area_ha"].dtype == "float64"
    assert str(parcels["version_from"].dtype).startswith("datetime64")
    areas = dict(rows("SELECT local_id, ST_Area(geom) FROM city.parcels"))
    found = dict(zip(parcels["local_id"], parcels.to_crs(2177).area, strict=True))
    assert found == pytest.approx(areas, abs=0.1)  # square metres


@pytest.mark.desktop
def test_geopandas_reads_all_pages_and_part_of_the_city(address, rows):
    trees = geopandas.read_file(f"OAPIF:{address}/collections/trees")
    assert len(trees) == trees["tree_id"].nunique() == counted(rows, "trees")
    box = (16.91, 52.405, 16.92, 52.41)
    part = geopandas.read_file(f"OAPIF:{address}/collections/trees", bbox=box)
    assert set(part["tree_id"]) == set(trees[trees.intersects(shapely.box(*box))]["tree_id"])


# GDAL's own commands


def run(*command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed; make test installs what it comes with")
    # The Python packages bring another GDAL with data of its own.
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GDAL", "PROJ"))}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=clean)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr
    return done.stdout


@pytest.mark.desktop
@pytest.mark.parametrize("system", SYSTEMS.values())
def test_ogr2ogr_writes_points_where_they_are(address, measured, rows, system):
    """It asks in degrees, and writes the easting first whatever the system."""
    xy = ("-f", "CSV", "-lco", "GEOMETRY=AS_XY", "-lco", "SEPARATOR=COMMA", "-t_srs", system, "/vsistdout/")
    text = run("ogr2ogr", *xy, f"OAPIF:{address}", "boundary_points", "-oo", "PAGE_SIZE=1000")
    lines = [line.split(",") for line in text.splitlines()]
    head, *found = lines
    column = head.index("local_id")
    there = {line[column]: (float(line[0]), float(line[1])) for line in found}
    same(there, measured, system, easting_first=True)
    assert len(found) == counted(rows, "boundary_points")


@pytest.mark.desktop
def test_ogrinfo_counts_what_the_database_holds(address, rows):
    for layer in ("boundary_points", "parcels", "trees"):
        text = run("ogrinfo", "-ro", "-so", f"OAPIF:{address}", layer, "-oo", "PAGE_SIZE=1000")
        assert f"Feature Count: {counted(rows, layer)}" in text


@pytest.mark.desktop
def test_ogrinfo_finds_a_feature_by_its_identifier(address, measured):
    point = next(iter(measured))
    text = run("ogrinfo", "-ro", f"OAPIF:{address}", "boundary_points", "-where", f"local_id = '{point}'")
    assert text.count("OGRFeature(boundary_points)") == 1


# curl, the way a script asks


@pytest.mark.desktop
@pytest.mark.parametrize("crs", SYSTEMS)
def test_curl_gets_points_where_they_are(address, measured, crs):
    asked = ("--data-urlencode", f"crs={crs}", "--data-urlencode", "limit=1000")
    told = run("curl", "-sS", "--fail", "--get", *asked, f"{address}/{POINTS}")
    page = json.loads(told)
    same({each["id"]: each["geometry"]["coordinates"] for each in page["features"]}, measured, SYSTEMS[crs])


# OWSLib


@pytest.mark.parametrize("crs", SYSTEMS)
def test_owslib_gets_points_where_they_are(address, measured, crs):
    client = Features(f"{address}/")
    assert "boundary_points" in client.feature_collections()
    page = client.collection_items("boundary_points", crs=crs, limit=1000)
    same({each["id"]: each["geometry"]["coordinates"] for each in page["features"]}, measured, SYSTEMS[crs])


def test_owslib_follows_what_the_node_says_of_itself(address, measured):
    client, point = Features(f"{address}/"), next(iter(measured))
    assert client.conformance()["conformsTo"]
    assert client.api()["openapi"].startswith("3.")
    assert "local_id" in client.collection_queryables("boundary_points")["properties"]
    assert client.collection_item("boundary_points", point)["id"] == point
    narrowed = client.collection_items("boundary_points", filter=f"local_id = '{point}'")
    assert [each["id"] for each in narrowed["features"]] == [point]


# QGIS, which asks in degrees and turns them into the system of the project itself

IN_SYSTEMS = """
told = {}
for name in json.loads(sys.argv[2]):
    layer = QgsVectorLayer(f"url='{sys.argv[1]}/' typename='{name}' restrictToRequestBBOX='0'", name, "OAPIF")
    assert layer.isValid(), layer.error().message()
    found = {}
    for system in json.loads(sys.argv[3]):
        there = QgsCoordinateReferenceSystem(system)
        change = QgsCoordinateTransform(layer.crs(), there, QgsProject.instance().transformContext())
        found[system] = []
        for feature in layer.getFeatures():
            centre = change.transform(feature.geometry().centroid().asPoint())
            found[system].append((feature.attributes()[0], centre.x(), centre.y()))
    fields = [field.name() for field in layer.fields()]
    told[name] = {"crs": layer.crs().authid(), "fields": fields, "features": found}
"""


@pytest.fixture(scope="module")
def shown(address, in_qgis):
    """What QGIS shows of three layers, in every system."""
    layers = ["boundary_points", "parcels", "trees"]
    return in_qgis(IN_SYSTEMS, address, json.dumps(layers), json.dumps(list(SYSTEMS.values())))


@pytest.mark.desktop
@pytest.mark.parametrize("system", SYSTEMS.values())
def test_qgis_shows_points_where_they_are(shown, measured, system):
    points = shown["boundary_points"]
    assert points["crs"] in ("OGC:CRS84", "EPSG:4326")
    assert points["fields"][:2] == ["id", "local_id"]
    found = {key: (x, y) for key, x, y in points["features"][system]}
    same(found, measured, system, easting_first=True)


@pytest.mark.desktop
def test_qgis_counts_what_the_database_holds(shown, rows):
    for layer, told in shown.items():
        for found in told["features"].values():
            assert len(found) == len({key for key, _, _ in found}) == counted(rows, layer)


# Map libraries in a browser, on a page of another server


@pytest.fixture(scope="module")
def page(chromium, libraries):
    """A page that has OpenLayers, proj4 and MapLibre at hand."""
    opened = chromium.new_page(viewport={"width": 600, "height": 600})
    opened.goto(f"{libraries}/ol/")
    for script in ("ol/dist/ol.js", "proj4/dist/proj4.js"):
        opened.add_script_tag(url=f"{libraries}/{script}")
    opened.evaluate("document.body.innerHTML = '<div id=map style=\"position:fixed;inset:0\"></div>'")
    yield opened
    opened.close()


IN_OPENLAYERS = """async ([address, crs, systems]) => {
    for (const [uri, definition] of Object.entries(systems)) proj4.defs(uri, definition);
    ol.proj.proj4.register(proj4);
    const answer = await fetch(`${address}?limit=1000&crs=${encodeURIComponent(crs)}`);
    const projection = ol.proj.get(crs);
    const northFirst = projection.getAxisOrientation().startsWith("ne");
    return new ol.format.GeoJSON().readFeatures(await answer.json()).map(feature => {
        const [first, second] = feature.getGeometry().getCoordinates();
        const xy = northFirst ? [second, first] : [first, second];
        return [feature.getId(), ol.proj.transform(xy, projection, "EPSG:4326")];
    });
}"""


@pytest.mark.browser
@pytest.mark.parametrize("crs", SYSTEMS)
def test_openlayers_puts_points_where_they_are(page, address, measured, crs):
    """What OpenLayers does not know, proj4 learns from the authority's definition, its axes included."""
    national = {f"{EPSG}{code}": CRS(code).to_json_dict() for code in (2177, 2180)}
    found = page.evaluate(IN_OPENLAYERS, [f"{address}/{POINTS}", crs, national])
    same(dict(found), measured, "OGC:CRS84")


TILES_IN_OPENLAYERS = """async ([tileset, centre]) => {
    const source = new ol.source.OGCVectorTile({url: tileset, format: new ol.format.MVT()});
    const layer = new ol.layer.VectorTile({source});
    const view = new ol.View({center: ol.proj.fromLonLat(centre), zoom: 18});
    const map = new ol.Map({target: "map", layers: [layer], view});
    await new Promise(done => map.on("rendercomplete", () => source.getState() === "ready" && done()));
    const extent = view.calculateExtent(map.getSize());
    const found = layer.getFeaturesInExtent(extent)
        .map(each => [each.get("local_id"), ol.proj.toLonLat(each.getFlatCoordinates())]);
    const unit = source.getTileGrid().getResolution(source.getTileGrid().getMaxZoom()) * 256 / 4096;
    map.setTarget(null);
    return {unit, found};
}"""


@pytest.mark.browser
def test_openlayers_finds_the_tiles_and_points_stand_on_their_grid(page, address, measured):
    """It is told the address of the tileset, and finds the rest itself."""
    places = expected(measured, "OGC:CRS84")
    tileset = f"{address}/collections/boundary_points/tiles/WebMercatorQuad"
    told = page.evaluate(TILES_IN_OPENLAYERS, [tileset, np.mean(list(places.values()), axis=0).tolist()])
    assert told["unit"] < 0.15  # metres of the projection, at zoom 16
    on_grid(dict(told["found"]), places, told["unit"])


def on_grid(found, places, unit):
    """Each point stands where it was measured, but for the rounding to the tile's grid."""
    change = Transformer.from_crs("OGC:CRS84", 3857, always_xy=True).transform
    for point, place in places.items():
        apart = np.abs(np.array(change(*found[point])) - change(*place))
        assert (apart <= unit * 0.51).all(), (point, apart)


IN_MAPLIBRE = """async ([libraries, collection, centre, places]) => {
    const maplibre = await import(`${libraries}/maplibre-gl/dist/maplibre-gl.mjs`);
    const drawn = {type: "circle", paint: {"circle-radius": 3}};
    const map = new maplibre.Map({
        container: "map", center: centre, zoom: 17, fadeDuration: 0,
        style: {
            version: 8,
            sources: {
                tiles: {type: "vector", url: `${collection}/tiles/WebMercatorQuad/metadata`},
                items: {type: "geojson", data: `${collection}/items?limit=1000`},
            },
            layers: [
                {id: "tiles", source: "tiles", "source-layer": "boundary_points", ...drawn},
                {id: "items", source: "items", ...drawn},
            ],
        },
    });
    await new Promise((done, failed) => {
        map.on("idle", done);
        map.on("error", told => failed(told.error));
    });
    const told = {};
    for (const [name, place] of Object.entries(places)) {
        const pixel = map.project(place);
        const there = layer => map.queryRenderedFeatures(
            [[pixel.x - 1, pixel.y - 1], [pixel.x + 1, pixel.y + 1]], {layers: [layer]}
        ).filter(each => each.properties.local_id === name).map(each => each.geometry.coordinates)[0];
        told[name] = {back: map.unproject(pixel).toArray(), tiles: there("tiles"), items: there("items")};
    }
    map.remove();
    return told;
}"""


@pytest.mark.browser
def test_maplibre_draws_points_of_tiles_and_of_items_where_they_are(page, libraries, address, measured):
    """MapLibre knows degrees only, and cuts GeoJSON into tiles of its own before it draws."""
    places = expected(measured, "OGC:CRS84")
    collection = f"{address}/collections/boundary_points"
    centre = np.mean(list(places.values()), axis=0).tolist()
    given = [libraries, collection, centre, {point: list(place) for point, place in places.items()}]
    told = page.evaluate(IN_MAPLIBRE, given)
    same({point: each["back"] for point, each in told.items()}, measured, "OGC:CRS84")
    world = 2 * np.pi * 6_378_137
    on_grid({point: each["tiles"] for point, each in told.items()}, places, world / 2**16 / 4096)
    on_grid({point: each["items"] for point, each in told.items()}, places, world / 2**17 / 8192)
