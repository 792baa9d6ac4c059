"""The labelled tables: text, JSON, and what GDAL and Arrow write, with every wrong value in row 3 of 6."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyogrio
from cases import EAST, GOOD, NORTH, ROWS, Case, one, plain, refused

HEADER = ("NUMER", "GATUNEK", "OBWOD_PNIA_CM", "DATA_PRZEGLADU", "WSP_E", "WSP_N")
CUT = refused("broke off")
# What takes seconds to read is left to `make corpus`.
LARGE = 10 << 20
UNREADABLE, INVALID = one("geometry.unreadable"), one("geometry.invalid")
KIND, TORN, BOUNDS, REQUIRED = one("kind"), one("row.torn"), one("bounds"), one("required")
TWICE = "rejected 2 of 6: repeated"


def row(number: int) -> list[str]:
    return [f"T-{number}", "Tilia cordata", "120", "2024-05-01", f"{EAST + number},5", f"{NORTH + number},25"]


def csv(changes: dict[str, str] | None = None, sign: str = ";", end: str = "\r\n") -> str:
    """A table of which the third row is otherwise."""
    rows = [row(number) for number in range(1, ROWS + 1)]
    for name, value in (changes or {}).items():
        rows[2][HEADER.index(name)] = value
    return end.join([sign.join(HEADER), *(sign.join(each) for each in rows)]) + end


def table_cases(folder: Path) -> Iterator[Case]:
    """All tables that are text; spreadsheets are written in ``folder``."""
    for group in (_values(), _text(), _sheets(folder)):
        for name, what, content, expected in group:
            yield Case("trees", name, what, content, expected)
    for name, content, expected in _json():
        often = len(content) < LARGE
        yield Case(
            "districts", f"districts-{name}.geojson", f"GeoJSON: {plain(name)}", content, expected, often
        )


# What a value makes of the third row, by column.
VALUES = {
    "OBWOD_PNIA_CM": {
        GOOD: ("1 200", "120,5", "120.5", "1.2e2", "", "1\u00a0200", "+12"),
        KIND: ("NaN-", "inf", "1e400", "dużo", "12 5", "1,2,3", "0x10"),
        BOUNDS: ("0", "-5", "1501"),
    },
    "DATA_PRZEGLADU": {
        GOOD: (
            *("01.05.2024", "1.5.2024", "2024-05-01T10:00:00", "2024-05-01T23:30:00+02:00"),
            *("2024-05-01T10:00:00Z", "1899-12-31", "2024-02-29", ""),
        ),
        # A year of two digits and a month before the day can be read in two ways.
        KIND: (
            *("2024-02-30", "2023-02-29", "31.04.2024", "05/01/2024", "0000-00-00", "99999-01-01"),
            *("01.05.24", "24-05-01", "13/05/2024", "2024-05-01T25:00:00", "maj 2024"),
        ),
        # Nobody has inspected a tree in a thousand years from now.
        one("rule"): ("2999-12-31", "9999-12-31"),
    },
    "NUMER": {
        GOOD: (
            *("a/b?c#d%e", '"x\'; DROP TABLE trees;--"', "\u202eabc", "=cmd|'x'!A0", "ż" * 500),
            # Identifiers are texts: these are not those of the first row.
            *("t-1", "T-01", "T-1\u200b", "007", "9" * 40, "1e5"),
        ),
        REQUIRED: ("", "  "),
        one("long"): ("x" * 501,),
        KIND: ("a\x00b",),
        TWICE: ("T-1", " T-1 ", "T-1\u00a0"),
    },
    "WSP_E": {
        UNREADABLE: ("NaN", "inf", "1e400", "tu", "0"),
        one("geometry.missing"): ("",),
        TORN: ("6428000;1",),
    },
    "GATUNEK": {
        TORN: (' "b" c"',),
        KIND: ("a\x00b",),
        GOOD: ("", "Łąka", '"a;b"', '"a\r\nb"'),
        refused("quotation mark"): ('"a',),
    },
}


def _values() -> Iterator[tuple[str, str, bytes, str]]:
    for column, expectations in VALUES.items():
        said = [(value, expected) for expected, values in expectations.items() for value in values]
        for number, (value, expected) in enumerate(said):
            shown = value if len(value) < 50 else f"{value[:3]}… of {len(value)} signs"
            what = f"CSV: {column} is {shown!a}"
            yield f"csv-{column}-{number:02}.csv", what, csv({column: value}).encode(), expected
    twins = csv({"NUMER": "Ła\u0328ka"}).replace("T-1;", "Łąka;")
    yield "csv-nfd-and-nfc.csv", "CSV: one number in two forms of Unicode", twins.encode(), TWICE


def _text() -> Iterator[tuple[str, str, bytes, str]]:
    polish, plain_csv = csv({"GATUNEK": "Żółta łąka ćśźń"}), csv().encode()
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1250", "iso-8859-2"):
        yield f"csv-{encoding}.csv", f"CSV in {encoding}", polish.encode(encoding), GOOD
    yield "csv-utf-16-be.csv", "CSV in UTF-16, big end first", b"\xfe\xff" + polish.encode("utf-16-be"), GOOD
    yield "csv-cp852.csv", "CSV with the letters of DOS", polish.encode("cp852"), refused("UTF-8")
    unmarked = polish.encode("utf-16-le")
    yield "csv-utf-16-unmarked.csv", "CSV in UTF-16 without its mark", unmarked, refused("UTF-8")
    # The letters are legal text. Who wrote them twice can be seen in the map, but not be told from the bytes.
    twice = polish.encode().decode("cp1250", "replace").encode()
    yield "csv-mojibake.csv", "CSV in UTF-8 that was taken for Windows-1250 and saved again", twice, GOOD
    mixed = polish.encode() + ";".join(["T-9", "łąka", *row(9)[2:]]).encode("cp1250")
    yield "csv-two-encodings.csv", "CSV in UTF-8 with lines of Windows-1250", mixed, refused("UTF-8")
    yield "csv-tab.csv", "CSV with tabs", csv(sign="\t").encode(), GOOD
    yield "csv-comma.csv", "CSV with commas and quoted numbers", _quoted().encode(), GOOD
    for name, end in (("mac", "\r"), ("unix", "\n")):
        yield f"csv-{name}.csv", f"CSV with line ends of {name}", csv(end=end).encode(), GOOD
    yield "csv-truncated.csv", "CSV, cut in its last row", plain_csv[:-40], TORN
    yield "csv-garbage.csv", "CSV and zero bytes", plain_csv + bytes(2000), refused("control signs")
    head = plain_csv.partition(b"\r\n")[0]
    yield "csv-header.csv", "CSV: a header without rows", head, "refused 4: empty"
    yield "csv-headless.csv", "CSV without a header", plain_csv.partition(b"\r\n")[2], refused("header line")
    yield "csv-empty.csv", "CSV of no bytes", b"", refused("0 bytes")
    yield "csv-blank.csv", "CSV of blank lines", b"\n\n\n", refused("blank lines")
    page = b"<!DOCTYPE html><html><body>Session expired; log in, please</body></html>"
    yield "csv-page.csv", "CSV that is a web page", page, refused("web page")
    twins = plain_csv.replace(b"GATUNEK", b"NUMER")
    yield "csv-column-twice.csv", "CSV with two columns of one name", twins, refused("'NUMER' stands 2 times")
    packed = gzip.compress(plain_csv, mtime=0)
    yield "csv-packed.csv.gz", "CSV packed with gzip", packed, GOOD
    for left in (9, len(packed) // 2, 5):
        yield f"csv-packed-cut-{left}.csv.gz", f"CSV packed with gzip, {left} bytes of it", packed[:left], CUT
    yield "csv-packed-tail.csv.gz", "CSV packed with gzip, its last bytes lost", packed[:-9], CUT
    bomb = gzip.compress(bytes(300 << 20), 1, mtime=0)
    yield "csv-bomb.csv.gz", "gzip: 300 MB of zeros", bomb, refused("times its size")
    wide = csv({"GATUNEK": "x" * 5_000_000}).encode()
    yield "csv-huge-value.csv", "CSV: a value of 5 MB", wide, TORN


def _quoted() -> str:
    rows = [HEADER, *(row(number) for number in range(1, ROWS + 1))]
    return "\n".join(",".join(f'"{value}"' for value in each) for each in rows)


def district(name: Any, geometry: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"name": name}, "geometry": geometry}


def _square(west: float, south: float = 52.4) -> list[list[float]]:
    return [[west + x, south + y] for x, y in ((0, 0), (0.01, 0), (0.01, 0.01), (0, 0.01), (0, 0))]


def _polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": rings}


def geojson(third: Any, **more: Any) -> bytes:
    found = [district(f"D{n}", _polygon(_square(16.85 + 0.02 * n))) for n in range(ROWS)]
    found[2] = third
    return json.dumps({"type": "FeatureCollection"} | more | {"features": found}).encode()


def _json() -> Iterator[tuple[str, bytes, str]]:
    good = _square(16.89)
    drawn: dict[str, tuple[Any, str]] = {
        "good": (_polygon(good), GOOD),
        "multi": ({"type": "MultiPolygon", "coordinates": [[good]]}, GOOD),
        "3d": (_polygon([[*each, 80] for each in good]), GOOD),
        "null": (None, one("geometry.missing")),
        "empty": (_polygon(), one("geometry.missing")),
        "point": ({"type": "Point", "coordinates": good[0]}, one("geometry.type")),
        # Expected to be of a wrong type at first; a collection of nothing is no geometry.
        "collection-of-nothing": ({"type": "GeometryCollection", "geometries": []}, one("geometry.missing")),
        "nan": (_polygon([[float("nan"), 52.4], *good[1:]]), UNREADABLE),
        "huge": (_polygon([[1e300, 52.4], *good[1:-1], [1e300, 52.4]]), UNREADABLE),
        "text": (_polygon([["16.9", "52.4"], *good[1:]]), UNREADABLE),
        # Expected to be unreadable, as in GML; GeoJSON's reader draws it, and finds it without an area.
        "short": (_polygon([good[0], good[1], good[0]]), INVALID),
        "bow-tie": (_polygon([good[0], good[2], good[1], good[3], good[0]]), INVALID),
        "open": (_polygon(good[:-1]), UNREADABLE),
        "hole-outside": (_polygon(good, _square(17.5)), INVALID),
        "swapped": (_polygon([each[::-1] for each in good]), UNREADABLE),
        "antimeridian": (
            _polygon([[179.9, 52], [-179.9, 52], [-179.9, 53], [179.9, 53], [179.9, 52]]),
            UNREADABLE,
        ),
        "unknown-type": ({"type": "Circle", "coordinates": good}, UNREADABLE),
        "no-coordinates": ({"type": "Polygon"}, UNREADABLE),
        "number": (7, UNREADABLE),
    }
    for name, (geometry, expected) in drawn.items():
        yield name, geojson(district("D2", geometry)), expected
    names: tuple[tuple[Any, str], ...] = (
        *((None, REQUIRED), ("", REQUIRED), ("D1", TWICE), ("a\x00b", KIND)),
        *((each, GOOD) for each in ({"a": 1}, [1], True, 1.5, "\ud800", 10**400, "d1")),
    )
    for number, (name, expected) in enumerate(names):
        yield f"name-{number:02}", geojson(district(name, _polygon(good))), expected
    yield "element-7", geojson(7), TORN
    yield "element-is-geometry", geojson(_polygon(good)), TORN
    whole = geojson(district("D2", _polygon(good)))
    for percent in (1, 40, 80, 99):
        yield f"cut-{percent:02}", whole[: len(whole) * percent // 100], CUT
    yield "garbage-behind", whole + b"}garbage", refused("behind its end")
    yield "twice", whole + whole, refused("behind its end")
    yield "with-byte-order-mark", b"\xef\xbb\xbf" + whole, GOOD
    yield "windows-1250", whole.replace(b"D2", "Ł".encode("cp1250")), refused("UTF-8")
    yield "utf-16", whole.decode().encode("utf-16"), refused("UTF-8")
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2177"}}
    yield "degrees-stated-2177", geojson(district("D2", _polygon(good)), crs=crs), refused("EPSG:4326")
    unknown = geojson(district("D2", _polygon(good)), crs={"type": "x"})
    yield "unknown-system", unknown, refused("coordinate system")
    yield "no-features", b'{"type": "FeatureCollection", "features": []}', "refused 4: empty"
    yield (
        "one-feature-alone",
        json.dumps(district("D", _polygon(good))).encode(),
        refused("FeatureCollection"),
    )
    yield "deep", b'{"type": "FeatureCollection", "features": [' + b"[" * 100_000, refused("deep")
    deep = whole.replace(b'"D2"', b"[" * 100_000 + b"]" * 100_000)
    yield "deep-value", deep, refused("deep")
    yield "no-bytes", b"", refused("0 bytes")
    steps = np.linspace(0, 0.01, 250_001)[:-1].round(9).tolist()
    west, south = good[0]
    many = [[west + x, south] for x in steps] + [[west + 0.01, south + x] for x in steps]
    many += [[west + 0.01 - x, south + 0.01] for x in steps] + [[west, south + 0.01 - x] for x in steps]
    yield "million-vertices", geojson(district("D2", _polygon([*many, many[0]]))), GOOD


def _sheets(folder: Path) -> Iterator[tuple[str, str, bytes, str]]:
    sheet = pd.DataFrame([row(number) for number in range(1, ROWS + 1)], columns=HEADER)
    typed = sheet.assign(
        OBWOD_PNIA_CM=120, DATA_PRZEGLADU=pd.Timestamp("2024-05-01"), WSP_E=EAST + 0.5, WSP_N=NORTH + 0.25
    )
    whole = _sheet(typed, folder)
    yield "xlsx-good.xlsx", "XLSX with numbers and days", whole, GOOD
    yield "xlsx-texts.xlsx", "XLSX of texts", _sheet(sheet, folder), GOOD
    numbers = typed.assign(NUMER=np.arange(ROWS))
    yield "xlsx-numbers.xlsx", "XLSX with numbers as identifiers", _sheet(numbers, folder), GOOD
    wrong = sheet.assign(OBWOD_PNIA_CM=["120", "120", "dużo", "120", "120", "120"])
    yield "xlsx-words.xlsx", "XLSX: a girth in words", _sheet(wrong, folder), KIND
    for percent in (5, 50, 95):
        cut = whole[: len(whole) * percent // 100]
        yield f"xlsx-cut-{percent:02}.xlsx", f"XLSX, {percent} % of it", cut, CUT
    yield "xlsx-empty.xlsx", "XLSX of no bytes", b"", refused("0 bytes")
    # Wrong endings: each format by the name of another.
    text = csv().encode()
    yield "xlsx-named.csv", "XLSX that is called CSV", whole, refused("no text")
    yield "csv-named.xlsx", "CSV that is called XLSX", text, refused("not what its name says")
    yield "csv-named.gpkg", "CSV that is called GeoPackage", text, refused("not what its name says")
    yield "csv-named.parquet", "CSV that is called Parquet", text, refused("Parquet")
    yield "csv-named.geojson", "CSV that is called GeoJSON", text, refused("no JSON")
    yield "csv-named.gz", "CSV that is called gzip", text, refused("unpacked")
    yield "csv-named.zip", "CSV that is called zip", text, refused("zip")
    yield "csv-packed-named.csv", "gzip that is called CSV", gzip.compress(text, mtime=0), refused("no text")
    yield "csv-named.tree", "CSV with an ending that nobody knows", text, refused("tables are read from")
    yield "csv-named", "CSV without an ending", text, refused("tables are read from")
    yield "csv-capital.CSV", "CSV with its ending in capitals", text, GOOD
    vrt = b'<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>'
    for ending in ("gpkg", "fgb", "xlsx", "csv", "geojson", "shp"):
        words = {"csv": "web page or XML", "geojson": "no JSON"}.get(ending, "not what its name says")
        what = f"a list of files to follow (VRT), called {ending}"
        yield f"vrt-named.{ending}", what, vrt, refused(words)


def _sheet(frame: pd.DataFrame, folder: Path) -> bytes:
    path = folder / "a.xlsx"
    path.unlink(missing_ok=True)
    pyogrio.write_dataframe(frame, path)
    return path.read_bytes()
