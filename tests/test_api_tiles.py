"""Vector tiles, read by a decoder of our own: the right features, at their place, with open fields only."""

import gzip

import numpy as np
import pytest
import shapely
import sqlalchemy as sa
from pmtiles.reader import MmapSource, Reader, all_tiles
from pyproj import Transformer

from api import kept
from api.reading import readers
from api.tiles import MOST_BYTES, Place, tile
from api.times import CURRENT
from layers import all_layers

WORLD = 20037508.342789244  # half the width of WebMercatorQuad, metres
UNITS, MARGIN = 4096, 64
TILES = "/collections/{}/tiles/WebMercatorQuad/{}/{}/{}"


# A decoder after the Mapbox Vector Tile specification 2.1


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def message(data):
    """Number and value of every field of a protobuf message."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        else:
            size, at = varint(data, at) if tag & 7 == 2 else ({1: 8, 5: 4}[tag & 7], at)
            value, at = data[at : at + size], at + size
        yield tag >> 3, value


def packed(data):
    at, values = 0, []
    while at < len(data):
        value, at = varint(data, at)
        values.append(value)
    return values


def text_or_number(data):
    ((kind, value),) = message(data)
    return value.decode() if kind == 1 else (value >> 1) ^ -(value & 1) if kind == 6 else value


def positions(commands):
    """Every vertex of a geometry, columns and rows of the tile."""
    x = y = at = 0
    found = []
    while at < len(commands):
        command, count = commands[at] & 7, commands[at] >> 3
        at += 1
        for _ in range(count if command in (1, 2) else 0):
            x, y = (
                now + (step >> 1 ^ -(step & 1))
                for now, step in zip((x, y), commands[at : at + 2], strict=True)
            )
            found.append((x, y))
            at += 2
    return found


def decoded(tile):
    """Layer name → its features: properties and vertices."""
    layers = {}
    for _, layer in message(tile):
        parts = list(message(layer))
        (name,) = [value.decode() for number, value in parts if number == 1]
        keys = [value.decode() for number, value in parts if number == 3]
        values = [text_or_number(value) for number, value in parts if number == 4]
        assert [value for number, value in parts if number == 5] == [UNITS]
        layers[name] = [feature(dict(message(value)), keys, values) for number, value in parts if number == 2]
    return layers


def feature(parts, keys, values):
    tags = packed(parts.get(2, b""))
    properties = {keys[key]: values[value] for key, value in zip(tags[::2], tags[1::2], strict=True)}
    return properties, positions(packed(parts[4]))


# What a tile should hold


@pytest.fixture(scope="module")
def drawn(loaded):
    """``drawn(layer)``: keys and geometries in EPSG:3857, transformed by pyproj."""
    change = Transformer.from_crs(2177, 3857, always_xy=True).transform

    def read(layer):
        query = f"SELECT {layer.key}, ST_AsBinary(geom) FROM city.{layer.name} ORDER BY {layer.key}"
        with loaded.transaction() as connection:
            found = connection.execute(sa.text(query)).all()
        stored = shapely.from_wkb([bytes(wkb) for _, wkb in found])
        moved = shapely.transform(stored, lambda xy: np.column_stack(change(xy[:, 0], xy[:, 1])))
        return [key for key, _ in found], moved

    return read


def tile_at(point, z):
    size = 2 * WORLD / 2**z
    return int((point.x + WORLD) // size), int((WORLD - point.y) // size)


def in_units(geometries, z, x, y):
    """Geometries as the tile counts: from its upper left corner, to the right and down."""
    unit = 2 * WORLD / 2**z / UNITS
    corner = (x * UNITS * unit - WORLD, WORLD - y * UNITS * unit)
    return shapely.transform(geometries, lambda xy: (xy - corner) * (1, -1) / unit)


def window(margin):
    return shapely.box(-margin, -margin, UNITS + margin, UNITS + margin)


@pytest.mark.parametrize("z", [14, 17, 20])
def test_a_tile_holds_the_features_that_meet_it_at_their_place(client, drawn, layer, z):
    keys, geometries = drawn(layer)
    for at in (0, len(keys) // 2, len(keys) - 1):
        x, y = tile_at(shapely.point_on_surface(geometries[at]), z)
        answer = client.get(TILES.format(layer.name, z, y, x))
        assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
        found = {told[layer.key]: vertices for told, vertices in decoded(answer.content)[layer.name]}
        assert keys[at] in found
        holds_what_it_should(found, keys, in_units(geometries, z, x, y))


def holds_what_it_should(found, keys, placed):
    """What is at the very edge, or too small to draw, may be there or not; a vertex is a unit off at most."""
    near = dict(zip(keys, placed, strict=True))
    at_most = set(np.array(keys)[shapely.intersects(placed, window(MARGIN + 2))])
    certain = shapely.intersects(placed, window(-2)) & visible(placed)
    assert set(np.array(keys)[certain]) <= set(found) <= at_most
    frame = shapely.boundary(window(MARGIN))
    for key, vertices in found.items():
        outline = near[key] if near[key].geom_type == "Point" else shapely.union(lines(near[key]), frame)
        assert shapely.distance(shapely.points(vertices), outline).max() <= 1


def visible(placed):
    corners = shapely.bounds(placed)
    large = (corners[:, 2:] - corners[:, :2]).min(axis=1) > 2
    return large | (shapely.get_dimensions(placed) < 2)


def lines(geometry):
    return shapely.boundary(geometry) if geometry.geom_type.endswith("Polygon") else geometry


def test_a_tile_carries_declared_open_fields_and_their_values(client, drawn, layer):
    keys, geometries = drawn(layer)
    x, y = tile_at(shapely.point_on_surface(geometries[0]), 17)
    listed = {name: client.get(f"/collections/{layer.name}/items/{name}").json() for name in keys[:1]}
    told = [each for each, _ in decoded(client.get(TILES.format(layer.name, 17, y, x)).content)[layer.name]]
    assert {name for each in told for name in each} <= {
        field.name for field in layer.visible_fields("public")
    }
    (first,) = [each for each in told if each[layer.key] == keys[0]]
    properties = listed[keys[0]]["properties"]
    assert first == {name: properties[name] for name in first}
    assert {layer.key, layer.label, layer.style.by} - {None} <= {
        name for name, value in properties.items() if value is None or name in first
    }


def test_the_whole_world_is_one_tile(client, layer):
    answer = client.get(TILES.format(layer.name, 0, 0, 0))
    assert answer.status_code == 200
    assert set(decoded(answer.content)) <= {layer.name}


def test_a_tile_elsewhere_is_empty(client, layer):
    for place in ((14, 0, 0), (14, 16383, 16383), (22, 2**21, 2**21)):
        answer = client.get(TILES.format(layer.name, *place))
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"


@pytest.mark.parametrize(
    "place",
    [(23, 0, 0), (0, 1, 0), (0, 0, 1), (5, 32, 0), (-1, 0, 0), ("a", 0, 0), (1.5, 0, 0), (9, 10**30, 0)],
)
def test_a_tile_that_no_matrix_has_is_not_found(client, place):
    answer = client.get(TILES.format("trees", *place))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].startswith("WebMercatorQuad has no tile ")


def test_the_template_of_the_tileset_leads_to_a_tile(client, drawn, layer):
    tileset = client.get(f"/collections/{layer.name}/tiles/WebMercatorQuad").json()
    (template,) = [each for each in tileset["links"] if each.get("templated")]
    _, geometries = drawn(layer)
    x, y = tile_at(shapely.point_on_surface(geometries[0]), 15)
    address = template["href"].format(tileMatrix=15, tileRow=y, tileCol=x)
    assert decoded(client.get(address).content)[layer.name]


def test_a_browser_may_keep_a_tile_for_a_minute(client):
    answer = client.get(TILES.format("trees", 0, 0, 0))
    assert answer.headers["cache-control"] == "public, max-age=60"


def test_every_layer_has_tiles(client):
    for name in all_layers():
        (tileset,) = client.get(f"/collections/{name}/tiles").json()["tilesets"]
        assert tileset["dataType"] == "vector"
        assert tileset["tileMatrixSetURI"].endswith("/WebMercatorQuad")


# Small, kept, and described


@pytest.fixture
def crowd(loaded):
    """Sixty thousand trees within one tile of zoom 14; gone when the test is over."""
    with loaded.transaction() as connection:
        ((first,),) = connection.execute(sa.text("SELECT min(tree_id) FROM city.trees")).all()
        names = [field.name for field in all_layers()["trees"].fields if field.name != "tree_id"]
        columns = ", ".join([*names, "stand", "hash", "run", "valid_since", "recorded_since"])
        connection.execute(
            sa.text(f"""
            INSERT INTO city.trees (tree_id, geom, {columns})
            SELECT 'CROWD' || n, ST_Translate(geom, (n % 250) * 2, n / 250 * 2), {columns}
            FROM city.trees, generate_series(1, 60000) AS n WHERE tree_id = '{first}'
            """)
        )
        ((x, y),) = connection.execute(
            sa.text(f"SELECT ST_X(geom), ST_Y(geom) FROM city.trees WHERE tree_id = '{first}'")
        ).all()
    yield shapely.Point(Transformer.from_crs(2177, 3857, always_xy=True).transform(x + 250, y + 240))
    with loaded.transaction() as connection:
        connection.execute(sa.text("DELETE FROM city.trees WHERE tree_id LIKE 'CROWD%'"))


@pytest.mark.parametrize("z", [0, 8, 12, 14, 15])
def test_a_crowded_tile_is_thinned_until_it_is_small(crowd, z):
    x, y = tile_at(crowd, z)
    reader, layer = readers()["public"], all_layers()["trees"].seen_by("public")
    drawn = tile(reader, layer, CURRENT, Place(z, x, y))
    assert len(drawn) <= MOST_BYTES
    features = decoded(drawn)["trees"]
    places = np.array([vertices[0] for _, vertices in features])
    if z >= 12:
        # What is left is spread over all the crowd, not cut off at a number.
        assert len(drawn) > MOST_BYTES / 10 or z == 12
        assert len(features) > 1000
        assert len(np.unique(places // 8, axis=0)) == pytest.approx(len(features), rel=0.3)


def test_features_smaller_than_a_pixel_are_one_where_they_meet(client, drawn, layer):
    keys, geometries = drawn(layer)
    x, y = tile_at(shapely.point_on_surface(geometries[0]), 9)
    found = {
        told[layer.key]
        for told, _ in decoded(client.get(TILES.format(layer.name, 9, y, x)).content)[layer.name]
    }
    assert 0 < len(found) <= len(keys)
    placed = in_units(geometries, 9, x, y)
    pixels = np.unique(shapely.bounds(placed)[:, :2] // 8, axis=0)
    large = (shapely.bounds(placed)[:, 2:] - shapely.bounds(placed)[:, :2]).max(axis=1) >= 8
    assert len(found) <= 2 * len(pixels) + large.sum()


def test_a_tile_that_somebody_has_is_not_sent_again(client, drawn, layer):
    _, geometries = drawn(layer)
    x, y = tile_at(shapely.point_on_surface(geometries[0]), 15)
    first = client.get(TILES.format(layer.name, 15, y, x))
    again = client.get(TILES.format(layer.name, 15, y, x), headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(TILES.format(layer.name, 15, y, x)).content == first.content


def test_a_tile_is_drawn_once(client, drawn, monkeypatch):
    _, geometries = drawn(all_layers()["buildings"])
    x, y = tile_at(shapely.point_on_surface(geometries[0]), 18)
    first = client.get(TILES.format("buildings", 18, y, x)).content
    monkeypatch.setattr(kept, "tile", lambda *_: pytest.fail("drawn again"))
    assert client.get(TILES.format("buildings", 18, y, x)).content == first != b""


def test_the_limits_of_the_tileset_hold_every_feature(client, drawn, layer):
    tileset = client.get(f"/collections/{layer.name}/tiles/WebMercatorQuad").json()
    _, geometries = drawn(layer)
    for limits in tileset["tileMatrixSetLimits"]:
        z = int(limits["tileMatrix"])
        found = [tile_at(shapely.Point(corner), z) for corner in zip(*bounds_of(geometries), strict=True)]
        columns, rows = zip(*found, strict=True)
        assert (limits["minTileCol"], limits["maxTileCol"]) == (min(columns), max(columns))
        assert (limits["minTileRow"], limits["maxTileRow"]) == (min(rows), max(rows))


def bounds_of(geometries):
    west, south, east, north = shapely.total_bounds(geometries)
    return (west, east), (south, north)


def test_the_scheme_of_tiles_is_the_one_of_the_standard(client):
    """Scale denominators as OGC 17-083r4 prints them in Table D.1."""
    scheme = client.get("/tileMatrixSets/WebMercatorQuad").json()
    matrices = scheme["tileMatrices"]
    printed = {0: 559082264.028717, 1: 279541132.014358, 10: 545978.773465544, 18: 2132.72958384978}
    assert {z: matrices[z]["scaleDenominator"] for z in printed} == pytest.approx(printed, rel=1e-12)
    for z, each in enumerate(matrices):
        assert each["id"] == str(z)
        assert each["pointOfOrigin"] == pytest.approx([-WORLD, WORLD], rel=1e-12)
        assert each["cellSize"] * each["tileWidth"] * each["matrixWidth"] == pytest.approx(
            2 * WORLD, rel=1e-12
        )
        assert each["tileHeight"] == each["tileWidth"]
        assert each["matrixHeight"] == each["matrixWidth"]
    for address in ("/tileMatrixSets?x=1", "/tileMatrixSets/WebMercatorQuad?f=html"):
        assert client.get(address).status_code == 400


def test_tilejson_says_what_is_in_the_tiles(client, drawn, layer):
    stated = client.get(f"/collections/{layer.name}/tiles/WebMercatorQuad/metadata").json()
    assert stated["tilejson"] == "3.0.0"
    (described,) = stated["vector_layers"]
    _, geometries = drawn(layer)
    z = stated["maxzoom"]
    x, y = tile_at(shapely.point_on_surface(geometries[0]), z)
    (address,) = stated["tiles"]
    features = decoded(client.get(address.format(z=z, x=x, y=y)).content)[described["id"]]
    assert {name for told, _ in features for name in told} <= set(described["fields"])


def test_a_file_of_tiles_holds_what_the_server_draws(run, client, layer, tmp_path):
    path = tmp_path / "layer.pmtiles"
    code, out, _ = run("export", layer.name, "-o", str(path))
    assert code == 0
    assert str(path.name) in out
    with path.open("rb") as file:
        reader = Reader(MmapSource(file))
        header, stated = reader.header(), reader.metadata()
        found = list(all_tiles(MmapSource(file)))
    # At the lowest zooms a small layer is not to be seen.
    assert stated["minzoom"] <= header["min_zoom"] <= header["max_zoom"] == stated["maxzoom"]
    assert stated["vector_layers"][0]["id"] == layer.name
    assert len(found) >= header["max_zoom"] - header["min_zoom"] + 1
    for (z, x, y), body in found[:: max(1, len(found) // 20)]:
        assert gzip.decompress(body) == client.get(TILES.format(layer.name, z, y, x)).content
