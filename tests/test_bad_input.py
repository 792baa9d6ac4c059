"""Bad input: a sentence saying what, where and what to do, an exit code, and nothing published is touched."""

import gzip
import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
import sqlalchemy as sa

from mesip.cli import main
from pipelines.load import Order, load

Snapshot = dict[str, dict[str, Any]]

SCHEMA_2021 = "ewidencjaGruntowIBudynkow:1.0"
SCHEMA_2015 = "urn:gugik:specyfikacje:gmlas:ewidencjaGruntowBudynkow:1.0"
NORTH, EAST = 5_808_000, 6_428_000
PARCELS, TREES = 12, 12
SECONDS, MOST_KIB, BOMB_BYTES = 10, 600_000, 300 << 20


# The writers of good files ------------------------------------------------------------------------------


def square(number: int, *, swapped: bool = False, zone: int = 0) -> str:
    north, east = NORTH + 30 * number, EAST + zone * 1_000_000
    ring = [(north, east), (north + 20, east), (north + 20, east + 20), (north, east + 20), (north, east)]
    return " ".join(f"{y}.00 {x}.00" if swapped else f"{x}.00 {y}.00" for x, y in ring)


def parcel(
    number: int, *, area: str | None = "0.0400", ring: str | None = None, name: str = "local-{}"
) -> str:
    local_id, stamp = name.format(number), "2020-01-01T10:00:00"
    stated = "" if area is None else f'<egb:poleEwidencyjne uom="ha">{area}</egb:poleEwidencyjne>'
    return f"""<gml:featureMember>
<egb:EGB_DzialkaEwidencyjna gml:id="PL.PZGiK.1.EGiB_{local_id}_{number}">
<egb:idIIP><egb:EGB_IdentyfikatorIIP><egb:lokalnyId>{local_id}</egb:lokalnyId>
<egb:przestrzenNazw>PL.PZGiK.1.EGiB</egb:przestrzenNazw><egb:wersjaId>{stamp}</egb:wersjaId>
</egb:EGB_IdentyfikatorIIP></egb:idIIP>
<egb:startObiekt>{stamp}</egb:startObiekt><egb:startWersjaObiekt>{stamp}</egb:startWersjaObiekt>
<egb:idDzialki>306401_1.0001.AR_1.{number}</egb:idDzialki>
<egb:geometria><gml:Polygon srsName="urn:ogc:def:crs:EPSG::2177"><gml:exterior><gml:LinearRing>
<gml:posList>{ring or square(number)}</gml:posList>
</gml:LinearRing></gml:exterior></gml:Polygon></egb:geometria>
{stated}
</egb:EGB_DzialkaEwidencyjna>
</gml:featureMember>
"""


def gml(*members: str, schema: str = SCHEMA_2021, before: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{before}<gml:FeatureCollection '
        f'xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:egb="{schema}">\n{"".join(members)}'
        "</gml:FeatureCollection>\n"
    )


def parcels(**changes: Any) -> list[str]:
    """All parcels, each with the changes."""
    return [parcel(number, **changes) for number in range(1, PARCELS + 1)]


def one_wrong(**changes: Any) -> str:
    """A delivery of which parcel 3 is otherwise, and parcel 5 has a new area."""
    members = parcels()
    members[2], members[4] = parcel(3, **changes), parcel(5, area="0.0500")
    return gml(*members)


HEADER = "NUMER;GATUNEK;OBWOD_PNIA_CM;DATA_PRZEGLADU;WSP_E;WSP_N"


def tree(number: int, **changes: str) -> dict[str, str]:
    values = (
        f"P-{number}",
        "Tilia cordata",
        "120",
        "2024-05-01",
        f"{EAST + number},50",
        f"{NORTH + number},25",
    )
    return dict(zip(HEADER.split(";"), values, strict=True)) | changes


def csv(*trees: dict[str, str] | str, header: str = HEADER) -> str:
    rows = [row if isinstance(row, str) else ";".join(row.values()) for row in trees]
    return "\r\n".join([header, *rows]) + "\r\n"


def trees(**changes: str) -> list[dict[str, str]]:
    return [tree(number, **changes) for number in range(1, TREES + 1)]


def one_wrong_tree(row: dict[str, str] | str) -> str:
    """A table of which tree 3 is ``row``, and tree 5 has a new girth."""
    rows: list[dict[str, str] | str] = [*trees()]
    rows[2], rows[4] = row, tree(5, OBWOD_PNIA_CM="131")
    return csv(*rows)


def district(name: str, west: float = 16.9, ring: list | None = None, **more: Any) -> dict[str, Any]:
    square = [[west, 52.4], [west + 0.01, 52.4], [west + 0.01, 52.41], [west, 52.41], [west, 52.4]]
    geometry = {"type": "Polygon", "coordinates": [ring or square]}
    return {"type": "Feature", "properties": {"name": name}, "geometry": geometry} | more


def geojson(*features: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features})


def districts() -> list[dict[str, Any]]:
    return [
        district(name, 16.85 + 0.02 * place)
        for place, name in enumerate(("Jeżyce", "Łazarz", "Wilda", "Ławica", "Świt"))
    ]


def vrt(folder: Path) -> str:
    secret = folder / "secret.csv"
    secret.write_text("NUMER,GATUNEK\nx,geheim\n")
    return (
        "<OGRVRTDataSource><OGRVRTLayer name='secret'>"
        f"<SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    )


def zipped(*members: tuple[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


# The ground: a node in which the good version of each layer is published ---------------------------------


class Said(NamedTuple):
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


class Ground(NamedTuple):
    """The layers as they were published before, and as they are now: hashes by key."""

    before: Snapshot
    now: Callable[[], Snapshot]


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> dict[str, Path]:
    """The good delivery of each feed."""
    folder = tmp_path_factory.mktemp("good")
    texts = {"egib": gml(*parcels()), "trees": csv(*trees()), "districts": geojson(*districts())}
    paths = {
        feed: folder / f"{feed}.{'csv' if feed == 'trees' else 'gml' if feed == 'egib' else 'geojson'}"
        for feed in texts
    }
    for feed, path in paths.items():
        path.write_text(texts[feed], encoding="utf-8")
    return paths


@pytest.fixture(scope="module")
def published(database, node, good) -> Ground:
    """The good version of each layer, which is published."""
    publish_good(good, database, node)
    return Ground(snapshot(database), lambda: snapshot(database))


@pytest.fixture
def restored(published, good, database, node) -> Iterator[Ground]:
    """For a load that publishes: the good version comes back afterwards."""
    yield published
    publish_good(good, database, node)


def publish_good(good: dict[str, Path], database, node) -> None:
    for feed, path in good.items():
        load(Order(feed, (path,)), database, node)


def snapshot(database) -> Snapshot:
    keys = {"parcels": "local_id", "trees": "tree_id", "districts": "name"}
    with database.transaction() as connection:
        return {
            name: {
                row[0]: row[1] for row in connection.execute(sa.text(f"SELECT {key}, hash FROM city.{name}"))
            }
            for name, key in keys.items()
        }


@pytest.fixture
def mesip(node, monkeypatch, capfd) -> Callable[..., Said]:
    """The command, run here: ``mesip("load", "trees", path)``."""

    def run(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["mesip", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return run


def words_in_order(text: str) -> str:
    return " ".join(text.split())


def assert_plain(said: Said) -> None:
    """No traceback, no warning, no path of the program; at most four sentences."""
    for strange in ("Traceback", "Warning", "site-packages", 'File "', "fault of the program"):
        assert strange not in said.err + said.out


# Files that cannot be read, or are refused --------------------------------------------------------------


class Bad(NamedTuple):
    """A bad file: the feed, its name, what is in it, the exit code, words of the sentence in order."""

    feed: str
    name: str
    content: bytes | str | Callable[[Path], bytes | str]
    code: int
    words: tuple[str, ...]


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
    + "]>\n"
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>\n'
PAGE = "<!DOCTYPE html>\n<html><body>Zaloguj się</body></html>"
GOOD = gml(*parcels())

BAD = {
    # GML
    "truncated GML": Bad("egib", "b.gml", GOOD[:-400], 3, ("b.gml", "ends at line", "broke off", "Fetch")),
    "empty file": Bad("egib", "b.gml", "", 3, ("b.gml", "empty", "0 bytes", "fetch it again")),
    "web page as GML": Bad("egib", "b.gml", PAGE, 3, ("b.gml", "line 1", "HTML", "fetch the GML again")),
    "wrong encoding": Bad(
        "egib",
        "b.gml",
        gml(*parcels(name="Łąka-{}")).encode("cp1250"),
        3,
        ("b.gml", "line", "encoding", "UTF-8"),
    ),
    "swapped axes": Bad(
        "egib",
        "b.gml",
        gml(*[parcel(n, ring=square(n, swapped=True)) for n in range(1, 9)]),
        3,
        ("b.gml", "EPSG:2177 expects easting", "found is about", "swapped", "northing first"),
    ),
    "another zone": Bad(
        "egib",
        "b.gml",
        gml(*[parcel(n, ring=square(n, zone=1)) for n in range(1, 9)]),
        3,
        ("b.gml", "EPSG:2177", "begin with 7", "EPSG:2178"),
    ),
    "unknown namespace": Bad(
        "egib",
        "b.gml",
        gml(*parcels(), schema="urn:other:1.0"),
        3,
        ("b.gml", "no object of this feed", "urn:other:1.0", SCHEMA_2021, "Check"),
    ),
    "another feed": Bad("gesut", "b.gml", GOOD, 3, ("b.gml", "no object of this feed", SCHEMA_2021)),
    "billion laughs": Bad("egib", "b.gml", gml(before=LAUGHS), 3, ("b.gml", "DOCTYPE", "Remove")),
    "external entity": Bad("egib", "b.gml", gml(before=OUTSIDE), 3, ("b.gml", "DOCTYPE", "Remove")),
    "billion laughs in UTF-16": Bad(
        "egib",
        "b.gml",
        gml(before=LAUGHS).replace("UTF-8", "UTF-16").encode("utf-16"),
        3,
        ("b.gml", "DOCTYPE"),
    ),
    "no feature": Bad("egib", "b.gml", gml(), 4, ("b.gml", "no row", "--accept empty")),
    "VRT named GML": Bad("egib", "b.gml", vrt, 3, ("b.gml", "OGRVRTDataSource", "gml:FeatureCollection")),
    "a table for a GML feed": Bad("egib", "b.gpkg", csv(*trees()), 3, ("b.gpkg", "not XML", "GML")),
    "too many rejects": Bad(
        "egib",
        "b.gml",
        gml(*parcels(area=None)),
        4,
        (
            "12 rows, first at line",
            "area_ha is not present",
            "parcels: 12 of 12 rows are rejected",
            "20%",
            "--accept rejects",
        ),
    ),
    # archives
    "zip bomb": Bad(
        "egib",
        "b.zip",
        lambda _: zipped(("bomb.gml", b" " * BOMB_BYTES)),
        3,
        ("b.zip", "would unpack to", "zip bomb", "unpack it yourself"),
    ),
    "zip with names that lead out": Bad(
        "egib",
        "b.zip",
        zipped(("../../evil.gml", GOOD)),
        3,
        ("b.zip", "../../evil.gml", "outside its folder"),
    ),
    "zip with an absolute name": Bad(
        "egib", "b.zip", zipped(("/evil.gml", GOOD)), 3, ("b.zip", "/evil.gml", "outside")
    ),
    "truncated zip": Bad(
        "egib", "b.zip", zipped(("a.gml", GOOD))[:-40], 3, ("b.zip", "no whole zip", "Fetch")
    ),
    "GML named zip": Bad("egib", "b.zip", GOOD, 3, ("b.zip", "no whole zip archive", "wrong name")),
    "damaged zip": Bad(
        "egib",
        "b.zip",
        zipped(("a.gml", GOOD)).replace(b"\x00\x00a.gml", b"\x00\x00a.gml\xff\xff\xff\xff", 1),
        3,
        ("b.zip", "a.gml", "again"),
    ),
    "empty zip": Bad("egib", "b.zip", zipped(), 3, ("b.zip", "holds no file", "supplier")),
    "zip of litter": Bad("egib", "b.zip", zipped(("__MACOSX/._a.gml", "x")), 3, ("b.zip", "holds no file")),
    # tables of text
    "GML for a table": Bad("trees", "b.gml", GOOD, 3, ("b.gml", ".csv", "not from .gml", "egib")),
    "a format not allowed": Bad("trees", "b.kml", "<kml/>", 3, ("b.kml", "tables are read from", ".csv")),
    "no ending": Bad("trees", "b", csv(*trees()), 3, ("b:", "a file without ending")),
    "column absent": Bad(
        "trees",
        "b.csv",
        csv(*trees(), header=HEADER.replace("NUMER", "COS")),
        3,
        ("b.csv", "lacks the column NUMER or", "(Inventory number)", "It has: COS", "Rename"),
    ),
    "no header": Bad(
        "trees",
        "b.csv",
        csv(*trees()[1:], header=";".join(tree(1).values())),
        3,
        ("b.csv", "P-1", "add a header line"),
    ),
    "no coordinates": Bad(
        "trees",
        "b.csv",
        csv(*trees(), header=HEADER.replace("WSP_E", "E")),
        3,
        ("b.csv", "tells no place", "WSP_E and WSP_N", "or lon and lat", "Rename"),
    ),
    "a column twice": Bad(
        "trees",
        "b.csv",
        csv(*trees(), header=HEADER.replace("GATUNEK", "NUMER")),
        3,
        ("b.csv", "line 1", "'NUMER' stands 2 times", "Rename"),
    ),
    "quotation mark not closed": Bad(
        "trees",
        "b.csv",
        one_wrong_tree('"P-3;Tilia;12;2024-05-01;1;2'),
        3,
        ("b.csv", "line 4", "quotation mark", "Close"),
    ),
    "binary named CSV": Bad(
        "trees",
        "b.csv",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9,
        3,
        ("b.csv", "no text", "PNG", "UTF-8"),
    ),
    "spreadsheet named CSV": Bad(
        "trees", "b.csv", zipped(("xl/workbook.xml", "x" * 999)), 3, ("b.csv", "PK", "ending")
    ),
    "web page named CSV": Bad("trees", "b.csv", PAGE, 3, ("b.csv", "line 1", "web page", "fetch")),
    "text without separator": Bad(
        "trees", "b.csv", "Ala ma kota\nkot ma Alę\n", 3, ("b.csv", "no separator", "header line")
    ),
    "blank lines only": Bad("trees", "b.csv", "\n\n  \n", 3, ("b.csv", "only blank lines", "header line")),
    "header only": Bad("trees", "b.csv", csv(), 4, ("b.csv", "no row of trees", "--accept empty")),
    "truncated gzip": Bad(
        "trees",
        "b.csv.gz",
        gzip.compress(csv(*trees()).encode())[:-20],
        3,
        ("b.csv.gz", "cannot be unpacked", "Fetch"),
    ),
    "CSV named gzip": Bad(
        "trees", "b.csv.gz", csv(*trees()), 3, ("b.csv.gz", "cannot be unpacked", "gzip", "Fetch")
    ),
    "gzip bomb": Bad(
        "trees",
        "b.csv.gz",
        lambda _: gzip.compress(b"a" * BOMB_BYTES, 1),
        3,
        ("b.csv.gz", "unpacks to more than"),
    ),
    "half UTF-16": Bad(
        "trees", "b.csv", csv(*trees()).encode("utf-16")[:-1], 3, ("b.csv", "utf-16", "UTF-8")
    ),
    "VRT named CSV": Bad("trees", "b.csv", vrt, 3, ("b.csv", "no table", "OGRVRTDataSource", "XML")),
    "swapped columns": Bad(
        "trees",
        "b.csv",
        csv(*[tree(n, WSP_E=f"{NORTH + n}", WSP_N=f"{EAST + n}") for n in range(1, 9)]),
        3,
        ("b.csv", "EPSG:2177 expects easting", "swapped", "exchange the columns"),
    ),
    "a table in another zone": Bad(
        "trees",
        "b.csv",
        csv(*[tree(n, WSP_E=f"{EAST + 1_000_000 + n}") for n in range(1, 9)]),
        3,
        ("b.csv", "begin with 7", "EPSG:2178"),
    ),
    "another city": Bad(
        "trees",
        "b.csv",
        csv(*[tree(n, WSP_N=f"{NORTH + 100_000 + n}") for n in range(1, 9)]),
        4,
        ("trees: 8 of 8 rows lie outside the city", "--accept extent"),
    ),
    "too many trees rejected": Bad(
        "trees",
        "b.csv",
        csv(*trees(OBWOD_PNIA_CM="gruby")),
        4,
        (
            "first at line 2: girth_cm 'gruby' is not a number",
            "trees: 12 of 12 rows are rejected",
            "--accept rejects",
        ),
    ),
    # tables with geometry
    "VRT named GeoPackage": Bad("trees", "b.gpkg", vrt, 3, ("b.gpkg", "not what its name says", "Export")),
    "VRT named shapefile": Bad("trees", "b.shp", vrt, 3, ("b.shp", "not what its name says", "Export")),
    "VRT named GeoJSON": Bad("trees", "b.geojson", vrt, 3, ("b.geojson", "no JSON", "Export")),
    "VRT inside JSON": Bad(
        "trees",
        "b.geojson",
        lambda at: '{"x": "FeatureCollection"}' + vrt(at),
        3,
        ("b.geojson", "neither a GeoJSON"),
    ),
    "a pipeline named GeoJSON": Bad(
        "trees",
        "b.geojson",
        '{"type": "gdal_streamed_alg", "command_line": "gdal read /etc/passwd", "x": "FeatureCollection"}',
        3,
        ("b.geojson", "neither a GeoJSON FeatureCollection nor a list"),
    ),
    "VRT behind the sign of FlatGeobuf": Bad(
        "trees",
        "b.fgb",
        lambda at: b"fgb\x03fgb\x01" + vrt(at).encode(),
        3,
        ("b.fgb", "not what its name says"),
    ),
    "VRT behind the sign of a spreadsheet": Bad(
        "trees",
        "b.xlsx",
        lambda at: b"PK\x03\x04" + vrt(at).encode(),
        3,
        ("b.xlsx", "not what its name says"),
    ),
    "a spreadsheet that is a bomb": Bad(
        "trees", "b.xlsx", zipped(("xl/worksheets/sheet1.xml", b" " * BOMB_BYTES)), 3, ("b.xlsx", "zip bomb")
    ),
    "truncated GeoPackage": Bad(
        "trees",
        "b.gpkg",
        lambda at: written(at, "whole.gpkg").read_bytes()[:30_000],
        3,
        ("b.gpkg", "cannot be read", "Export"),
    ),
    "a GeoPackage of several tables": Bad(
        "trees",
        "b.gpkg",
        lambda at: written(at, "a.gpkg", "oaks", "limes").read_bytes(),
        3,
        ("b.gpkg", "2 tables", "oaks, limes", "call it 'trees'"),
    ),
    "a GeoPackage without system": Bad(
        "trees",
        "b.gpkg",
        lambda at: written(at, "a.gpkg", crs=None).read_bytes(),
        3,
        ("b.gpkg", "lacks the name of its coordinate system", "EPSG:2177"),
    ),
    "shapefile without .prj": Bad(
        "districts",
        "b.zip",
        lambda at: shapefile(at, ".shp", ".shx", ".dbf"),
        3,
        ("b.shp", "lacks the name of its coordinate system in a .prj file", "Deliver"),
    ),
    "shapefile without .shx": Bad(
        "districts",
        "b.zip",
        lambda at: shapefile(at, ".shp", ".dbf"),
        3,
        ("b.shp lacks its .shx", "one folder"),
    ),
    "shapefile with a wrong .cpg": Bad(
        "districts",
        "b.zip",
        lambda at: shapefile(at, ".shp", ".shx", ".dbf", ".prj", cpg="UTF-8"),
        3,
        ("b.zip: b.shp", "letters are not in the encoding", ".cpg"),
    ),
    "text named Parquet": Bad(
        "trees", "b.parquet", csv(*trees()), 3, ("b.parquet", "cannot be read as Parquet", "Export")
    ),
    "truncated GeoJSON": Bad(
        "districts",
        "b.geojson",
        geojson(*districts())[:-60],
        3,
        ("b.geojson", "ends in line 1", "broke off", "Fetch it again"),
    ),
    "GeoJSON of no feature": Bad(
        "districts", "b.geojson", geojson(), 4, ("b.geojson", "no row of districts")
    ),
    "an empty list": Bad("stops", "b.json", "[]", 4, ("b.json", "no row of stops", "--accept empty")),
    "JSON nested deeply": Bad("stops", "b.json", "[" * 200_000, 3, ("b.json", "nested too deeply")),
    "JSON in Windows-1250": Bad(
        "districts",
        "b.geojson",
        json.dumps({"name": "Łazarz"}, ensure_ascii=False).encode("cp1250"),
        3,
        ("b.geojson", "UTF-8"),
    ),
    "swapped GeoJSON": Bad(
        "districts",
        "b.geojson",
        geojson(*[district("a", ring=[[52.4, 16.9], [52.41, 16.9], [52.4, 16.91], [52.4, 16.9]])]),
        3,
        ("b.geojson", "longitude", "swapped"),
    ),
    "a table without place": Bad(
        "districts",
        "b.csv",
        "name;x\nWilda;1\n",
        3,
        ("b.csv", "no geometry", "GeoJSON, GeoPackage or shapefile"),
    ),
}


def frame(crs: int | None = 2177) -> gpd.GeoDataFrame:
    rows = pd.DataFrame(trees())
    places = shapely.points([[EAST + n + 0.5, NORTH + n + 0.25] for n in range(1, TREES + 1)])
    return gpd.GeoDataFrame(rows, geometry=places, crs=crs)


def written(folder: Path, name: str, *tables: str, crs: int | None = 2177, rows: Any = None) -> Path:
    """A file that GDAL writes of the good trees."""
    rows = frame(crs) if rows is None else rows
    for place, table in enumerate(tables or ("trees",)):
        pyogrio.write_dataframe(
            rows, folder / name, layer=table if name.endswith("gpkg") else None, append=place > 0
        )
    return folder / name


def shapefile(folder: Path, *parts: str, cpg: str | None = None) -> bytes:
    """A zipped shapefile of one district; its letters are in Windows-1250, whatever ``cpg`` says."""
    rows = gpd.GeoDataFrame(
        {"name": ["Łazarz"]}, geometry=[shapely.box(EAST, NORTH, EAST + 9, NORTH + 9)], crs=2177
    )
    pyogrio.write_dataframe(rows, folder / "b.shp", encoding="cp1250")
    members = [(f"b{part}", (folder / f"b{part}").read_bytes()) for part in parts]
    return zipped(*members, *([("b.cpg", cpg)] if cpg else []))


@pytest.mark.parametrize("name", BAD)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
def test_bad_input_is_refused_in_a_sentence_and_nothing_changes(name, published, node, mesip, tmp_path):
    bad = BAD[name]
    content = bad.content(tmp_path) if callable(bad.content) else bad.content
    path = tmp_path / "in" / bad.name
    path.parent.mkdir()
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    began = time.monotonic()
    said = mesip("load", bad.feed, path)
    assert time.monotonic() - began < SECONDS
    print(f"{name:40} {said.code} {said.err.strip()}")
    sentence = words_in_order(said.err)
    assert (said.code, said.out) == (bad.code, "")
    assert re.search(".*".join(map(re.escape, bad.words)), sentence), sentence
    assert re.search(r"(^|\. )mesip: .*\.$", sentence)
    assert len(sentence) < 900
    assert str(node.home) not in sentence
    assert "geheim" not in sentence
    assert_plain(said)
    assert published.now() == published.before


# Rows that are rejected, in files that are published ----------------------------------------------------


class Odd(NamedTuple):
    """A file of which one row is wrong: words of the report, and how many rows are rejected."""

    feed: str
    name: str
    content: bytes | str | Callable[[Path], bytes | str]
    words: tuple[str, ...]
    rejected: int = 1


BOW_TIE = f"{NORTH} {EAST} {NORTH + 20} {EAST + 20} {NORTH + 20} {EAST} {NORTH} {EAST + 20} {NORTH} {EAST}"
BOW = [[16.9, 52.4], [16.91, 52.41], [16.91, 52.4], [16.9, 52.41], [16.9, 52.4]]
# Each parcel takes 13 lines of the file, the first object begins at line 4.
PLACE = "line 30:"


def with_third(feature: Any) -> str:
    """Districts of which the third is ``feature``, and the fifth has a new outline."""
    found = districts()
    found[2], found[4] = feature, district("Świt", 16.96)
    return geojson(*found)


ODD = {
    "bow tie": Odd(
        "egib", "o.gml", one_wrong(ring=BOW_TIE), (PLACE, "geometry 'Self-intersection[", "is not valid")
    ),
    "NaN coordinate": Odd(
        "egib",
        "o.gml",
        one_wrong(ring=square(3).replace(f"{EAST}.00", "NaN")),
        (PLACE, "A coordinate is NaN or infinite"),
    ),
    "open ring": Odd("egib", "o.gml", one_wrong(ring=square(3)[:-26]), (PLACE, "A ring is not closed")),
    "no ring": Odd("egib", "o.gml", one_wrong(ring=" "), (PLACE, "without numbers")),
    "no area": Odd("egib", "o.gml", one_wrong(area=None), (PLACE, "area_ha is not present")),
    "area in words": Odd("egib", "o.gml", one_wrong(area="dużo"), (PLACE, "area_ha 'dużo' is not a number")),
    "negative area": Odd("egib", "o.gml", one_wrong(area="-1"), (PLACE, "area_ha '-1' is not at least 0")),
    "two objects of one id": Odd(
        "egib",
        "o.gml",
        one_wrong().replace("</gml:FeatureCollection>", parcel(3, area="0.07") + "</gml:FeatureCollection>"),
        (
            "2 rows",
            "local_id 'local-3' stands in more than one row: line 30, line 160",
            "Leave the right one",
        ),
        2,
    ),
    "moment with dashes": Odd(
        "egib",
        "o.gml",
        one_wrong()
        .replace("2020-01-01T10:00:00", "2020-01-01T10-00-00", 9)
        .replace("2020-01-01T10-00-00", "2020-01-01T10:00:00", 6),
        (PLACE, "object_from '2020-01-01T10-00-00' is not a moment"),
    ),
    "2015 schema": Odd(
        "egib",
        "o.gml",
        one_wrong(area=None)
        .replace(SCHEMA_2021, SCHEMA_2015)
        .replace("poleEwidencyjne", "powierzchniaEwidencyjna"),
        (PLACE, "area_ha is not present"),
    ),
    "girth in words": Odd(
        "trees",
        "o.csv",
        one_wrong_tree(tree(3, OBWOD_PNIA_CM="gruby")),
        ("line 4", "girth_cm 'gruby' is not a number"),
    ),
    "girth of nothing": Odd(
        "trees",
        "o.csv",
        one_wrong_tree(tree(3, OBWOD_PNIA_CM="0")),
        ("line 4", "girth_cm '0' is not at least 1"),
    ),
    "a day that is none": Odd(
        "trees",
        "o.csv",
        one_wrong_tree(tree(3, DATA_PRZEGLADU="2024-02-30")),
        ("line 4", "inspected '2024-02-30' is not a day"),
    ),
    "NaN in a table": Odd(
        "trees",
        "o.csv",
        one_wrong_tree(tree(3, WSP_E="NaN")),
        ("line 4", "The coordinate WSP_E 'NaN' is not a number"),
    ),
    "no coordinate": Odd(
        "trees", "o.csv", one_wrong_tree(tree(3, WSP_E="")), ("line 4", "geometry is not present")
    ),
    "abroad": Odd(
        "trees",
        "o.csv",
        one_wrong_tree(tree(3, WSP_N="1000000")),
        ("line 4", "outside of EPSG:2177 in Poland"),
    ),
    "too many values": Odd(
        "trees",
        "o.csv",
        one_wrong_tree(";".join(tree(3).values()) + ";dąb;stary"),
        ("line 4", "Line 4 has 8 values, the header names 6 columns"),
    ),
    "too few values": Odd(
        "trees",
        "o.csv",
        one_wrong_tree("P-3;Tilia cordata;120"),
        ("line 4", "Line 4 has 3 values, the header names 6 columns"),
    ),
    "quotation mark in a value": Odd(
        "trees",
        "o.csv",
        one_wrong_tree(tree(3, GATUNEK='"Tilia "cordata"')),
        ("line 4", "Line 4 has a quotation mark inside a value"),
    ),
    "zero byte": Odd(
        "trees", "o.csv", one_wrong_tree(tree(3, GATUNEK="Ti\x00lia")), ("line 4", "holds a zero byte")
    ),
    "a number of 5000 letters": Odd(
        "trees",
        "o.csv",
        csv(*trees()[:4], tree(5, OBWOD_PNIA_CM="131"), *trees()[5:], tree(13, NUMER="x" * 5000)),
        ("line 14", "has more than 500 characters"),
        -1,
    ),
    "tree of one number": Odd(
        "trees",
        "o.csv",
        csv(*trees()[:4], tree(5, OBWOD_PNIA_CM="131"), *trees()[5:], tree(3)),
        ("2 rows", "'P-3' stands in more than one row: line 4, line 14"),
        2,
    ),
    "bow tie in GeoJSON": Odd(
        "districts", "o.geojson", with_third(district("Wilda", ring=BOW)), ("row 3", "Self-intersection")
    ),
    "NaN in GeoJSON": Odd(
        "districts",
        "o.geojson",
        with_third(district("Wilda", ring=[[float("nan"), 52.4], *BOW[1:]])),
        ("row 3", "NaN"),
    ),
    "no geometry": Odd(
        "districts",
        "o.geojson",
        with_third(district("Wilda") | {"geometry": None}),
        ("row 3", "geometry is not present"),
    ),
    "a geometry of nothing": Odd(
        "districts",
        "o.geojson",
        with_third(district("Wilda") | {"geometry": {"type": "Polygon"}}),
        ("row 3", "is no GeoJSON"),
    ),
    "a point for an area": Odd(
        "districts",
        "o.geojson",
        with_third(district("Wilda") | {"geometry": {"type": "Point", "coordinates": [16.9, 52.4]}}),
        ("row 3", "geometry 'Point' is not a MultiPolygon"),
    ),
}
SPOILT = {
    "egib": ("parcels", "local-3", "local-5"),
    "trees": ("trees", "P-3", "P-5"),
    "districts": ("districts", "Wilda", "Świt"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_bad_row_is_rejected_and_the_others_are_published(name, restored, mesip, rows, tmp_path):
    odd = ODD[name]
    path = tmp_path / odd.name
    content = odd.content(tmp_path) if callable(odd.content) else odd.content
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    said = mesip("load", odd.feed, path)
    print(said.out)
    assert said.code == 0, said.err
    assert_plain(said)
    report = words_in_order(said.out)
    assert re.search(".*".join(map(re.escape, odd.words)), report), report
    assert "Rejected rows are kept with their reasons" in report
    layer, spoilt, renewed = SPOILT[odd.feed]
    now, before = restored.now()[layer], restored.before[layer]
    assert {key for key in before if now.get(key) != before[key]} == {renewed}
    assert set(now) == set(before)
    kept = rows("SELECT key, origin FROM registry.reject WHERE run = (SELECT max(run) FROM registry.run)")
    assert [key for key, _ in kept] == ([spoilt] * odd.rejected if odd.rejected > 0 else [None])


def test_a_torn_row_is_reported_once(restored, mesip, tmp_path):
    path = tmp_path / "torn.csv"
    path.write_text(one_wrong_tree("P-3;x;y;z;a;b;c"))
    said = mesip("load", "trees", path)
    assert said.out.count("error: ") == 1


# Paths, usage, other doors ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("load", "egib", "{}/none.gml"), (3, "There is no file .*none.gml. Check the name")),
        (("load", "egib", "{}"), (3, "is a folder. Name the files in it")),
        (("load", "egib", "/dev/null"), (3, "no ordinary file")),
        (("load", "egip", "{}/none.gml"), (2, "no feed 'egip'. Known feeds: .*egib")),
        (("load", "egib"), (2, "Missing argument 'PATH")),
        (("load", "trees", "{}/none.csv", "--as-of", "jutro"), (2, "'jutro' does not match")),
        (
            ("load", "trees", "{}/none.csv", "--accept", "all"),
            (2, "'all' is not one of 'empty', 'older', 'rejects'"),
        ),
    ],
)
def test_a_wrong_path_or_word_is_said(arguments, expected, published, mesip, tmp_path):
    said = mesip(*(word.format(tmp_path) for word in arguments))
    code, words = expected
    assert said.code == code
    assert re.search(words, words_in_order(said.err))
    assert_plain(said)
    assert published.now() == published.before


def test_a_database_that_is_not_there_is_said(published, good, tmp_path):
    said = outside(
        "load", "egib", good["egib"], MESIP_DATABASE_URL="postgresql+psycopg://x:secret@127.0.0.1:9/x"
    )
    assert said.code == 6
    assert "mesip doctor" in said.err
    assert "secret" not in said.err
    assert_plain(said)


TELL_MEMORY = (
    "import atexit, pathlib; atexit.register(lambda: print(pathlib.Path('/proc/self/status').read_text())); "
)


def outside(*arguments: object, before: str = "", **environment: str) -> Said:
    """The command, run as a user runs it."""
    program = [sys.executable, "-c", f"{before}from mesip.cli import main; main()", *map(str, arguments)]
    ended = subprocess.run(program, capture_output=True, text=True, env=os.environ | environment, check=False)
    return Said(ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.parametrize("name", ["zip bomb", "billion laughs", "gzip bomb", "a spreadsheet that is a bomb"])
def test_a_bomb_costs_neither_memory_nor_time(name, published, tmp_path):
    bad = BAD[name]
    path = tmp_path / bad.name
    content = bad.content(tmp_path) if callable(bad.content) else bad.content
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    began = time.monotonic()
    said = outside("load", bad.feed, path, before=TELL_MEMORY)
    assert time.monotonic() - began < SECONDS
    assert said.code == 3
    assert_plain(said)
    assert int(re.search(r"VmHWM:\s*(\d+) kB", said.out)[1]) < MOST_KIB


def test_what_a_user_sees_of_a_bad_row(restored, tmp_path):
    path = tmp_path / "bow.gml"
    path.write_text(one_wrong(ring=BOW_TIE))
    said = outside("load", "egib", path, "--json")
    assert (said.code, said.err) == (0, "")
    counts = json.loads(said.out)["layers"]["parcels"]
    assert (counts["read"], counts["changed"], counts["confirmed"], counts["rejected"]) == (12, 1, 10, 1)


def test_a_header_cannot_write_on_the_terminal(published, mesip, tmp_path):
    path = tmp_path / "colour.csv"
    path.write_text("\x1b[31mRED;b\n1;2\n")
    said = mesip("load", "trees", path)
    assert said.code == 3
    assert "\x1b" not in said.err


# The same rows in every format --------------------------------------------------------------------------


def as_text(folder: Path, name: str, encoding: str = "utf-8", sign: str = ";") -> Path:
    (folder / name).write_bytes(
        csv(*trees()).replace(";", sign).replace(",", "." if sign == "," else ",").encode(encoding)
    )
    return folder / name


def as_parquet(folder: Path) -> Path:
    frame().to_parquet(folder / "p.parquet")
    return folder / "p.parquet"


def as_list(folder: Path) -> Path:
    (folder / "l.json").write_text(json.dumps(trees()))
    return folder / "l.json"


def as_archive(folder: Path) -> Path:
    (folder / "z.zip").write_bytes(zipped(("__MACOSX/._t.csv", "x"), ("deep/trees.csv", csv(*trees()))))
    return folder / "z.zip"


def with_our_columns(folder: Path) -> Path:
    rows = [row | {"origin": "1", "torn": "2", "fault": "3", "geometry": "4"} for row in trees()]
    (folder / "o.csv").write_text(csv(*rows, header=";".join(rows[0])))
    return folder / "o.csv"


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda at: written(at, "t.gpkg"), id="GeoPackage"),
        pytest.param(lambda at: written(at, "t.gpkg", "oaks", "trees"), id="GeoPackage of several tables"),
        pytest.param(lambda at: written(at, "t.fgb"), id="FlatGeobuf"),
        pytest.param(lambda at: written(at, "t.xlsx", rows=pd.DataFrame(trees())), id="spreadsheet of text"),
        pytest.param(as_parquet, id="GeoParquet"),
        pytest.param(as_list, id="list of objects"),
        pytest.param(as_archive, id="zip archive"),
        pytest.param(with_our_columns, id="columns named as ours"),
        pytest.param(lambda at: as_text(at, "t.csv", "utf-16"), id="UTF-16"),
        pytest.param(lambda at: as_text(at, "t.tsv", sign="\t"), id="tabs"),
        pytest.param(lambda at: as_text(at, "t.txt", sign="|"), id="bars"),
    ],
)
def test_the_same_rows_in_another_format_change_nothing(write, published, mesip, tmp_path):
    said = mesip("load", "trees", write(tmp_path), "--json")
    assert said.code == 0, said.err
    assert said.err == ""
    assert json.loads(said.out)["state"] == "unchanged"
    assert published.now() == published.before


def test_a_zipped_shapefile_is_one_table_in_its_own_letters(restored, mesip, rows, tmp_path):
    path = tmp_path / "b.zip"
    path.write_bytes(shapefile(tmp_path, ".shp", ".shx", ".dbf", ".prj", cpg="CP1250"))
    assert mesip("load", "districts", path).code == 0
    assert rows("SELECT name FROM city.districts") == [("Łazarz",)]
    path.write_bytes(shapefile(tmp_path, ".shp", ".shx", ".dbf", ".prj"))
    assert "unchanged" in mesip("load", "districts", path).out


def test_the_id_of_a_feature_is_a_column_and_two_of_one_are_rejected(node, mesip, rows, tmp_path):
    path = tmp_path / "stops.geojson"
    stop = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [16.9, 52.4]}}
    stops = [
        stop | {"id": number, "properties": {"stop_name": f"Rondo {number}"}}
        for number in (*range(1, 20), 19)
    ]
    path.write_text(geojson(*stops))
    said = mesip("load", "stops", path)
    assert said.code == 0, said.err
    assert "stop_id '19' stands in more than one row: row 19, row 20" in said.out
    assert rows("SELECT count(*), min(name) FROM city.stops") == [(18, "Rondo 1")]
