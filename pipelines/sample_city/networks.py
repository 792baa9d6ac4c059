"""Utility lines: mains along the streets that meet in exactly shared points, and connections to buildings."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.random import Generator

from pipelines.sample_city.buildings import Building
from pipelines.sample_city.chance import happens
from pipelines.sample_city.districts import District
from pipelines.sample_city.ground import Line, Point, crossing, through, whole
from pipelines.sample_city.streets import ARTERY, LANE, MAIN, SIDE, WIDTH_CM, Street


@dataclass(frozen=True)
class Network:
    """One of the networks under the streets: where it lies and how wide its lines are."""

    name: str
    kind: str  # typPrzewodu
    place: float  # of the half width of the street, to the left of the axis
    artery_cm: float  # to the left of the border of the district
    diameters_mm: tuple[int, int, int, int]  # by rank of the street; 0: has none
    connection_mm: int
    served: float  # share of buildings with a connection
    lanes: float  # share of lanes that have it
    keeper: str


NETWORKS = (
    Network("water", "o", 0.50, 960, (400, 250, 160, 110), 40, 0.97, 1.0, "Miejskie Wodociągi"),
    Network("sanitary", "s", 0.08, 240, (800, 500, 300, 250), 160, 0.94, 1.0, "Miejskie Wodociągi"),
    Network("rain", "d", -0.16, 400, (1000, 600, 400, 300), 160, 0.35, 0.6, "Zarząd Dróg"),
    Network("gas", "n", -0.48, 1080, (250, 180, 110, 90), 32, 0.62, 0.8, "Zakład Gazowniczy"),
    Network("heat", "w", 0.34, 780, (500, 300, 150, 0), 65, 0.30, 0.0, "Ciepłownia Miejska"),
    Network("power", "n", -0.82, 1240, (0, 0, 0, 0), 0, 0.96, 1.0, "Rejon Energetyczny"),
    Network("medium", "s", -0.90, 1330, (0, 0, 0, 0), 0, 0.0, 0.0, "Rejon Energetyczny"),
    Network("telecom", "s", 0.82, 1410, (0, 0, 0, 0), 0, 0.66, 0.9, "Sieć Światłowodowa"),
)
PROJECTED, DISUSED = 0.03, 0.02  # shares of mains
OVERHEAD = 0.16  # share of lanes with power lines on poles
POLES_CM = 3_600
DEAD_END_CM = 900
LEADS = (0.5, 0.28, 0.4, 0.62, 0.72, 0.84, 0.9, 0.16)  # where along a wall each network enters


@dataclass
class Main:
    """The line of one network along one street, as a row of points by their way along the axis, cm."""

    street: int
    network: Network
    line: Line
    points: dict[Point, float] = field(default_factory=dict)
    breaks: set[Point] = field(default_factory=set)  # where features end, as others meet the line there
    status: str = "i"
    use: str = "c"
    course: str = "p"

    def place(self, way: float) -> Point:
        """Set a point at ``way`` along the axis."""
        point = whole(self.line.at(way))
        self.points.setdefault(point, way)
        return point

    def meet(self, way: float) -> Point:
        """Set a point where another line of the network ends."""
        point = self.place(way)
        self.breaks.add(point)
        return point

    def reach(self) -> tuple[float, float]:
        """The ways of its two ends."""
        return min(self.points.values()), max(self.points.values())


@dataclass
class Pipe:
    """A utility line as delivered."""

    network: Network
    points: tuple[Point, ...]
    function: str  # g main, p connection
    course: str  # p under, n above the ground
    diameter_mm: int
    status: str
    use: str
    rank: int
    source: str = "O"  # zrodlo


Mains = dict[tuple[int, str], Main]


def lay_mains(district: District, streets: list[Street], rng: Generator) -> tuple[Mains, list[Pipe]]:
    """The mains of all streets, joined where streets meet, and the links to the neighbouring districts."""
    mains: Mains = {}
    links: list[Pipe] = []
    for network in NETWORKS:
        for number, street in enumerate(streets):
            if street.rank == ARTERY:
                mains[number, network.name] = _on_artery(number, street, network)
            elif _has(network, street, mains, rng):
                mains[number, network.name] = _on_street(number, street, network, mains, rng)
        for number in range(len(district.corners)):
            _join_corner(mains[number, network.name], mains[(number + 1) % 6, network.name])
            links.append(_link(mains[number, network.name], district, number))
    return mains, links


def connect(mains: Mains, buildings: list[Building], rng: Generator) -> list[Pipe]:
    """Connections square from the mains to the street walls, where no other building stands between."""
    wanted = [
        (building, main, lead)
        for building in buildings
        if building.main
        for lead, network in zip(LEADS, NETWORKS, strict=True)
        if (main := mains.get((building.street, network.name))) and happens(rng, network.served)
    ]
    ends = [_ends(building, main, lead) for building, main, lead in wanted]
    free = _unobstructed([building for building, _, _ in wanted], ends, buildings)
    found = []
    for (_, main, _), (start, wall), clear in zip(wanted, ends, free, strict=True):
        low, high = main.reach()
        if clear and low + 30 < (way := main.line.way(start)) < high - 30 and start != wall:
            main.points.setdefault(start, way)
            width = main.network.connection_mm
            found.append(
                Pipe(main.network, (start, wall), "p", main.course, width, main.status, main.use, LANE)
            )
    return found


def pipes_of(main: Main, rank: int) -> Iterator[Pipe]:
    """The main as features, one from each meeting point to the next."""
    width = main.network.diameters_mm[rank]
    row = sorted(main.points, key=lambda point: main.points[point])
    run = [row[0]]
    for point in row[1:]:
        run.append(point)
        if point in main.breaks or point == row[-1]:
            yield Pipe(main.network, tuple(run), "g", main.course, width, main.status, main.use, rank)
            run = [point]


def offset_cm(street: Street, network: Network) -> float:
    """How far to the left of the axis the network lies."""
    return network.artery_cm if street.one_sided else network.place * WIDTH_CM[street.rank] / 2


def _has(network: Network, street: Street, mains: Mains, rng: Generator) -> bool:
    """Whether the street has the network: at least one street it ends at must have it."""
    share = {MAIN: 1.0, SIDE: 0.75 if network.name in ("heat", "medium") else 1.0, LANE: network.lanes}[
        street.rank
    ]
    return any((end, network.name) in mains for end in street.ends) and happens(rng, share)


def _on_artery(number: int, street: Street, network: Network) -> Main:
    return Main(number, network, street.axis.beside(offset_cm(street, network)))


def _on_street(number: int, street: Street, network: Network, mains: Mains, rng: Generator) -> Main:
    main = Main(number, network, street.axis.beside(offset_cm(street, network)))
    chance = rng.random()
    main.status = "p" if chance < PROJECTED else "i"
    main.use = "n" if chance > 1 - DISUSED else "c"
    for end, way in zip(street.ends, (DEAD_END_CM, street.length_cm - DEAD_END_CM), strict=True):
        other = mains.get((end, network.name))
        if other is None:
            main.meet(way)
        else:
            meeting = crossing(main.line, other.line)
            point = other.meet(other.line.way(meeting))
            main.points[point] = main.line.way(meeting)
            main.breaks.add(point)
    if network.name == "power" and street.rank == LANE and happens(rng, OVERHEAD):
        main.course = "n"
        _space_out(main, POLES_CM)
    return main


def _space_out(main: Main, spacing_cm: float) -> None:
    """Set points evenly between the ends, no farther apart than ``spacing_cm``."""
    low, high = main.reach()
    for way in np.linspace(low, high, int((high - low) / spacing_cm) + 2)[1:-1]:
        main.place(float(way))


def _join_corner(one: Main, after: Main) -> None:
    meeting = crossing(one.line, after.line)
    point = one.meet(one.line.way(meeting))
    after.points[point] = after.line.way(meeting)
    after.breaks.add(point)


def _link(main: Main, district: District, number: int) -> Pipe:
    """The line to the point on the border from which the neighbour's line starts too."""
    low, high = sorted((district.corners[number], district.corners[(number + 1) % 6]))
    border = through(low, high)
    step = 300 * NETWORKS.index(main.network)
    point = whole(border.at(border.way(high) * 0.47 + step))
    foot = main.meet(main.line.way(point))
    return Pipe(main.network, (foot, point), "g", "p", main.network.diameters_mm[ARTERY], "i", "c", ARTERY)


def _ends(building: Building, main: Main, lead: float) -> tuple[Point, Point]:
    """Where on the main a connection starts, and where on the street wall it ends."""
    (east, north), (far_east, far_north) = building.wall
    wall = whole((east + lead * (far_east - east), north + lead * (far_north - north)))
    return whole(main.line.at(main.line.way(wall))), wall


def _unobstructed(
    owners: list[Building], ends: list[tuple[Point, Point]], buildings: list[Building]
) -> list[bool]:
    """Whether each connection meets no building but its own."""
    tree = shapely.STRtree(shapely.polygons([shapely.linearrings(building.ring) for building in buildings]))
    numbers = {id(building): number for number, building in enumerate(buildings)}
    met, hit = tree.query(shapely.linestrings(ends), predicate="intersects")
    free = [True] * len(ends)
    for connection, building in zip(met, hit, strict=True):
        if numbers[id(owners[connection])] != building:
            free[connection] = False
    return free
