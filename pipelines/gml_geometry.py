"""A geometry of the national GML as it is written: its outline, coordinate texts and coordinate system."""

import re
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Literal

from lxml import etree
from pyproj import CRS
from pyproj.exceptions import CRSError

from pipelines.gml_document import GML

Family = Literal["point", "line", "area"]

FAMILIES: dict[str, Family] = {
    "Point": "point", "MultiPoint": "point",
    "LineString": "line", "Curve": "line", "MultiCurve": "line",
    "Polygon": "area", "Surface": "area", "MultiSurface": "area",
}  # fmt: skip
# What an element of the gml namespace does: begin a part (polygon), a path (ring) in the part, both, or the
# next segment of the path; give coordinates; or nothing. Whatever is not named here is refused by name.
STEPS: dict[Family, dict[str, str]] = {
    "point": {
        "pos": "text", "posList": "text", "Point": "part and path",
        "MultiPoint": "", "pointMember": "", "pointMembers": "",
    },
    "line": {
        "pos": "text", "posList": "text", "LineString": "part and path", "Curve": "part and path",
        "LineStringSegment": "segment", "MultiCurve": "", "curveMember": "", "curveMembers": "",
        "segments": "",
    },
    "area": {
        "pos": "text", "posList": "text", "Polygon": "part", "PolygonPatch": "part",
        "exterior": "path", "interior": "path", "LinearRing": "segment", "LineString": "segment",
        "LineStringSegment": "segment", "Ring": "", "Curve": "", "curveMember": "", "segments": "",
        "Surface": "", "patches": "", "MultiSurface": "", "surfaceMember": "", "surfaceMembers": "",
    },
}  # fmt: skip
STEPS_BY_TAG = {
    family: {f"{{{GML}}}{name}": step for name, step in steps.items()} for family, steps in STEPS.items()
}
BENT = re.compile("Arc|Circle|Clothoid|Spline|Bezier|Geodesic|Offset|Bulge")
POS_LIST = f"{{{GML}}}posList"
JOINT = "|"


@dataclass(slots=True)
class Shape:
    """One geometry as written: its parts (polygons, lines, points), each of paths (rings) as text."""

    family: Family
    multi: bool = False
    parts: tuple[tuple[str, ...], ...] = ()
    srs_name: str | None = None
    fault: str | None = None


@cache
def coordinate_system(srs_name: str) -> CRS | None:
    """The coordinate system that ``srs_name`` means in any of its spellings; None if there is none such."""
    if not (found := re.search(r"\bEPSG(?:::?|/0/|:[\d.]+:|/[\d.]+/)(\d{4,6})$", srs_name.strip())):
        return None
    try:
        return CRS.from_epsg(int(found[1]))
    except CRSError:
        return None


@cache
def local_name(tag: str) -> str:
    """The tag without its namespace."""
    return tag.rpartition("}")[2]


def read_shape(element: etree._Element) -> Shape:
    """The GML geometry ``element``, in the order of the document, with the fault if it cannot be used."""
    name = local_name(element.tag)
    shape = Shape(FAMILIES.get(name, "point"), name.startswith("Multi"), srs_name=element.get("srsName"))
    try:
        parts = _walk(element, shape)
        if not parts or not all(parts):
            raise ValueError(f"The {name} holds no coordinates.")
        shape.parts = tuple([tuple([_path(texts) for texts in part]) for part in parts])
    except IndexError:
        shape.fault = f"The {name} has coordinates outside of a point, line or ring."
    except ValueError as fault:
        shape.fault = str(fault)
    shape.multi = shape.multi or len(shape.parts) > 1
    return shape


def _walk(element: etree._Element, shape: Shape) -> list[list[list[str]]]:
    """Parts of paths of coordinate texts; a joint stands between two segments of a path."""
    steps, dimension = STEPS_BY_TAG[shape.family], element.get("srsDimension")
    parts: list[list[list[str]]] = []
    for inner in element.iter():
        tag = inner.tag
        if (step := steps.get(tag)) is None:
            raise ValueError(_refusal(inner))
        if step == "text":
            is_flat = dimension != "3" and tag == POS_LIST and not inner.keys()
            parts[-1][-1].append((inner.text or "") if is_flat else _flat(inner, dimension))
        elif step == "part and path":
            parts.append([[]])
        elif step:
            _begin(step, inner, parts)
        if inner is not element and inner.keys():
            _take_srs_name(inner.get("srsName"), shape)
    return parts


def _begin(step: str, element: etree._Element, parts: list[list[list[str]]]) -> None:
    if step == "part":
        parts.append([])
    elif step == "segment":
        parts[-1][-1] += [JOINT] if parts[-1][-1] else []
    elif not parts or (local_name(element.tag) == "exterior") == bool(parts[-1]):
        raise ValueError("A polygon has one exterior and then its interiors; here the order is another.")
    else:
        parts[-1].append([])


def _take_srs_name(srs_name: str | None, shape: Shape) -> None:
    if srs_name is None or srs_name == shape.srs_name:
        return
    if shape.srs_name is None:
        shape.srs_name = srs_name
    elif coordinate_system(srs_name) != coordinate_system(shape.srs_name):
        raise ValueError(f"The geometry mixes the coordinate systems {shape.srs_name} and {srs_name}.")


def _flat(element: etree._Element, dimension: str | None) -> str:
    """The coordinate text without heights."""
    text = element.text or ""
    is_pos = element.tag != POS_LIST
    if not is_pos and (element.get("srsDimension") or dimension) != "3":
        return text
    numbers = text.split()
    if is_pos and len(numbers) != 3:  # noqa: PLR2004 - northing, easting, height
        return text
    if len(numbers) % 3:
        raise ValueError(f"A posList of srsDimension 3 has {len(numbers)} numbers, no multiple of 3.")
    return " ".join(number for place, number in enumerate(numbers) if place % 3 != 2)  # noqa: PLR2004


def _path(texts: list[str]) -> str:
    """The texts of one path as one; segments share the point where they meet."""
    if len(texts) == 1:
        return texts[0]
    path: list[str] = []
    for is_joint, segment in groupby(texts, JOINT.__eq__):
        numbers = [] if is_joint else " ".join(segment).split()
        if path and numbers and not _meet(path[-2:], numbers[:2]):
            raise ValueError(
                "The segments of the curve do not meet: one ends at "
                f"{' '.join(path[-2:])}, the next begins at {' '.join(numbers[:2])}."
            )
        path += numbers[2:] if path else numbers
    return " ".join(path)


def _meet(end: list[str], start: list[str]) -> bool:
    try:
        return end == start or [float(number) for number in end] == [float(number) for number in start]
    except ValueError:
        return False


def _refusal(element: etree._Element) -> str:
    name = local_name(element.tag)
    if BENT.search(name):
        return (
            f"{name} is a curve and not made of straight segments; GUGiK's control kontrolaGeometriiGML_luki "
            "refuses it. Replace it by a LineStringSegment."
        )
    return f"A geometry with {name} is not known here; write a Point, Curve, Surface or a Multi of them."
