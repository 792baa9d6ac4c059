"""The plan of a district: a ring of main streets, and streets within until only blocks remain."""

from dataclasses import dataclass, field

from numpy.random import Generator

from pipelines.sample_city.districts import District
from pipelines.sample_city.ground import (
    NO_STREET,
    Cuts,
    Line,
    Ring,
    area_m2,
    centre,
    crossing,
    cut,
    sides,
    through,
    turned,
    whole,
)

ARTERY, MAIN, SIDE, LANE = range(4)  # ranks of a street
WIDTH_CM = {ARTERY: 1500, MAIN: 2400, SIDE: 1700, LANE: 1150}  # of an artery each district has its own half
CARRIAGEWAY_CM = {ARTERY: 850, MAIN: 1100, SIDE: 700, LANE: 550}  # likewise
QUARTER_M2 = 78_000
MAIN_M2, SIDE_M2 = 700_000, 170_000  # ground larger than this is divided by a street of that rank
BLOCK_LENGTH_CM, BLOCK_DEPTH_CM = 21_000, 10_500
BEND_DEG = {MAIN: 9.0, SIDE: 6.0, LANE: 2.0}


@dataclass
class Street:
    """A street: its axis from end to end, the streets it ends at, and the strip of ground it takes."""

    name: str
    rank: int
    axis: Line
    length_cm: float
    ends: tuple[int, int]  # numbers of the streets at the start and at the end
    ring: Ring

    @property
    def one_sided(self) -> bool:
        """Whether the axis is the border of the district, with all of the strip to its left."""
        return self.rank == ARTERY


@dataclass
class Plan:
    """A district on paper: its streets, its ground between them, and how their sides were cut."""

    district: District
    streets: list[Street] = field(default_factory=list)
    quarters: list[Ring] = field(default_factory=list)
    cuts: Cuts = field(default_factory=dict)


def lay_streets(district: District, rng: Generator) -> Plan:
    """The arteries on the district's border, and streets within until no ground is larger than a quarter."""
    plan = Plan(district)
    waiting = [_lay_arteries(plan)]
    while waiting:
        ground = waiting.pop(0)
        if area_m2(ground) < QUARTER_M2:
            plan.quarters.append(ground)
        else:
            waiting += divide(plan, ground, _rank(ground), rng)
    return plan


def divide(plan: Plan, ground: Ring, rank: int, rng: Generator) -> list[Ring]:
    """Lay a street of ``rank`` across the longer extent of ``ground``; return what lies on its two sides."""
    along, length, depth = measure(ground)
    if depth > length:
        along, length = turned(along, 90), depth
    middle = along.at(
        along.way(centre(ground)) + length * rng.uniform(-0.08, 0.08), along.height(centre(ground))
    )
    line = turned(Line(middle, along.direction), 90 + rng.uniform(-1, 1) * BEND_DEG[rank])
    half, number = WIDTH_CM[rank] / 2, len(plan.streets)
    left, rest = cut(ground, line.beside(half), number, plan.cuts)
    strip, right = cut(rest, line.beside(-half), number, plan.cuts)
    (start, first), (end, last) = _where_it_ends(ground, line)
    axis = through(line.at(start), line.at(end))
    plan.streets.append(Street("", rank, axis, end - start, (first, last), strip))
    return [left, right]


def blocks(plan: Plan, quarter: Ring, rng: Generator) -> list[Ring]:
    """Divide ``quarter`` by lanes into blocks of two rows of lots."""
    waiting, done = [quarter], []
    while waiting:
        ground = waiting.pop(0)
        _, length, depth = measure(ground)
        if max(length, depth) > BLOCK_LENGTH_CM or min(length, depth) > BLOCK_DEPTH_CM:
            waiting += divide(plan, ground, LANE, rng)
        else:
            done.append(ground)
    return done


def measure(ground: Ring) -> tuple[Line, float, float]:
    """The line along the longest side with a street, and the extents along and across it, cm."""
    along = front(ground)[0]
    ways = [along.way(corner) for corner, _ in ground]
    heights = [along.height(corner) for corner, _ in ground]
    return along, max(ways) - min(ways), max(heights) - min(heights)


def front(ground: Ring) -> tuple[Line, float, int]:
    """The longest straight side, if possible along a street: its line, its length (cm), the street."""
    runs = _runs(ground)
    start, end, street = max(runs, key=lambda run: (run[2] != NO_STREET, through(run[0], run[1]).way(run[1])))
    line = through(start, end)
    return line, line.way(end), street


def _runs(ground: Ring) -> list[tuple[tuple[int, int], tuple[int, int], int]]:
    """The sides of ``ground``, those following each other along one street joined."""
    joined: list[tuple[tuple[int, int], tuple[int, int], int]] = []
    for start, end, street in sides(ground):
        if joined and street != NO_STREET and joined[-1][2] == street:
            joined[-1] = (joined[-1][0], end, street)
        else:
            joined.append((start, end, street))
    if len(joined) > 1 and joined[0][2] == joined[-1][2] != NO_STREET:
        joined[0] = (joined.pop()[0], joined[0][1], joined[0][2])
    return joined


def _rank(ground: Ring) -> int:
    area = area_m2(ground)
    return MAIN if area > MAIN_M2 else SIDE if area > SIDE_M2 else LANE


def _where_it_ends(ground: Ring, line: Line) -> list[tuple[float, int]]:
    """How far along ``line`` it enters and leaves ``ground``, and the streets there."""
    found = []
    for start, end, street in sides(ground):
        low, high = line.height(start), line.height(end)
        if (low < 0) != (high < 0):
            share = low / (low - high)
            place = start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])
            found.append((line.way(place), street))
    return sorted(found)


def _lay_arteries(plan: Plan) -> Ring:
    """Take the strips along the border for streets; return the ground inside."""
    corners = plan.district.corners
    borders = [through(a, b) for a, b in zip(corners, corners[1:] + corners[:1], strict=True)]
    rails = [border.beside(WIDTH_CM[ARTERY]) for border in borders]
    count = len(corners)
    inner = [whole(crossing(rails[number - 1], rails[number])) for number in range(count)]
    for number, border in enumerate(borders):
        after = (number + 1) % count
        ring: Ring = [
            (corners[number], NO_STREET),
            (corners[after], after),
            (inner[after], number),
            (inner[number], (number - 1) % count),
        ]
        ends = (number - 1) % count, after
        name = plan.district.arteries[number]
        plan.streets.append(Street(name, ARTERY, border, border.way(corners[after]), ends, ring))
    return [(inner[number], number) for number in range(count)]
