"""Ground cut by straight lines: rings in whole centimetres whose shared corners stay exactly equal."""

import math
from dataclasses import dataclass

Point = tuple[int, int]  # easting, northing; EPSG:2177, whole centimetres
XY = tuple[float, float]  # easting, northing; EPSG:2177, centimetres
Ring = list[tuple[Point, int]]  # each corner with the number of the street along the side that starts there
Cuts = dict[tuple[Point, Point], Point]  # where the side between two corners was cut, for both directions

NO_STREET = -1
SNAP_CM = 40.0  # a cut passing this near to a corner goes through the corner


@dataclass(frozen=True)
class Line:
    """An endless line: a point on it (cm) and its direction (unit vector)."""

    origin: XY
    direction: XY

    def height(self, point: XY) -> float:
        """Distance of ``point`` to the left of the line, cm."""
        east, north = point[0] - self.origin[0], point[1] - self.origin[1]
        return self.direction[0] * north - self.direction[1] * east

    def way(self, point: XY) -> float:
        """How far along the line the foot of ``point`` lies, cm."""
        east, north = point[0] - self.origin[0], point[1] - self.origin[1]
        return self.direction[0] * east + self.direction[1] * north

    def at(self, way: float, height: float = 0.0) -> XY:
        """The place ``way`` along the line and ``height`` to its left, both cm."""
        (east, north), (along_east, along_north) = self.origin, self.direction
        return east + way * along_east - height * along_north, north + way * along_north + height * along_east

    def beside(self, height: float) -> "Line":
        """The parallel ``height`` cm to the left."""
        return Line(self.at(0.0, height), self.direction)


def through(start: XY, end: XY) -> Line:
    """The line from ``start`` towards ``end``."""
    length = math.dist(start, end)
    return Line(start, ((end[0] - start[0]) / length, (end[1] - start[1]) / length))


def turned(line: Line, angle_deg: float) -> Line:
    """``line`` turned about its origin, counterclockwise."""
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    east, north = line.direction
    return Line(line.origin, (east * cos - north * sin, east * sin + north * cos))


def crossing(one: Line, other: Line) -> XY:
    """Where two lines that are not parallel meet."""
    sine = one.direction[0] * other.direction[1] - one.direction[1] * other.direction[0]
    return one.at(other.height(one.origin) / sine)


def whole(place: XY) -> Point:
    """``place`` on whole centimetres."""
    return round(place[0]), round(place[1])


def area_m2(ring: Ring) -> float:
    """Area enclosed by ``ring``, m²; exact."""
    corners = [corner for corner, _ in ring]
    turns = zip(corners, corners[1:] + corners[:1], strict=True)
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in turns) / 20_000


def centre(ring: Ring) -> XY:
    """Mean of the corners."""
    return sum(p[0] for p, _ in ring) / len(ring), sum(p[1] for p, _ in ring) / len(ring)


def sides(ring: Ring) -> list[tuple[Point, Point, int]]:
    """The sides of ``ring``: from, to, number of the street along it."""
    return [(a, b, street) for (a, street), (b, _) in zip(ring, ring[1:] + ring[:1], strict=True)]


def expand(ring: Ring, cuts: Cuts) -> Ring:
    """``ring`` with every corner that neighbours have set on its sides."""
    return [(corner, street) for a, b, street in sides(ring) for corner in _rail(a, b, cuts)]


def _rail(start: Point, end: Point, cuts: Cuts) -> list[Point]:
    middle = cuts.get((start, end))
    return [start] if middle is None else _rail(start, middle, cuts) + _rail(middle, end, cuts)


def cut(ring: Ring, line: Line, street: int, cuts: Cuts) -> tuple[Ring, Ring]:
    """Cut ``ring`` along ``line``; the new sides get ``street``, the cut sides are noted in ``cuts``.

    Returns:
        The part left of the line and the part right of it.

    Raises:
        ValueError: the line does not cross the ring exactly twice. Nothing is noted then.
    """
    marked, fresh = _marked(expand(ring, cuts), line)
    first, *others = [number for number, (_, _, height) in enumerate(marked) if height == 0] or [0]
    if len(others) != 1:
        raise ValueError("the line does not cross the ring exactly twice")
    cuts.update(fresh)
    ahead = marked[first : others[0] + 1]
    behind = marked[others[0] :] + marked[: first + 1]
    parts = [[(p, s) for p, s, _ in part[:-1]] + [(part[-1][0], street)] for part in (ahead, behind)]
    return (parts[0], parts[1]) if max(h for _, _, h in ahead) > 0 else (parts[1], parts[0])


def _marked(ring: Ring, line: Line) -> tuple[list[tuple[Point, int, float]], Cuts]:
    """The corners with their heights, those on the line with height 0 and new ones set where it crosses."""
    marked: list[tuple[Point, int, float]] = []
    fresh: Cuts = {}
    heights = {corner: _snapped(line.height(corner)) for corner, _ in ring}
    for a, b, street in sides(ring):
        marked.append((a, street, heights[a]))
        if heights[a] * heights[b] < 0:
            share = heights[a] / (heights[a] - heights[b])
            point = whole((a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])))
            fresh[a, b] = fresh[b, a] = point
            marked.append((point, street, 0.0))
    return marked, fresh


def _snapped(height: float) -> float:
    return 0.0 if abs(height) < SNAP_CM else height
