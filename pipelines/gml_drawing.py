"""Coordinate texts become geometries, a whole batch at once; a bad row says why and harms no other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import shapely
from numpy.typing import NDArray

from pipelines.gml_geometry import Family, Shape

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Objects = NDArray[np.object_]

FEWEST_POINTS: dict[Family, int] = {"point": 1, "line": 2, "area": 4}


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths (points, lines, rings) of many shapes, one after the other.

    ``row`` and ``part`` say for each path to which shape and which part of it (numbered through) it belongs;
    ``counts`` how many of the positions ``xy``, shape (n, 2), are its own.
    """

    row: Integers
    part: Integers
    counts: Integers
    xy: Floats

    def keep(self, wanted: NDArray[np.bool_]) -> "Paths":
        """Only the paths that are ``wanted``."""
        xy = self.xy[np.repeat(wanted, self.counts)]
        return Paths(self.row[wanted], self.part[wanted], self.counts[wanted], xy)


def draw(shapes: Sequence[Shape | None], northing_first: bool) -> tuple[Objects, list[str | None]]:
    """The geometries of ``shapes``, x easting and y northing, and why a row has none (None if it may).

    Args:
        shapes: as read, None where the object has no geometry.
        northing_first: the texts give northing (latitude) before easting (longitude).
    """
    geometries: Objects = np.full(len(shapes), None, dtype=object)
    faults = [shape and shape.fault for shape in shapes]
    for family in FEWEST_POINTS:
        rows = [row for row, shape in enumerate(shapes) if _sound(shape, family)]
        if not rows:
            continue
        chosen = [shape for row in rows if (shape := shapes[row])]
        drawn, why = _draw_family(chosen, family, northing_first)
        geometries[rows] = drawn
        for place, fault in why.items():
            faults[rows[place]] = fault
    return geometries, faults


def _sound(shape: Shape | None, family: Family) -> bool:
    return shape is not None and shape.fault is None and shape.family == family


def _draw_family(shapes: list[Shape], family: Family, northing_first: bool) -> tuple[Objects, dict[int, str]]:
    part_rows = np.repeat(np.arange(len(shapes)), [len(shape.parts) for shape in shapes])
    parts = list(chain.from_iterable(shape.parts for shape in shapes))
    part = np.repeat(np.arange(len(parts)), [len(texts) for texts in parts])
    xy, counts, faults = _positions(list(chain.from_iterable(parts)))
    paths = Paths(part_rows[part], part, counts, xy)
    faults = _outline_faults(paths, family) | faults
    row_faults = {int(paths.row[path]): fault for path, fault in sorted(faults.items(), reverse=True)}
    paths = paths.keep(~np.isin(paths.row, list(row_faults)))
    multi = np.array([shape.multi for shape in shapes])
    return _geometries(paths, family, multi, northing_first), row_faults


def _positions(texts: list[str]) -> tuple[Floats, Integers, dict[int, str]]:
    """All positions as written, how many each text has (0 if it has a fault), and the faults by text."""
    numbers = [text.split() for text in texts]
    faults: dict[int, str] = {}
    lengths = np.fromiter(map(len, numbers), np.int64, len(numbers))
    for place in np.flatnonzero((lengths == 0) | (lengths % 2 == 1)):
        faults[int(place)] = _count_fault(int(lengths[place]))
        numbers[place] = []
    try:
        flat = _floats(texts, numbers)
    except ValueError:
        faults |= _word_faults(numbers)
        flat = _floats([], numbers)
    counts = np.fromiter(map(len, numbers), np.int64, len(numbers)) // 2
    xy = flat.reshape(-1, 2)
    return xy, counts, _infinite_faults(xy, counts) | faults


def _floats(texts: Iterable[str], numbers: list[list[str]]) -> Floats:
    if any("_" in text or not text.isascii() for text in texts):
        raise ValueError("Python reads 1_000 as a number, XML does not")
    return np.fromiter(map(float, chain.from_iterable(numbers)), np.float64)


def _word_faults(numbers: list[list[str]]) -> dict[int, str]:
    """The texts in which something is no number; they are emptied in ``numbers``."""
    faults = {}
    for place, words in enumerate(numbers):
        if wrong := next((word for word in words if not _is_number(word)), None):
            faults[place] = f"The coordinate {wrong!r} is not a number; decimals are written with a point."
            numbers[place] = []
    return faults


def _is_number(word: str) -> bool:
    try:
        return float(word) is not None and "_" not in word and word.isascii()
    except ValueError:
        return False


def _count_fault(length: int) -> str:
    if length == 0:
        return "The geometry has a coordinate list without numbers."
    return f"A coordinate list has {length} numbers, an odd count; each position is a pair."


def _infinite_faults(xy: Floats, counts: Integers) -> dict[int, str]:
    wrong = np.repeat(np.arange(len(counts)), counts)[~np.isfinite(xy).all(axis=1)]
    return dict.fromkeys(map(int, wrong), "A coordinate is NaN or infinite.")


def _outline_faults(paths: Paths, family: Family) -> dict[int, str]:
    counts, fewest = paths.counts, FEWEST_POINTS[family]
    short = (counts > 0) & ((counts < fewest) if family != "point" else (counts > 1))
    faults = {int(place): _length_fault(int(counts[place]), family) for place in np.flatnonzero(short)}
    if family != "area" or not counts.any():
        return faults
    sound = np.flatnonzero(counts)
    last = counts.cumsum()[sound] - 1
    first = last - counts[sound] + 1
    opened = (paths.xy[first] != paths.xy[last]).any(axis=1)
    return {
        int(
            place
        ): f"A ring is not closed: it begins at {_pair(paths.xy[a])} and ends at {_pair(paths.xy[b])}."
        for place, a, b in zip(sound[opened], first[opened], last[opened], strict=True)
    } | faults


def _length_fault(count: int, family: Family) -> str:
    if family == "area":
        return f"A ring has {count} points; with the first repeated at the end it needs at least 4."
    return (
        "A line has 1 point; it needs at least 2." if family == "line" else f"A point has {count} positions."
    )


def _pair(position: Floats) -> str:
    return " ".join(np.format_float_positional(number, trim="-") for number in position)


def _geometries(paths: Paths, family: Family, multi: NDArray[np.bool_], northing_first: bool) -> Objects:
    """One geometry for each place in ``multi``, None where no path belongs to it."""
    geometries: Objects = np.full(len(multi), None, dtype=object)
    if not len(paths.row):
        return geometries
    parts, rows = _parts(paths, family, northing_first)
    single = ~multi[rows]
    geometries[rows[single]] = parts[single]
    if not single.all():
        gather = {
            "point": shapely.multipoints,
            "line": shapely.multilinestrings,
            "area": shapely.multipolygons,
        }
        targets, indices = np.unique(rows[~single], return_inverse=True)
        geometries[targets] = gather[family](parts[~single], indices=indices)
    return geometries


def _parts(paths: Paths, family: Family, northing_first: bool) -> tuple[Objects, Integers]:
    """The points, lines or polygons, and the row of each."""
    xy = paths.xy[:, ::-1] if northing_first else paths.xy
    if family == "point":
        return np.asarray(shapely.points(xy)), paths.row
    indices = np.repeat(np.arange(len(paths.counts)), paths.counts)
    if family == "line":
        return np.asarray(shapely.linestrings(xy, indices=indices)), paths.row
    rings = np.asarray(shapely.linearrings(xy, indices=indices))
    _, first, part = np.unique(paths.part, return_index=True, return_inverse=True)
    return np.asarray(shapely.polygons(rings, indices=part)), paths.row[first]
