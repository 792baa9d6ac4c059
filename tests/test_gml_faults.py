"""A bad object harms no other; a bad file is refused with the place and the remedy."""

from pathlib import Path

import pytest
import shapely
from geopandas import GeoDataFrame

from mesip.errors import SourceError
from pipelines.gml import read_gml

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
EGIB = ("ewidencjaGruntowIBudynkow:1.0", "urn:gugik:specyfikacje:gmlas:ewidencjaGruntowBudynkow:1.0")
POINT = "EGB_PunktGraniczny"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
HEAD = (
    '<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml/3.2" '
    'xmlns:egb="ewidencjaGruntowIBudynkow:1.0">\n'
)
END = "</gml:FeatureCollection>"
SRS = 'srsName="urn:ogc:def:crs:EPSG::2177"'
GOOD = f"<gml:Point {SRS}><gml:pos>5800000.00 6500000.00</gml:pos></gml:Point>"


def member(geometry: str = GOOD, text: str = "Łąka") -> str:
    return (
        f"<gml:featureMember><egb:{POINT}><egb:t>{text}</egb:t>"
        f"<egb:geometria>{geometry}</egb:geometria></egb:{POINT}></gml:featureMember>\n"
    )


def line(positions: str, attributes: str = "") -> str:
    return f"<gml:LineString {SRS}><gml:posList {attributes}>{positions}</gml:posList></gml:LineString>"


def ring(positions: str) -> str:
    return (
        f"<gml:Polygon {SRS}><gml:exterior><gml:LinearRing><gml:posList>{positions}</gml:posList>"
        "</gml:LinearRing></gml:exterior></gml:Polygon>"
    )


def curve(segments: str) -> str:
    return f"<gml:Curve {SRS}><gml:segments>{segments}</gml:segments></gml:Curve>"


def read(path: Path) -> GeoDataFrame:
    (frame,) = (frame for _, frame in read_gml(path, {POINT: "points"}, EGIB))
    return frame


def refused(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        list(read_gml(path, {POINT: "points"}, EGIB))
    assert str(path) in str(caught.value)
    return str(caught.value)


def made(folder: Path, content: str | bytes) -> Path:
    path = folder / "made.gml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


SEGMENT = "<gml:LineStringSegment><gml:posList>{}</gml:posList></gml:LineStringSegment>"
FAULTS = {
    "arc": (
        curve("<gml:Arc><gml:posList>0 0 1 1 2 0</gml:posList></gml:Arc>"),
        "Arc .*kontrolaGeometriiGML_luki",
    ),
    "arc string": (curve("<gml:ArcString><gml:posList>0 0</gml:posList></gml:ArcString>"), "^ArcString"),
    "arc by centre": (curve("<gml:ArcByCenterPoint/>"), "^ArcByCenterPoint"),
    "circle": (curve("<gml:Circle><gml:posList>0 0</gml:posList></gml:Circle>"), "^Circle"),
    "unknown": (f"<gml:Solid {SRS}/>", "Solid is not known"),
    "old coordinates": (
        f"<gml:Point {SRS}><gml:coordinates>1,2</gml:coordinates></gml:Point>",
        "coordinates",
    ),
    "NaN": (line("0 0 NaN 1"), "NaN or infinite"),
    "infinite": (line("0 0 INF 1"), "NaN or infinite"),
    "word": (line("0 0 abc 1"), "'abc' is not a number"),
    "decimal comma": (line("0,5 0 1 1"), "'0,5' is not a number"),
    "underscore": (line("0 0 1_000 1"), "'1_000' is not a number"),
    "odd": (line("0 0 1 1 2"), "5 numbers"),
    "odd heights": (line("0 0 1 1 2", 'srsDimension="3"'), "5 numbers"),
    "no numbers": (line(" "), "without numbers"),
    "empty geometry": (f"<gml:Polygon {SRS}/>", "no coordinates"),
    "short line": (line("0 0"), "1 point; it needs at least 2"),
    "short ring": (ring("0 0 1 1 0 0"), "3 points"),
    "open ring": (ring("0 0 1 1 1 0 5 6"), "not closed: it begins at 0 0 and ends at 5 6"),
    "gap": (curve(SEGMENT.format("0 0 1 1") + SEGMENT.format("2 2 3 3")), "do not meet"),
    "no system": ("<gml:Point><gml:pos>0 0</gml:pos></gml:Point>", "names no coordinate system"),
    "two systems": (
        f'<gml:MultiPoint {SRS}><gml:pointMember><gml:Point srsName="EPSG:2178"><gml:pos>0 0</gml:pos>'
        "</gml:Point></gml:pointMember></gml:MultiPoint>",
        "mixes the coordinate systems",
    ),
    "two geometries": (GOOD + GOOD, "more than one geometry"),
    "hole first": (ring("0 0 0 1 1 1 0 0").replace("exterior", "interior"), "one exterior"),
    "loose coordinates": (f"<gml:Polygon {SRS}><gml:posList>0 0</gml:posList></gml:Polygon>", "outside of"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_geometry_is_a_fault_of_its_row_alone(fault: str, tmp_path: Path):
    geometry, sentence = FAULTS[fault]
    neighbours = member() + member(geometry) + member(line("0 0 1 1")) + member(ring("0 0 0 1 1 1 0 0"))
    frame = read(made(tmp_path, DECLARATION + HEAD + neighbours + END))
    assert list(frame["t"]) == ["Łąka"] * 4
    assert list(frame["fault"].isna()) == [True, False, True, True]
    assert list(frame["geometry"].isna()) == [False, True, False, False]
    assert frame["fault"].str.contains(sentence, regex=True).iloc[1]
    assert frame["geometry"].iloc[0] == shapely.Point(6500000, 5800000)


def test_open_rings_of_a_malformed_file_are_faults():
    path = DATA / "egib" / "malformed_easting_first.gml"
    if not path.exists():
        pytest.skip("the real file egib/malformed_easting_first.gml is not on this machine")
    classes = {"EGB_DzialkaEwidencyjna": "parcels", POINT: "points"}
    found = dict(read_gml(path, classes, EGIB))
    assert found["parcels"]["fault"].str.startswith("A ring is not closed").all()
    assert len(found["points"]) == 34
    assert found["points"]["fault"].isna().all()


def test_a_folder_is_refused(tmp_path: Path):
    assert "is a folder" in refused(tmp_path)


def test_a_path_to_nothing_is_refused(tmp_path: Path):
    assert "cannot be opened" in refused(tmp_path / "none.gml")


MANY = member() * 5000
BROKEN = {
    "empty": ("", "is empty"),
    "blank": (" \n ", "is empty"),
    "text": ("Szanowni Państwo", "is not XML"),
    "zip": (b"PK\x03\x04 something", "is not XML"),
    "web page": ("<!DOCTYPE html>\n<html><body>Zaloguj</body></html>", r"line 1 begins a web page \(HTML\)"),
    "plain web page": ("<html><head><meta><title>Zaloguj</title></head>", r"web page \(HTML\)"),
    "cut in the text": ((DECLARATION + HEAD + MANY)[:-100], "ends at line 500.*broke off"),
    "cut before the end": (DECLARATION + HEAD + MANY, "ends at line 500.*broke off"),
    "cut in the opening": ((DECLARATION + HEAD)[:90], "ends at line 2.*broke off"),
    "wrong tags": (DECLARATION + HEAD + member() + "<a></b>" + END, "line 4: not well-formed XML"),
    "nothing but zeros at the end": (DECLARATION + HEAD + MANY + "\0" * 9, "line 5003"),
    "unknown entity": (DECLARATION + HEAD + member(text="&oacute;") + END, "line 3.*oacute"),
    "other bytes": (
        (DECLARATION + HEAD + MANY).encode() + member().encode("cp1250") + END.encode(),
        'line 5003.*not in the encoding.*UTF-8.*encoding="windows-1250"',
    ),
    "unknown encoding": (DECLARATION.replace("UTF-8", "mazovia") + HEAD + END, "line 1.*encoding"),
    "UTF-16 called UTF-8": ((DECLARATION + HEAD + END).encode("utf-16"), "encoding"),
    "other root": ("<a/>", "root element is a of namespace \\(none\\)"),
    "WFS answer": (
        '<w:FeatureCollection xmlns:w="http://www.opengis.net/wfs/2.0"/>',
        "http://www.opengis.net/wfs/2.0, not gml:FeatureCollection",
    ),
    "other register": (
        DECLARATION + HEAD.replace("ewidencjaGruntowIBudynkow:1.0", "urn:x:1") + member() + END,
        "namespaces are urn:x:1; expected is one of ewidencjaGruntowIBudynkow:1.0, urn:gugik",
    ),
    "two systems": (
        DECLARATION + HEAD + member() + member(GOOD.replace("2177", "2178")) + END,
        "line 4: the object is in EPSG:2178, the objects before it in EPSG:2177",
    ),
    "unknown system": (
        DECLARATION + HEAD + member(GOOD.replace("2177", "99999")) + END,
        "line 3.*99999' is not known",
    ),
    "local system": (
        DECLARATION + HEAD + member(GOOD.replace(SRS, 'srsName="lokalny"')) + END,
        "'lokalny' is not",
    ),
    "no system": (DECLARATION + HEAD + member(GOOD.replace(SRS, "")) + END, "line 3: no geometry names its"),
    "too deep": (DECLARATION + HEAD + "<a>" * 3000 + "</a>" * 3000 + END, "depth"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_refused_with_place_and_remedy(kind: str, tmp_path: Path):
    content, sentence = BROKEN[kind]
    with pytest.raises(SourceError, match=f"(?s){sentence}") as caught:
        list(read_gml(made(tmp_path, content), {POINT: "points"}, EGIB))
    assert "made.gml" in str(caught.value)


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
REMOTE = '<!DOCTYPE gml SYSTEM "http://127.0.0.1:9/gml.dtd">'


@pytest.mark.parametrize("doctype", [LAUGHS, OUTSIDE, REMOTE])
def test_a_document_type_is_refused_before_anything_is_expanded(doctype: str, tmp_path: Path):
    path = made(tmp_path, DECLARATION + "<!-- made -->" + doctype + HEAD + member(text="&a;") + END)
    assert "declares a document type" in refused(path)


def test_a_document_type_behind_a_long_comment_is_refused(tmp_path: Path):
    path = made(tmp_path, f"{DECLARATION}<!--{'x' * 100_000}-->{LAUGHS}{HEAD}{member(text='&b;')}{END}")
    assert "declares a document type" in refused(path)


def test_an_object_larger_than_memory_allows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.gml_document.LARGEST_OBJECT_BYTES", 1 << 20)
    path = made(tmp_path, DECLARATION + HEAD + MANY + member(text="x" * 3_000_000) + END)
    assert "more than 64 MB" in refused(path)


@pytest.mark.parametrize("encoding", ["UTF-8", "windows-1250", "ISO-8859-2", "UTF-16"])
def test_polish_letters_survive_every_declared_encoding(encoding: str, tmp_path: Path):
    text = DECLARATION.replace("UTF-8", encoding) + HEAD + member() + END
    assert list(read(made(tmp_path, text.encode(encoding)))["t"]) == ["Łąka"]


def test_rows_before_the_break_are_yielded_first(tmp_path: Path):
    stream = read_gml(made(tmp_path, DECLARATION + HEAD + MANY), {POINT: "points"}, EGIB, batch_rows=1000)
    assert len(next(stream)[1]) == 1000
    with pytest.raises(SourceError, match="broke off"):
        list(stream)
