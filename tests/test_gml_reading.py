"""The national GML becomes rows: real deliveries of both families, and every way to write a geometry."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from geopandas import GeoDataFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.gml import read_gml, target

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
EGIB = ("ewidencjaGruntowIBudynkow:1.0", "urn:gugik:specyfikacje:gmlas:ewidencjaGruntowBudynkow:1.0")
GESUT = (
    "geodezyjnaEwidencjaSieciUzbrojeniaTerenu:1.0",
    "urn:gugik:specyfikacje:gmlas:geodezyjnaEwidencjaSieciUzbrojeniaTerenu:1.0",
)
BDOT500 = (
    "bazaDanychObiektowTopograficznych500:1.0",
    "urn:gugik:specyfikacje:gmlas:bazaDanychObiektowTopograficznych500:1.0",
)
PARCEL, BUILDING, POINT = "EGB_DzialkaEwidencyjna", "EGB_Budynek", "EGB_PunktGraniczny"
LINES = (
    "GES_PrzewodTelekomunikacyjny", "GES_PrzewodElektroenergetyczny", "GES_PrzewodWodociagowy",
    "GES_PrzewodKanalizacyjny",
)  # fmt: skip
HEAD = (
    '<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml/3.2" '
    'xmlns:egb="ewidencjaGruntowIBudynkow:1.0" '
    'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
)
SRS = 'srsName="urn:ogc:def:crs:EPSG::2177"'

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def real(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the real file {name} is not on this machine")
    return path


def frames(path: Path, classes: dict[str, str], namespaces: tuple[str, ...]) -> dict[str, list[GeoDataFrame]]:
    found: dict[str, list[GeoDataFrame]] = {}
    for layer, frame in read_gml(path, classes, namespaces):
        found.setdefault(layer, []).append(frame)
    return found


def one_frame(path: Path, name: str, namespaces: tuple[str, ...]) -> GeoDataFrame:
    (frame,) = frames(path, {name: "layer"}, namespaces)["layer"]
    return frame


def write_objects(folder: Path, *objects: str) -> Path:
    path = folder / "made.gml"
    members = "".join(f"<gml:featureMember>{text}</gml:featureMember>\n" for text in objects)
    path.write_text(f"{HEAD}{members}</gml:FeatureCollection>", encoding="utf-8")
    return path


def written(inside: str, name: str = PARCEL, gml_id: str = "a") -> str:
    return f'<egb:{name} gml:id="{gml_id}">{inside}</egb:{name}>'


def read_geometry(folder: Path, gml: str) -> shapely.Geometry:
    path = write_objects(folder, written(f"<egb:geometria>{gml}</egb:geometria>"))
    row = one_frame(path, PARCEL, EGIB).iloc[0]
    assert row["fault"] is None
    return row["geometry"]


def test_leszno_holds_its_parcels_buildings_points_and_lines():
    path = real("egib/leszno_2021.gml")
    classes = {PARCEL: "parcels", BUILDING: "buildings", POINT: "points"} | dict.fromkeys(LINES, "lines")
    found = frames(path, classes, EGIB + GESUT)
    assert {layer: sum(map(len, parts)) for layer, parts in found.items()} == {
        "parcels": 14, "buildings": 7, "points": 92, "lines": 24,
    }  # fmt: skip
    assert all(frame["fault"].isna().all() for parts in found.values() for frame in parts)
    assert {frame.crs.to_epsg() for parts in found.values() for frame in parts} == {2178}


def test_a_real_parcel_keeps_its_words():
    parcels = one_frame(real("egib/leszno_2021.gml"), PARCEL, EGIB)
    parcel = parcels[parcels["idDzialki"] == "143204_2.0015.26/35"].iloc[0]
    assert parcel["class"] == PARCEL
    assert parcel["origin"] == "line 12037"
    assert parcel["lokalnyId"] == "93aa6dae-11a5-470f-b417-5c6a4f5137ed"
    assert parcel["wersjaId"] == "2005-03-12T14:25:58"
    assert parcel["poleEwidencyjne"] == "0.1895"
    assert parcel["klasouzytek.OFU"] == "R;R"
    assert parcel["klasouzytek.OZK"] == "V;VI"
    assert parcel["klasouzytek.powierzchnia"] == "0.0875;0.1020"
    assert parcel["JRG2"] == "ed014478-43d2-42ae-aa28-1c3ce17a264e"
    assert parcel["punktGranicyDzialki"].startswith("4dc6e1b0-d888-4776-b8f1-d32b6b2ca87b;")
    assert parcel["geometry"].exterior.coords[0] == (7469493.44, 5792575.7)


@pytest.mark.parametrize(
    ("name", "namespaces"),
    [
        ("egib/leszno_2021.gml", EGIB + GESUT + BDOT500),
        ("egib/cgeo_training_2021.gml", EGIB),
        ("gesut/cgeo_training_2021.gml", GESUT),
        ("bdot500/cgeo_training_2021.gml", BDOT500),
    ],
)
def test_geometries_are_those_that_gdal_reads(name: str, namespaces: tuple[str, ...], tmp_path: Path):
    path = tmp_path / "delivery.gml"  # GDAL writes a schema beside the file it reads
    path.symlink_to(real(name))
    compared = 0
    for layer in pyogrio.list_layers(path)[:, 0]:
        if not layer.startswith(("EGB_", "GES_", "OT_")):
            continue
        theirs = pyogrio.read_dataframe(path, layer=layer)
        # GDAL takes the first geometry of an object, which is not always its `geometria`.
        if "geometry" not in theirs or layer in ("EGB_ObiektTrwaleZwiazanyZBudynkiem", "OT_Skarpa"):
            continue
        ours = one_frame(path, layer, namespaces).set_index("gml_id").loc[theirs["gml_id"]]
        mine, other = (
            shapely.normalize(ours.geometry.to_numpy()),
            shapely.normalize(theirs.geometry.to_numpy()),
        )
        same = shapely.equals_exact(mine, other, 1e-9) | (
            shapely.is_missing(mine) & shapely.is_missing(other)
        )
        assert same.all(), layer
        compared += len(ours)
    assert compared > 150


def test_superseded_versions_are_rows_of_their_own():
    parcels = one_frame(real("egib/cgeo_training_2021.gml"), PARCEL, EGIB)
    assert len(parcels) == 47
    assert parcels["lokalnyId"].duplicated().sum() > 0
    assert parcels["koniecWersjaObiekt"].notna().sum() > 0
    assert parcels["lokalizacjaDzialki"].iloc[0] is None


def test_lines_of_a_training_file_keep_holder_and_empty_codes():
    poles = one_frame(real("gesut/cgeo_training_2021.gml"), "GES_InneUrzadzeniaTowarzyszace", GESUT)
    assert poles["wladajacy"].iloc[0] == "Energa- Operator SA Odział w Kaliszu"
    assert poles["status"].iloc[0] is None


def test_parcels_of_2015_are_read():
    paths = sorted(real("egib/parcels_2015").glob("*.gml"))
    parcels = [one_frame(path, PARCEL, EGIB) for path in paths]
    assert len(parcels) == 10
    first = parcels[0].iloc[0]
    assert first["idDzialki"] == "221101_1.0001.111/2"
    assert first["powierzchniaEwidencyjna"] == "0.0150"
    assert first["waznoscOd"] is None
    assert first["lokalizacjaDzialki2"] == "f3f8a7cf-5a94-4c95-b80d-3d51900a317f"
    assert {parcel.crs.to_epsg() for parcel in parcels} == {2177}
    assert first["geometry"].area == pytest.approx(150, rel=0.1)


def test_trees_and_boards_of_a_survey_of_2015_are_read():
    path = real("bdot500/survey_2015_epsg2177.gml")
    classes = {
        "BDZ_ObiektPrzyrodniczy": "trees",
        "BDZ_InnaBudowla": "boards",
        "BDZ_PunktOOkreslonejWysokosci": "h",
    }
    found = {layer: parts[0] for layer, parts in frames(path, classes, BDOT500).items()}
    assert {layer: len(frame) for layer, frame in found.items()} == {"trees": 494, "boards": 101, "h": 3064}
    assert (found["boards"]["rodzajBudInn"] == "reklamaLubTablicaInformacyjna").sum() == 10
    assert found["trees"]["rodzajObPrzyrodn"].isin(["drzewoLisciaste", "drzewoIglaste"]).sum() == 489
    assert found["trees"]["poczatekWersjiObiektu"].notna().all()
    assert found["boards"]["idMaterialu.pierwszyCzlon"].notna().any()


def test_origin_is_the_line_of_the_object_even_far_down():
    path = real("bdot500/survey_2015_epsg2177.gml")
    heights = one_frame(path, "BDZ_PunktOOkreslonejWysokosci", BDOT500)
    lines = path.read_text(encoding="utf-8").split("\n")
    numbers = heights["origin"].str.removeprefix("line ").astype(int)
    assert numbers.max() > 100_000
    assert all(
        f'gml:id="{gml_id}"' in lines[number - 1]
        for gml_id, number in zip(heights["gml_id"], numbers, strict=True)
    )


@pytest.mark.parametrize(
    "href",
    [
        "#PL.PZGiK.179.EGiB_93aa6dae-11a5-470f-b417-5c6a4f5137ed_2005-03-12T14-25-58",
        "PL.PZGiK.179.EGiB_93aa6dae-11a5-470f-b417-5c6a4f5137ed_2005-03-12T14-25-58",
        "PL.PZGiK.179.EGiB_93aa6dae-11a5-470f-b417-5c6a4f5137ed",
        "urn:pzgik:id:PL.PZGiK.179.EGiB:93aa6dae-11a5-470f-b417-5c6a4f5137ed",
        "urn:pzgik:id:PL.PZGiK.179.EGiB:93aa6dae-11a5-470f-b417-5c6a4f5137ed:2005-03-12T14:25:58",
    ],
)
def test_every_form_of_reference_points_at_the_same_object(href: str):
    assert target(href) == "93aa6dae-11a5-470f-b417-5c6a4f5137ed"


def test_a_reference_in_no_known_form_is_kept():
    assert target("#pole-7") == "pole-7"
    assert target("http://example.org/a_b_c") == "http://example.org/a_b_c"


def test_what_is_empty_or_nil_is_none(tmp_path: Path):
    inside = (
        '<egb:a/><egb:b>  </egb:b><egb:c xsi:nil="true" nilReason="unknown"/><egb:d nilReason="missing"/>'
        '<egb:e xlink:type="simple"/><egb:f> x &amp; y </egb:f><egb:geometria/>'
    )
    row = one_frame(write_objects(tmp_path, written(inside)), PARCEL, EGIB).iloc[0]
    assert [row[name] for name in "abcdef"] == [None, None, None, None, None, "x & y"]
    assert row["geometry"] is None
    assert row["fault"] is None
    assert "geometria" not in row


def test_people_in_a_structured_property_are_named_after_it(tmp_path: Path):
    person = "<egb:wladajacy><egb:D><egb:nazwaPelna>A</egb:nazwaPelna></egb:D></egb:wladajacy>"
    plain = "<egb:wladajacy>B</egb:wladajacy>"
    path = write_objects(tmp_path, written(person), written(plain))
    frame = one_frame(path, PARCEL, EGIB)
    assert list(frame["wladajacy.nazwaPelna"]) == ["A", None]
    assert list(frame["wladajacy"]) == [None, "B"]


def test_repeated_land_uses_stay_beside_each_other(tmp_path: Path):
    use = "<egb:klasouzytek><egb:K><egb:OFU>{}</egb:OFU>{}</egb:K></egb:klasouzytek>"
    inside = (
        use.format("R", "<egb:OZK>V</egb:OZK>")
        + use.format("dr", "")
        + use.format("R", "<egb:OZK>VI</egb:OZK>")
    )
    row = one_frame(write_objects(tmp_path, written(inside)), PARCEL, EGIB).iloc[0]
    assert row["klasouzytek.OFU"] == "R;dr;R"
    assert row["klasouzytek.OZK"] == "V;;VI"


def test_the_namespace_decides_and_not_the_name_alone(tmp_path: Path):
    stranger = (
        written("<egb:a>1</egb:a>", BUILDING)
        .replace("<egb:EGB_B", "<x:EGB_B", 1)
        .replace("gml:id=", 'xmlns:x="x:1" gml:id=')
    )
    stranger = stranger.replace("</egb:EGB_B", "</x:EGB_B")
    path = write_objects(tmp_path, stranger, written("<egb:a>2</egb:a>", BUILDING))
    assert list(one_frame(path, BUILDING, EGIB)["a"]) == ["2"]


def test_batches_are_no_longer_than_asked(tmp_path: Path):
    path = write_objects(tmp_path, *(written(f"<egb:n>{n}</egb:n>", gml_id=f"g{n}") for n in range(25)))
    batches = [frame for _, frame in read_gml(path, {PARCEL: "parcels"}, EGIB, batch_rows=10)]
    assert [len(frame) for frame in batches] == [10, 10, 5]
    assert [n for frame in batches for n in frame["n"]] == [str(n) for n in range(25)]


def test_a_collection_without_wanted_objects_yields_nothing(tmp_path: Path):
    assert list(read_gml(write_objects(tmp_path), {PARCEL: "parcels"}, EGIB)) == []
    assert list(read_gml(write_objects(tmp_path, written("", BUILDING)), {PARCEL: "parcels"}, EGIB)) == []


RING = "<gml:LinearRing><gml:posList>{}</gml:posList></gml:LinearRing>"
OUTER = RING.format("0 0 0 9 9 9\n  9 0 0 0")
INNER = RING.format("1 1 2 1 2 2 1 2 1 1")
SQUARE = shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)])
HOLED = SQUARE - shapely.Polygon([(1, 1), (1, 2), (2, 2), (2, 1)])
POLYGON = (
    f"<gml:Polygon><gml:exterior>{OUTER}</gml:exterior><gml:interior>{INNER}</gml:interior></gml:Polygon>"
)
CURVE = (
    "<gml:Curve {}><gml:segments>"
    "<gml:LineStringSegment><gml:posList>1 2 3 4</gml:posList></gml:LineStringSegment>"
    "<gml:LineStringSegment><gml:posList>3.0 4 5 6</gml:posList></gml:LineStringSegment>"
    "</gml:segments></gml:Curve>"
)
WAYS = {
    "point": (f"<gml:Point {SRS}><gml:pos>1 2</gml:pos></gml:Point>", "POINT (2 1)"),
    "point with height": (
        f'<gml:Point {SRS} srsDimension="3"><gml:pos>1 2 3</gml:pos></gml:Point>',
        "POINT (2 1)",
    ),
    "point with unannounced height": (
        f"<gml:Point {SRS}><gml:pos>1 2 3</gml:pos></gml:Point>",
        "POINT (2 1)",
    ),
    "points": (
        f"<gml:MultiPoint {SRS}>"
        "<gml:pointMember><gml:Point><gml:pos>1 2</gml:pos></gml:Point></gml:pointMember>"
        "<gml:pointMember><gml:Point><gml:pos>3 4</gml:pos></gml:Point></gml:pointMember></gml:MultiPoint>",
        "MULTIPOINT (2 1, 4 3)",
    ),
    "line": (
        f"<gml:LineString {SRS}><gml:posList>1 2 3 4</gml:posList></gml:LineString>",
        "LINESTRING (2 1, 4 3)",
    ),
    "line with heights": (
        f'<gml:LineString {SRS}><gml:posList srsDimension="3">1 2 9 3 4 9</gml:posList></gml:LineString>',
        "LINESTRING (2 1, 4 3)",
    ),
    "line of positions": (
        f"<gml:LineString {SRS}><gml:pos>1 2</gml:pos><gml:pos>3 4</gml:pos></gml:LineString>",
        "LINESTRING (2 1, 4 3)",
    ),
    "curve": (CURVE.format(SRS), "LINESTRING (2 1, 4 3, 6 5)"),
    "curves": (
        f"<gml:MultiCurve {SRS}><gml:curveMember>{CURVE.format('')}</gml:curveMember></gml:MultiCurve>",
        "MULTILINESTRING ((2 1, 4 3, 6 5))",
    ),
    "polygon": (POLYGON.replace("<gml:Polygon", f"<gml:Polygon {SRS}"), HOLED.wkt),
    "surface": (
        f"<gml:Surface {SRS}><gml:patches>{POLYGON.replace(':Polygon', ':PolygonPatch')}"
        "</gml:patches></gml:Surface>",
        HOLED.wkt,
    ),
    "surfaces": (
        f"<gml:MultiSurface {SRS}><gml:surfaceMember>{POLYGON}</gml:surfaceMember></gml:MultiSurface>",
        shapely.MultiPolygon([HOLED]).wkt,
    ),
    "ring of curves": (
        f"<gml:Polygon {SRS}><gml:exterior><gml:Ring>"
        "<gml:curveMember><gml:LineString><gml:posList>0 0 0 9 9 9</gml:posList></gml:LineString>"
        "</gml:curveMember>"
        "<gml:curveMember><gml:LineString><gml:posList>9 9 9 0 0 0</gml:posList></gml:LineString>"
        "</gml:curveMember></gml:Ring></gml:exterior></gml:Polygon>",
        SQUARE.wkt,
    ),
    "system named inside": (
        f"<gml:MultiSurface><gml:surfaceMember>{POLYGON.replace('<gml:Polygon', f'<gml:Polygon {SRS}')}"
        "</gml:surfaceMember></gml:MultiSurface>",
        shapely.MultiPolygon([HOLED]).wkt,
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_write_a_geometry_is_read(way: str, tmp_path: Path):
    gml, expected = WAYS[way]
    geometry = read_geometry(tmp_path, gml)
    assert geometry.geom_type == shapely.from_wkt(expected).geom_type
    assert shapely.equals_exact(shapely.normalize(geometry), shapely.normalize(shapely.from_wkt(expected)))


@pytest.mark.parametrize(
    "name", ["urn:ogc:def:crs:EPSG::2180", "http://www.opengis.net/def/crs/EPSG/0/2180", "EPSG:2180"]
)
def test_the_coordinate_system_is_understood_in_three_spellings(name: str, tmp_path: Path):
    point = f'<egb:geometria><gml:Point srsName="{name}"><gml:pos>1 2</gml:pos></gml:Point></egb:geometria>'
    frame = one_frame(write_objects(tmp_path, written(point)), PARCEL, EGIB)
    assert frame.crs.to_epsg() == 2180
    assert frame.geometry.iloc[0] == shapely.Point(2, 1)


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters=";"), min_size=1
)
NUMBER = st.integers(-(10**9), 10**9).map(lambda n: n / 100)
GEOMETRY = st.none() | st.tuples(NUMBER, NUMBER) | st.lists(st.tuples(NUMBER, NUMBER), min_size=2, max_size=6)
OBJECTS = st.lists(st.tuples(st.none() | TEXT, st.lists(TEXT, max_size=3), GEOMETRY), min_size=1, max_size=8)


def write_geometry(geometry: tuple[float, float] | list[tuple[float, float]] | None) -> str:
    if geometry is None:
        return ""
    kind, pairs = ("Point", [geometry]) if isinstance(geometry, tuple) else ("LineString", geometry)
    text = " ".join(f"{northing} {easting}" for easting, northing in pairs)
    name = "pos" if kind == "Point" else "posList"
    return f"<egb:geometria><gml:{kind} {SRS}><gml:{name}>{text}</gml:{name}></gml:{kind}></egb:geometria>"


def write_text(text: str | None) -> str:
    return (text or "").replace("&", "&amp;").replace("<", "&lt;").replace("]]>", "]]&gt;")


@settings(max_examples=60, deadline=None)
@given(OBJECTS)
def test_objects_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, objects: list):
    inside = [
        f"<egb:name>{write_text(name)}</egb:name>"
        + "".join(f"<egb:many>{write_text(word)}</egb:many>" for word in words)
        + write_geometry(geometry)
        for name, words, geometry in objects
    ]
    path = write_objects(tmp_path_factory.mktemp("gml"), *map(written, inside))
    frame = one_frame(path, PARCEL, EGIB).reindex(columns=["name", "many", "geometry", "fault"])
    assert frame["fault"].isna().all()
    for (name, words, geometry), row in zip(objects, frame.itertuples(), strict=True):
        assert row.name == name
        assert (row.many if isinstance(row.many, str) else "") == ";".join(words)
        pairs = [geometry] if isinstance(geometry, tuple) else geometry or []
        assert np.array_equal(shapely.get_coordinates(row.geometry), np.array(pairs).reshape(-1, 2))


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from pipelines.gml import read_gml
classes = {"EGB_PunktGraniczny": "points"}
rows = sum(len(frame) for _, frame in read_gml(Path(sys.argv[2]), classes, [sys.argv[3]]))
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(rows, status["VmHWM"].split()[0])
"""


# ru_maxrss would not do: a child inherits that of its parent.
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process")
def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    refs = "".join(f'<egb:operat xlink:href="PL.PZGiK.1.EGiB_{n:036}_2020"/>' for n in range(8))
    point = f"<egb:geometria><gml:Point {SRS}><gml:pos>58000.00 6500.00</gml:pos></gml:Point></egb:geometria>"
    text = written(f"<egb:idPunktu>O.306401_1.1</egb:idPunktu>{refs}{point}", POINT)
    member = f"<gml:featureMember>{text}</gml:featureMember>\n"
    count = 100_000_000 // len(member)
    path = tmp_path / "large.gml"
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD)
        file.writelines(member for _ in range(count))
        file.write("</gml:FeatureCollection>")
    checkout = str(Path(__file__).resolve().parents[1])
    answer = subprocess.run(
        [sys.executable, "-c", CHILD, checkout, str(path), EGIB[0]],
        capture_output=True,
        text=True,
        check=True,
    )
    rows, peak_kb = map(int, answer.stdout.split())
    assert rows == count
    assert peak_kb < 250 * 1024
