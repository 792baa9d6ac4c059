"""Where the districts lie: a honeycomb of cells around the city's centre, with jittered corners."""

from dataclasses import dataclass

import numpy as np

from pipelines.sample_city.ground import Point
from pipelines.sample_city.names import DISTRICTS, artery_name, district_title

TERYT = "306401_1"
CENTRE = (642_650_000, 580_850_000)  # easting, northing; cm
WIDTH = 143_000
HEIGHT = 131_000
LIFT = 15_000  # bends the borders between rows, so that every cell is a convex hexagon
JITTER = 5_500
ROWS = range(-6, 6)
COLUMNS = range(-8, 7)

Knot = tuple[int, int]  # row of the border, half columns


@dataclass(frozen=True)
class District:
    """A cadastral district with the housing district on the same ground."""

    place: int  # in the order of districts, from 0
    number: int
    name: str
    housing: str
    corners: tuple[Point, ...]  # six, counterclockwise
    arteries: tuple[str, ...]  # name of the street along each side
    distance: int  # cells from the centre of the city

    @property
    def code(self) -> str:
        """The identifier in the register: ``306401_1.0051``."""
        return f"{TERYT}.{self.number:04d}"


def districts(count: int, seed: int) -> list[District]:
    """The first ``count`` districts, from the centre outwards; each is the same whatever ``count`` is.

    Raises:
        ValueError: there is no room for so many.
    """
    cells = [entry[3:] for entry in DISTRICTS]
    spare = {(row, column) for row in ROWS for column in COLUMNS} - set(cells)
    cells += sorted(spare, key=lambda cell: (_remoteness(cell), cell))
    if not 1 <= count <= len(cells):
        raise ValueError(f"the sample city has 1 to {len(cells)} districts, not {count}")
    return [_district(place, cell, seed) for place, cell in enumerate(cells[:count])]


def _district(place: int, cell: tuple[int, int], seed: int) -> District:
    row, column = cell
    west = 2 * column + row % 2
    low = [(row, west), (row, west + 1), (row, west + 2)]
    high = [(row + 1, west + 2), (row + 1, west + 1), (row + 1, west)]
    knots = low + high
    number, name, housing = district_title(place)
    arteries = tuple(_artery(a, b) for a, b in zip(knots, knots[1:] + knots[:1], strict=True))
    corners = tuple(_corner(knot, seed) for knot in knots)
    return District(place, number, name, housing, corners, arteries, round(_remoteness(cell)))


def _remoteness(cell: tuple[int, int]) -> float:
    row, column = cell
    return float(np.hypot(row * HEIGHT / WIDTH, column + 0.5 * (row % 2)))


def _corner(knot: Knot, seed: int) -> Point:
    row, half = knot
    up = (half + row) % 2 == 0  # the border between two cells of this row starts here and goes north
    jitter = np.random.default_rng([seed, 1, row + 1000, half + 1000]).uniform(-JITTER, JITTER, 2)
    east = CENTRE[0] + (half - 1) * WIDTH // 2 + jitter[0]
    north = CENTRE[1] + row * HEIGHT + (LIFT if up else -LIFT) / 2 + jitter[1]
    return round(east), round(north)


def _artery(a: Knot, b: Knot) -> str:
    if a[0] == b[0]:
        return artery_name(a[0], min(a[1], b[1]), along_row=True)
    return artery_name(min(a[0], b[0]), a[1], along_row=False)
