"""The labelled tables: text, JSON, and what GDAL and Arrow write, with every wrong value in row 3 of 6."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from documents import EAST, NORTH, ROWS, Case, place

HEADER = ("NUMER", "GATUNEK", "OBWOD_PNIA_CM", "DATA_PRZEGLADU", "WSP_E", "WSP_N")
ONE = "rejected 1 of 6"


def row(number: int) -> list[str]:
    return [f"T-{number}", "Tilia cordata", "120", "2024-05-01", f"{EAST + number},5", f"{NORTH + number},25"]


def csv(changes: dict[str, str] | None = None, sign: str = ";", end: str = "\r\n") -> str:
    """A table of which the third row is otherwise."""
    rows = [row(number) for number in range(1, ROWS + 1)]
    for name, value in (changes or {}).items():
        rows[2][HEADER.index(name)] = value
    return end.join([sign.join(HEADER), *(sign.join(each) for each in rows)]) + end


def table_cases(folder: Path) -> Iterator[Case]:
    """All tables; GDAL writes in ``folder``."""
    for name, content, expected in [*_text(), *_json(), *_written(folder)]:
        feed = "districts" if name.startswith("districts") else "trees"
        yield Case(feed, name, content, expected)


def _text() -> Iterator[tuple[str, bytes, str]]:
    values = {
        "OBWOD_PNIA_CM": {
            "loaded 6": ("1 200", "120,5", "120.5", "1.2e2", "", "1\u00a0200", "+12"),
            ONE: ("NaN-", "inf", "1e400", "dużo", "0", "-5", "1501", "12 5", "1,2,3", "0x10"),
        },
        "DATA_PRZEGLADU": {
            "loaded 6": ("01.05.2024", "2024-05-01T10:00:00", "1899-12-31", ""),
            ONE: ("2024-02-30", "2023-02-29", "31.04.2024", "05/01/2024", "0000-00-00", "99999-01-01"),
        },
        "NUMER": {
            "loaded 6": ("a/b?c#d%e", "\"x'; DROP TABLE trees;--\"", "\u202eabc", "=cmd|'x'!A0", "ż" * 500),
            ONE: ("", "  ", "x" * 501, "a\x00b"),
            "rejected 2 of 6": ("T-1", " T-1 "),
        },
        "WSP_E": {ONE: ("NaN", "inf", "1e400", "", "tu", "0", "6428000;1")},
        "GATUNEK": {ONE: ('"a', ' "b" c"', "a\x00b"), "loaded 6": ("", "Łąka", '"a;b"', '"a\r\nb"')},
    }  # fmt: skip
    for column, expectations in values.items():
        for expected, said in expectations.items():
            for number, value in enumerate(said):
                broken = "refused 3" if value == '"a' else expected
                yield (
                    f"csv-{column}-{expected[:10].replace(chr(32), chr(45))}-{number}.csv",
                    csv({column: value}).encode(),
                    broken,
                )
    polish = csv({"GATUNEK": "Żółta łąka ćśźń"})
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1250", "iso-8859-2"):
        yield f"csv-{encoding}.csv", polish.encode(encoding), "loaded 6"
    yield "csv-cp852.csv", polish.encode("cp852"), "refused 3"
    yield "csv-tab.csv", csv(sign="\t").encode(), "loaded 6"
    yield "csv-mac.csv", csv(end="\r").encode(), "loaded 6"
    yield "csv-unix.csv", csv(end="\n").encode(), "loaded 6"
    yield "csv-truncated.csv", csv()[:-40].encode(), ONE
    yield "csv-garbage.csv", csv().encode() + bytes(2000), "refused 3"
    yield "csv-packed.csv.gz", gzip.compress(csv().encode(), mtime=0), "loaded 6"
    yield "csv-packed-broken.csv.gz", gzip.compress(csv().encode(), mtime=0)[:-9], "refused 3"


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
        "good": (_polygon(good), "loaded 6"),
        "multi": ({"type": "MultiPolygon", "coordinates": [[good]]}, "loaded 6"),
        "3d": (_polygon([[*each, 80] for each in good]), "loaded 6"),
        "null": (None, ONE),
        "empty": (_polygon(), ONE),
        "point": ({"type": "Point", "coordinates": good[0]}, ONE),
        "collection": ({"type": "GeometryCollection", "geometries": []}, ONE),
        "nan": (_polygon([[float("nan"), 52.4], *good[1:]]), ONE),
        "huge": (_polygon([[1e300, 52.4], *good[1:-1], [1e300, 52.4]]), ONE),
        "text": (_polygon([["16.9", "52.4"], *good[1:]]), ONE),
        "short": (_polygon([good[0], good[1], good[0]]), ONE),
        "bow-tie": (_polygon([good[0], good[2], good[1], good[3], good[0]]), ONE),
        "open": (_polygon(good[:-1]), ONE),
        "hole-outside": (_polygon(good, _square(17.5)), ONE),
        "swapped": (_polygon([each[::-1] for each in good]), ONE),
        "antimeridian": (_polygon([[179.9, 52], [-179.9, 52], [-179.9, 53], [179.9, 53], [179.9, 52]]), ONE),
        "unknown-type": ({"type": "Circle", "coordinates": good}, ONE),
        "no-coordinates": ({"type": "Polygon"}, ONE),
        "number": (7, ONE),
    }
    for name, (geometry, expected) in drawn.items():
        yield f"districts-{name}.geojson", geojson(district("D2", geometry)), expected
    for number, name in enumerate((None, "", "D1", "a\x00b", {"a": 1}, [1], True, 1.5, "\ud800")):
        expected = ONE if number in (0, 1, 3) else "rejected 2 of 6" if name == "D1" else "loaded 6"
        yield f"districts-name-{number}.geojson", geojson(district(name, _polygon(good))), expected
    yield "districts-element.geojson", geojson(7), ONE
    yield "districts-geometry-alone.geojson", geojson(_polygon(good)), ONE
    whole = geojson(district("D2", _polygon(good)))
    for percent in (1, 40, 80, 99):
        yield f"districts-cut-{percent:02}.geojson", whole[: len(whole) * percent // 100], "refused 3"
    yield "districts-garbage.geojson", whole + b"}garbage", "refused 3"
    yield "districts-twice.geojson", whole + whole, "refused 3"
    yield "districts-bom.geojson", b"\xef\xbb\xbf" + whole, "loaded 6"
    yield "districts-1250.geojson", whole.replace(b"D2", "Ł".encode("cp1250")), "refused 3"
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2177"}}
    yield "districts-other-system.geojson", geojson(district("D2", _polygon(good)), crs=crs), "refused 3"
    yield (
        "districts-no-system.geojson",
        geojson(district("D2", _polygon(good)), crs={"type": "x"}),
        "refused 3",
    )


def _frame(crs: int | None = 2177) -> gpd.GeoDataFrame:
    rows = pd.DataFrame([row(number)[:4] for number in range(1, ROWS + 1)], columns=HEADER[:4])
    shift = np.arange(1, ROWS + 1)
    east, north = place(crs) if crs else (EAST, NORTH)
    step = 0.0001 if crs == 4326 else 1
    return gpd.GeoDataFrame(rows, geometry=shapely.points(east + step * shift, north + step * shift), crs=crs)


def _written(folder: Path) -> Iterator[tuple[str, bytes, str]]:
    for ending in ("gpkg", "fgb", "parquet"):
        for crs in (2177, 2180, 4326, 3857):
            yield f"{ending}-{crs}.{ending}", _bytes(_frame(crs), folder / f"a.{ending}"), "loaded 6"
        shapes = _frame().geometry.to_numpy().copy()
        shapes[2] = None
        if ending != "fgb":  # FlatGeobuf's index leaves out what has no place
            yield (
                f"{ending}-null.{ending}",
                _bytes(_frame().set_geometry(shapes, crs=2177), folder / f"a.{ending}"),
                ONE,
            )
        shapes[2] = shapely.LineString([[EAST, NORTH], [EAST + 9, NORTH]])
        if ending != "fgb":
            yield (
                f"{ending}-mixed.{ending}",
                _bytes(_frame().set_geometry(shapes, crs=2177), folder / f"a.{ending}"),
                ONE,
            )
        yield f"{ending}-no-system.{ending}", _bytes(_frame(None), folder / f"a.{ending}"), "refused 3"
        whole = _bytes(_frame(), folder / f"a.{ending}")
        for percent in (2, 30, 60):
            yield f"{ending}-cut-{percent:02}.{ending}", whole[: len(whole) * percent // 100], "refused 3"
        # Arrow looks for the sign of Parquet at the end, where the head of the file is.
        yield (
            f"{ending}-wrong-sign.{ending}",
            b"XXXX" + whole[4:],
            "loaded 6" if ending == "parquet" else "refused 3",
        )
    sheet = pd.DataFrame(_frame().drop(columns="geometry")).assign(WSP_E=EAST + 0.5, WSP_N=NORTH + 0.25)
    whole = _bytes(sheet, folder / "a.xlsx")
    yield "xlsx-good.xlsx", whole, "loaded 6"
    yield "xlsx-cut.xlsx", whole[: len(whole) // 2], "refused 3"


def _bytes(frame: pd.DataFrame, path: Path) -> bytes:
    path.unlink(missing_ok=True)
    if path.suffix == ".parquet" and isinstance(frame, gpd.GeoDataFrame):
        frame.to_parquet(path)
    else:
        pyogrio.write_dataframe(frame, path)
    return path.read_bytes()
