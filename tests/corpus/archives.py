"""The labelled archives: bombs, names that lead out, links, locks and lies."""

import gzip
import io
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from cases import EAST, GOOD, NORTH, ROWS, Case, one, plain, refused
from documents import gml, parcel

STAMP = (2024, 1, 1, 0, 0, 0)
PARCELS = gml(*[parcel(number) for number in range(ROWS)]).encode()
CUT, CROOKED = refused("broke off"), refused("Do not trust")


def zipped(*members: tuple[str, bytes], mode: int = 0o100644, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members:
            told = zipfile.ZipInfo(name, STAMP)
            told.external_attr, told.compress_type, told.create_system = mode << 16, method, 3
            archive.writestr(told, content)
    return packed.getvalue()


def archive_cases(folder: Path) -> Iterator[Case]:
    """All archives; GDAL writes in ``folder``."""
    for name, content, expected in [*_members(), *_broken()]:
        yield Case("egib", f"zip-{name}.zip", f"zip: {plain(name)}", content, expected)
    for name, content, expected in _shapefiles(folder):
        yield Case("districts", f"shp-{name}.zip", f"shapefile in a zip: {plain(name)}", content, expected)


def _members() -> Iterator[tuple[str, bytes, str]]:
    yield "good", zipped(("a.gml", PARCELS)), GOOD
    yield "in-folders", zipped(("a/b/ż.gml", PARCELS)), GOOD
    yield "litter", zipped(("__MACOSX/._a.gml", b"x"), ("a.gml", PARCELS)), GOOD
    yield "stored", zipped(("a.gml", PARCELS), method=zipfile.ZIP_STORED), GOOD
    outside = ("../a.gml", "/a.gml", "a/../../b.gml", "C:\\a.gml", "..\\a.gml")
    for number, name in enumerate(outside):
        yield f"name-outside-{number}", zipped((name, PARCELS)), refused("outside")
    yield "nested", zipped(("a.zip", zipped(("a.gml", PARCELS)))), refused("unpacked")
    yield "nested-gzip", zipped(("a.gml.gz", gzip.compress(PARCELS, mtime=0))), refused("XML")
    yield "link", zipped(("a.gml", b"/etc/passwd"), mode=0o120777), refused("link")
    yield "bomb", zipped(("a.gml", bytes(300 << 20))), refused("times")
    yield "bomb-of-many", zipped(*[(f"{n}.gml", bytes(3 << 20)) for n in range(30)]), refused("times")
    yield "11000-files", zipped(*[(f"{n}.gml", b"") for n in range(11_000)]), refused("11000 files")
    yield "long-name", zipped((f"{'a' * 300}.gml", PARCELS)), refused("name")
    yield "text-inside", zipped(("a.gml", b"not GML")), refused("XML")
    yield "empty-file-inside", zipped(("a.gml", b"")), refused("empty")
    yield "nothing", zipped(), refused("no file")
    yield "only-folder", zipped(("a/", b"")), refused("no file")
    yield "other-format-inside", zipped(("a.pdf", b"%PDF-1.7")), refused("XML")


def _broken() -> Iterator[tuple[str, bytes, str]]:
    whole = zipped(("a.gml", PARCELS), ("b.gml", PARCELS))
    yield "name-twice", whole.replace(b"b.gml", b"a.gml"), refused("twice")
    packed = zipped(("a.gml", PARCELS))
    yield "trailing-garbage", packed + bytes(70_000), refused("Fetch")
    yield "script-before-it", b"#!/bin/sh\n" + packed, GOOD
    yield "cut-inside", zipped(("a.gml", PARCELS[: len(PARCELS) // 2])), CUT
    for percent in (5, 50, 95):
        yield f"cut-{percent:02}", packed[: len(packed) * percent // 100], CUT
    at = packed.index(b"PK\x01\x02")
    locked = bytearray(packed)
    locked[6] |= 1
    locked[at + 8] |= 1
    yield "locked", bytes(locked), refused("password")
    for name, size in (("small", 10), ("large", len(PARCELS) * 2)):
        lying = bytearray(packed)
        lying[22:26] = lying[at + 24 : at + 28] = struct.pack("<I", size)
        yield f"states-a-{name}-size", bytes(lying), refused("archive")
    wrong = bytearray(packed)
    wrong[at + 16] ^= 255
    wrong[14] ^= 255
    yield "wrong-checksum", bytes(wrong), refused("archive")
    method = bytearray(packed)
    method[8] = method[at + 10] = 99
    yield "unknown-method", bytes(method), refused("archive")


def _shapefiles(folder: Path) -> Iterator[tuple[str, bytes, str]]:
    parts: dict[str, bytes] = {}
    names = ["Łąka", "Świt", "Źródło", "D4", "D5", "D6"]
    for encoding in ("cp1250", "iso-8859-2", "utf-8"):
        parts = _shapefile(folder / f"{encoding}.shp", names, _squares(), encoding)
        yield encoding, _pack(parts), GOOD
        yield f"{encoding}-no-cpg", _pack(parts, without=".cpg"), GOOD
    lying = _shapefile(folder / "l.shp", names, _squares(), "cp1250") | {".cpg": b"UTF-8"}
    yield "cp1250-stated-utf-8", _pack(lying), refused("letters are not in the encoding")
    shapes = {
        "no-geometry": (None, one("geometry.missing")),
        "bow-tie": (shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)]), one("geometry.invalid")),
        "with-heights": (shapely.Polygon([(0, 0, 80), (0, 9, 80), (9, 9, 80)]), GOOD),
        "million-vertices": (shapely.Point(0, 0).buffer(9, quad_segs=250_000), GOOD),
    }
    for name, (shape, expected) in shapes.items():
        moved = None if shape is None else shapely.transform(shape, _moved, include_z=shape.has_z)
        squares = [*_squares()[:2], moved, *_squares()[3:]]
        yield name, _pack(_shapefile(folder / f"{name}.shp", names, squares, "utf-8")), expected
    corner, nan = struct.pack("<d", EAST + 109), struct.pack("<d", float("nan"))
    at = parts[".shp"].rindex(corner)
    hurt = parts[".shp"][:at] + nan + parts[".shp"][at + 8 :]
    yield "nan", _pack(parts | {".shp": hurt}), one("geometry.unreadable")
    for absent, words in (
        (".prj", "coordinate system"),
        (".shx", "lacks its .shx"),
        (".dbf", "lacks its .dbf"),
    ):
        yield f"without-{absent[1:]}", _pack(parts, without=absent), refused(words)
    for ending in (".shp", ".shx", ".dbf"):
        for percent in (5, 50, 90):
            cut = parts[ending][: len(parts[ending]) * percent // 100]
            yield f"cut-{ending[1:]}-{percent:02}", _pack(parts | {ending: cut}), CUT
    yield "prj-nonsense", _pack(parts | {".prj": b"nonsense"}), refused("coordinate system")
    yield "dbf-nonsense", _pack(parts | {".dbf": b"nonsense" * 99}), refused("d.dbf")
    other = _shapefile(folder / "o.shp", names[:3], _squares()[:3], "utf-8")
    yield "dbf-of-another", _pack(parts | {".dbf": other[".dbf"]}), refused("not of one export")


def _squares() -> list[shapely.Geometry | None]:
    return [shapely.box(EAST + 50 * n, NORTH, EAST + 50 * n + 9, NORTH + 9) for n in range(ROWS)]


def _moved(positions: np.ndarray) -> np.ndarray:
    """From nowhere to the place of the third square."""
    return positions + np.array([EAST + 100, NORTH, 0])[: positions.shape[1]]


def _shapefile(
    path: Path, names: list[str], shapes: list[shapely.Geometry | None], encoding: str
) -> dict[str, bytes]:
    """The parts of a shapefile by their endings."""
    frame = gpd.GeoDataFrame({"name": names}, geometry=shapes, crs=2177)
    pyogrio.write_dataframe(frame, path, encoding=encoding)
    return {each.suffix: each.read_bytes() for each in sorted(path.parent.glob(f"{path.stem}.*"))}


def _pack(parts: dict[str, bytes], without: str = "") -> bytes:
    return zipped(*[(f"d{ending}", content) for ending, content in parts.items() if ending != without])
