"""The labelled archives: bombs, names that lead out, links, locks and lies."""

import io
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pyogrio
import shapely
from documents import EAST, NORTH, ROWS, Case, gml, parcel

STAMP = (2024, 1, 1, 0, 0, 0)
GOOD = gml(*[parcel(number) for number in range(ROWS)]).encode()


def zipped(*members: tuple[str, bytes], mode: int = 0o100644) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members:
            told = zipfile.ZipInfo(name, STAMP)
            told.external_attr, told.compress_type, told.create_system = mode << 16, zipfile.ZIP_DEFLATED, 3
            archive.writestr(told, content)
    return packed.getvalue()


def archive_cases(folder: Path) -> Iterator[Case]:
    """All archives; GDAL writes in ``folder``."""
    for name, content, expected in [*_members(), *_broken()]:
        yield Case("egib", f"zip-{name}.zip", content, expected)
    for name, content, expected in _shapefiles(folder):
        yield Case("districts", f"shp-{name}.zip", content, expected)


def _members() -> Iterator[tuple[str, bytes, str]]:
    yield "good", zipped(("a.gml", GOOD)), "loaded 6"
    yield "in-folders", zipped(("a/b/ż.gml", GOOD)), "loaded 6"
    yield "litter", zipped(("__MACOSX/._a.gml", b"x"), ("a.gml", GOOD)), "loaded 6"
    for number, name in enumerate(("../a.gml", "/a.gml", "a/../../b.gml", "C:\\a.gml", "..\\a.gml")):
        yield f"outside-{number}", zipped((name, GOOD)), "refused 3"
    yield "nested", zipped(("a.zip", zipped(("a.gml", GOOD)))), "refused 3"
    yield "link", zipped(("a.gml", b"/etc/passwd"), mode=0o120777), "refused 3"
    yield "bomb", zipped(("a.gml", bytes(300 << 20))), "refused 3"
    yield "many", zipped(*[(f"{n}.gml", b"") for n in range(11_000)]), "refused 3"
    yield "long-name", zipped((f"{'a' * 300}.gml", GOOD)), "refused 3"
    yield "text-inside", zipped(("a.gml", b"not GML")), "refused 3"
    yield "empty-inside", zipped(("a.gml", b"")), "refused 3"
    yield "nothing", zipped(), "refused 3"
    yield "only-folder", zipped(("a/", b"")), "refused 3"


def _broken() -> Iterator[tuple[str, bytes, str]]:
    whole = zipped(("a.gml", GOOD), ("b.gml", GOOD))
    yield "name-twice", whole.replace(b"b.gml", b"a.gml"), "refused 3"
    one = zipped(("a.gml", GOOD))
    yield "trailing-garbage", one + bytes(70_000), "refused 3"
    yield "before-it-a-script", b"#!/bin/sh\n" + one, "loaded 6"
    for percent in (5, 50, 95):
        yield f"cut-{percent:02}", one[: len(one) * percent // 100], "refused 3"
    at = one.index(b"PK\x01\x02")
    locked = bytearray(one)
    locked[6] |= 1
    locked[at + 8] |= 1
    yield "locked", bytes(locked), "refused 3"
    for name, size in (("small", 10), ("large", len(GOOD) * 2)):
        lying = bytearray(one)
        lying[22:26] = lying[at + 24 : at + 28] = struct.pack("<I", size)
        yield f"lies-{name}", bytes(lying), "refused 3"
    wrong = bytearray(one)
    wrong[at + 16] ^= 255
    wrong[14] ^= 255
    yield "wrong-checksum", bytes(wrong), "refused 3"
    method = bytearray(one)
    method[8] = method[at + 10] = 99
    yield "unknown-method", bytes(method), "refused 3"


def _shapefiles(folder: Path) -> Iterator[tuple[str, bytes, str]]:
    for encoding in ("cp1250", "iso-8859-2", "utf-8"):
        names = ["Łąka", "Świt", "Źródło"]
        shapes = [shapely.box(EAST + 50 * n, NORTH, EAST + 50 * n + 9, NORTH + 9) for n in range(3)]
        path = folder / f"{encoding}.shp"
        frame = gpd.GeoDataFrame({"name": names}, geometry=shapes, crs=2177)
        pyogrio.write_dataframe(frame, path, encoding=encoding)
        parts = {each.suffix: each.read_bytes() for each in sorted(folder.glob(f"{encoding}.*"))}
        yield encoding, _pack(parts), "loaded 3"
        yield f"{encoding}-no-cpg", _pack(parts, without=".cpg"), "loaded 3"
    for absent in (".prj", ".shx", ".dbf"):
        yield f"without-{absent[1:]}", _pack(parts, without=absent), "refused 3"
    yield "cut", _pack(parts | {".shp": parts[".shp"][:150]}), "refused 3"
    yield "prj-nonsense", _pack(parts | {".prj": b"nonsense"}), "refused 3"


def _pack(parts: dict[str, bytes], without: str = "") -> bytes:
    return zipped(*[(f"d{ending}", content) for ending, content in parts.items() if ending != without])
