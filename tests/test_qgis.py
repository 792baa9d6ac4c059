"""QGIS opens layers without losing a tree, has the server filter what it can, and draws vector tiles."""

import base64
import json
from datetime import date
from urllib.parse import parse_qs, quote, urlsplit
from urllib.request import urlopen

import numpy as np
import pytest
from pyproj import Transformer

from layers import get_layer
from pipelines.load import Order, load

pytestmark = pytest.mark.desktop

TREES, ACROSS = 100_000, 400
WEST, SOUTH, STEP_EAST, STEP_NORTH = 16.80, 52.35, 0.0006, 0.0004  # degrees
SPECIES = ("Tilia cordata", "Quercus robur", "Acer platanoides")


def lonlat(number):
    return WEST + number % ACROSS * STEP_EAST, SOUTH + number // ACROSS * STEP_NORTH


@pytest.fixture(scope="module")
def forest(database, node, city, tmp_path_factory):
    """A node with 100,000 trees in rows and columns, and the cadastre of the sample city."""
    path = tmp_path_factory.mktemp("forest") / "trees.csv"
    lines = (
        "{:06d};{};{};{:.6f};{:.6f}".format(n, SPECIES[n % 3], 30 + n % 200, *lonlat(n)) for n in range(TREES)
    )
    path.write_text("\n".join(["NUMER;GATUNEK;OBWOD_PNIA_CM;lon;lat", *lines]), "utf-8")
    load(Order("trees", (path,), date(2026, 5, 1)), database, node)
    load(Order("egib", (city["egib"],)), database, node)
    return database


@pytest.fixture(scope="module")
def listening(forest, serve):
    return serve()


@pytest.fixture(scope="module")
def get(listening):
    """What the node answers to a path."""

    def document(path):
        with urlopen(listening.url + path, timeout=30) as answer:
            return json.load(answer)

    return document


READ = """
source = f"url='{sys.argv[1]}/' typename='{sys.argv[2]}' restrictToRequestBBOX='1'"
layer = QgsVectorLayer(source, "x", "OAPIF")
assert layer.isValid(), layer.error().message()
wish = json.loads(sys.argv[3])
if "filter" in wish:
    assert layer.setSubsetString(wish["filter"])
request = QgsFeatureRequest()
if "box" in wish:
    request.setFilterRect(QgsRectangle(*wish["box"]))
told = {"keys": [each[sys.argv[4]] for each in layer.getFeatures(request)], "counted": layer.featureCount()}
"""


@pytest.fixture(scope="module")
def read(listening, in_qgis):
    """What QGIS reads of a layer, and the pages that it asked for: keys, its own count, addresses."""

    def keys_of(layer, **wish):
        listening.asked()
        told = in_qgis(READ, listening.url, layer, json.dumps(wish), get_layer(layer).key)
        pages = [each for each in listening.asked() if urlsplit(each).path == f"/collections/{layer}/items"]
        return told["keys"], told["counted"], pages

    return keys_of


def parameters(pages):
    """Each value that any page was asked with, by parameter."""
    return [{name: values[0] for name, values in parse_qs(urlsplit(page).query).items()} for page in pages]


def test_qgis_reads_100_000_trees_in_pages_and_loses_none(read, rows):
    keys, counted, pages = read("trees")
    stored = {key for (key,) in rows("SELECT tree_id FROM city.trees")}
    assert len(keys) == len(set(keys)) == len(stored) == counted == TREES
    assert set(keys) == stored
    followed = [each for each in parameters(pages) if "after" in each]
    assert len({each["after"] for each in followed}) == len(followed) == 99


def test_of_a_part_of_the_map_qgis_asks_the_server_for_that_part(read, rows):
    west, south, east, north = box = (16.9001, 52.3701, 16.9101, 52.3751)
    keys, _, pages = read("trees", box=box)
    inside = [n for n in range(TREES) if west <= lonlat(n)[0] <= east and south <= lonlat(n)[1] <= north]
    assert sorted(keys) == [f"{n:06d}" for n in inside]
    assert 100 < len(inside) < 1000
    asked = [each["bbox"] for each in parameters(pages) if "bbox" in each]
    assert len(asked) == 1
    assert list(map(float, asked[0].split(","))) == pytest.approx(box)


def test_qgis_has_the_server_find_what_was_valid_by_a_day(read, rows):
    """The one filter that QGIS 3.22 lets a server do: of a date, as datetime. Past versions come too."""
    ((day,),) = rows(
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY version_from)::date FROM city.parcels"
    )
    end = f"{day}T23:59:59Z"
    keys, _, pages = read("parcels", filter=f"\"version_from\" <= '{end}'")
    stored = [
        key
        for (key,) in rows(f"""
            SELECT local_id FROM city.parcels WHERE version_from <= '{end}' UNION ALL
            SELECT local_id FROM public_api.parcels_past
            WHERE lower(valid) <= '{end}' AND recorded @> 'infinity'::timestamptz
        """)
    ]
    ((all_,),) = rows("SELECT count(*) FROM city.parcels")
    assert 0 < len(stored) < all_
    assert sorted(keys) == sorted(stored)
    assert {each.get("datetime") for each in parameters(pages)} >= {f"0000-01-01T00:00:00Z/{end}"}


def test_what_qgis_cannot_have_filtered_it_filters_itself(read):
    keys, _, pages = read("trees", filter='"species" = \'Quercus robur\' AND "girth_cm" > 100')
    assert sorted(keys) == [f"{n:06d}" for n in range(TREES) if n % 3 == 1 and n % 200 > 70]
    assert not any("filter" in each for each in parameters(pages))


# QGIS from 3.32 on has servers filter by CQL2, if they say these classes. It is written so by its source,
# src/providers/wfs/oapif/qgsoapifcql2textexpressioncompiler.cpp and qgsoapifshareddata.cpp.
NEEDED = (
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
)
WRITTEN = {
    "(species = 'Tilia cordata')": "species = 'Tilia cordata'",
    '("girth_cm" > 200)': "girth_cm > 200",
    "((\"girth_cm\" >= 100) AND (species <> 'Tilia cordata'))": (
        "girth_cm >= 100 AND species <> 'Tilia cordata'"
    ),
    "(CASEI(species) LIKE CASEI('QUERCUS%'))": "species ILIKE 'QUERCUS%'",
    "(species NOT LIKE '%a%')": "species NOT LIKE '%a%'",
    "(NOT ((species = 'Quercus robur')))": "NOT species = 'Quercus robur'",
    "(species IN ('Tilia cordata','Acer platanoides'))": "species IN ('Tilia cordata', 'Acer platanoides')",
    '("girth_cm" BETWEEN 100 AND 120)': "girth_cm BETWEEN 100 AND 120",
    "(height_m IS NULL)": "height_m IS NULL",
    "(species IS NOT NULL)": "species IS NOT NULL",
    '(("girth_cm" % 2) = ( - (-1)))': "girth_cm::numeric % 2 = 1",
    "S_INTERSECTS(geometry,BBOX(16.9001,52.3701,16.9101,52.3751))": (
        "lonlat && ST_MakeEnvelope(16.9001, 52.3701, 16.9101, 52.3751, 4326)"
    ),
}


def test_newer_qgis_is_told_that_it_can_have_filtered(get):
    assert set(NEEDED) <= set(get("/conformance")["conformsTo"])


@pytest.mark.parametrize("text", WRITTEN)
def test_what_newer_qgis_asks_is_what_the_database_finds(get, rows, text):
    found = get(
        f"/collections/trees/items?limit=10000&filter={quote(text)}&filter-lang=cql2-text&resulttype=hits"
    )
    ((stored,),) = rows(f"SELECT count(*) FROM city.trees WHERE {WRITTEN[text]}")
    assert found["numberMatched"] == stored
    assert 0 < stored <= TREES


DRAW = """
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor, QImage
import base64
tiles = QgsVectorTileLayer(f"type=xyz&zmin=0&zmax=16&url={sys.argv[1]}", "trees")
assert tiles.isValid()
disc = {"color": "0,128,0", "outline_style": "no", "size": "9", "size_unit": "Pixel"}
symbol = QgsMarkerSymbol.createSimple(disc)
drawn = QgsVectorTileBasicRendererStyle("trees", "trees", QgsWkbTypes.PointGeometry)
drawn.setSymbol(symbol)
drawn.setEnabled(True)
renderer = QgsVectorTileBasicRenderer()
renderer.setStyles([drawn])
tiles.setRenderer(renderer)
QgsProject.instance().addMapLayer(tiles)
west, south, east, north, size = json.loads(sys.argv[2])
view = QgsMapSettings()
view.setLayers([tiles])
view.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
view.setOutputSize(QSize(size, size))
view.setExtent(QgsRectangle(west, south, east, north))
view.setBackgroundColor(QColor("white"))
job = QgsMapRendererParallelJob(view)
job.start()
job.waitForFinished()
picture = job.renderedImage().convertToFormat(QImage.Format_RGBA8888)
pixels = bytes(picture.constBits().asarray(picture.sizeInBytes()))
told = {"errors": [each.message for each in job.errors()], "pixels": base64.b64encode(pixels).decode()}
"""


def test_qgis_draws_vector_tiles_coloured_where_the_trees_are(listening, in_qgis):
    """A view of 400 m and as many pixels: trees are green, what lies between them is white."""
    size, (east, north) = 400, Transformer.from_crs(4326, 3857, always_xy=True).transform(*lonlat(20_200))
    box = (east - size / 2, north - size / 2, east + size / 2, north + size / 2)
    listening.asked()
    address = quote(f"{listening.url}/collections/trees/tiles/WebMercatorQuad/{{z}}/{{y}}/{{x}}", safe="")
    told = in_qgis(DRAW, address, json.dumps([*box, size]))
    assert told["errors"] == []
    assert any("/tiles/WebMercatorQuad/16/" in each for each in listening.asked())
    picture = np.frombuffer(base64.b64decode(told["pixels"]), np.uint8).reshape(size, size, 4)[:, :, :3]
    green = (picture == (0, 128, 0)).all(axis=2)
    columns, lines = places(box)
    assert 20 < len(columns) < 200
    assert green[lines, columns].all()
    # A disc nine pixels wide has 69 of them; smoothed edges are not quite green.
    assert 40 * len(columns) < green.sum() < 80 * len(columns)
    assert (picture == 255).all(axis=2).mean() > 0.7


def places(box):
    """Columns and lines of the pixels in which trees stand, those near the edge left out."""
    west, south, east, north = box
    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(*lonlat(np.arange(TREES)))
    inner = (x > west + 8) & (x < east - 8) & (y > south + 8) & (y < north - 8)
    return (x[inner] - west).astype(int), (north - y[inner]).astype(int)
