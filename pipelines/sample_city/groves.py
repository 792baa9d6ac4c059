"""Where trees stand: rows along streets, alleys and clumps in parks, scattered on housing estates."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator
from numpy.typing import NDArray

from pipelines.sample_city.buildings import Building
from pipelines.sample_city.parcels import Parcel
from pipelines.sample_city.streets import ARTERY, CARRIAGEWAY_CM, LANE, MAIN, SIDE, WIDTH_CM, Street

Places = NDArray[np.float64]  # easting, northing; shape (n, 2), cm

ROW_CM = {MAIN: 820, SIDE: 560, LANE: 410}  # of a row of trees from the axis
ARTERY_ROW_CM = 1160
PLANTED = {ARTERY: 1.0, MAIN: 1.0, SIDE: 0.85, LANE: 0.62}  # share of streets with trees
SPACINGS_CM = (800, 1100)
GAPS = 0.07
FROM_HOUSE_CM = 300.0
PARKS = {"park": "park", "square": "zieleniec", "green": "zieleniec"}
M2_A_TREE = {"estate": 100, "school": 170, "clinic": 200, "works": 700, "offices": 330}
CLUMP_M2 = 1_900  # of a park, for each clump
CLUMP_TREES = 26


@dataclass(frozen=True)
class Grove:
    """Trees that stand together: their places, their street, and whether they are a park's."""

    places: Places
    street: str
    habitat: str  # SIEDLISKO
    ways: NDArray[np.float64]  # along the street, cm


def groves(
    streets: list[Street], parcels: list[Parcel], buildings: list[Building], rng: Generator
) -> list[Grove]:
    """Every place for a tree in a district, none on a carriageway or near a wall."""
    roads = shapely.union_all([_carriageway(street) for street in streets])
    houses = shapely.STRtree(shapely.polygons([shapely.linearrings(building.ring) for building in buildings]))
    shapely.prepare(roads)
    found = [_along(street, rng) for street in streets if rng.random() < PLANTED[street.rank]]
    for parcel in parcels:
        if parcel.kind in PARKS:
            found.append(_grove(_in_park(_inside(parcel, 350), rng), PARKS[parcel.kind]))
        elif parcel.kind in M2_A_TREE:
            places = _scattered(_inside(parcel, 300), 10_000 * M2_A_TREE[parcel.kind], rng)
            found.append(_grove(places, "zieleniec"))
    return [_kept(grove, roads, houses) for grove in found]


def _grove(places: Places, habitat: str) -> Grove:
    return Grove(places, "", habitat, np.zeros(len(places)))


def _along(street: Street, rng: Generator) -> Grove:
    """Both sides of a street, or the inner side of one on the border; with gaps."""
    rows = (ARTERY_ROW_CM,) if street.one_sided else (ROW_CM[street.rank], -ROW_CM[street.rank])
    places, ways = [], []
    for row in rows:
        steps = rng.uniform(*SPACINGS_CM) * rng.uniform(0.93, 1.07, int(street.length_cm / SPACINGS_CM[0]))
        along = rng.uniform(600, 1400) + np.cumsum(steps)
        along = along[(along < street.length_cm - 700) & (rng.random(len(along)) > GAPS)]
        places.append(np.column_stack(street.axis.at(along, row + rng.normal(0, 12, len(along)))))  # pyright: ignore[reportArgumentType] - the arithmetic of a line holds for arrays
        ways.append(along)
    return Grove(np.vstack(places), street.name, "pas drogowy", np.concatenate(ways))


def _in_park(ground: shapely.Polygon, rng: Generator) -> Places:
    """Trees around a park, along two alleys across it, and in clumps between meadows."""
    alleys = _alleys(ground, rng)
    lines = [
        ground.buffer(-250).exterior,
        *(alley.parallel_offset(side) for alley in alleys for side in (-330, 330)),
    ]
    rows = np.vstack([shapely.get_coordinates(shapely.segmentize(line, 900)) for line in lines])
    spots = _uniform(ground, max(3, round(ground.area / 10_000 / CLUMP_M2)), rng)
    clumps = np.repeat(spots, CLUMP_TREES, axis=0)
    clumps = _thinned(clumps + rng.normal(0, 1000, clumps.shape), 480)
    walks = shapely.union_all(alleys).buffer(900)
    places = np.vstack([rows, clumps[~shapely.contains_xy(walks, clumps)]])
    return places[shapely.contains_xy(ground, places)]


def _alleys(ground: shapely.Polygon, rng: Generator) -> list[shapely.LineString]:
    """Two alleys that cross near the middle of the park."""
    middle = shapely.get_coordinates(ground.centroid)[0] + rng.normal(0, 1500, 2)
    angles = rng.uniform(0, np.pi) + np.array([0, rng.uniform(1.2, 1.9)])
    reach = np.array([[-1e5], [1e5]])
    return [shapely.LineString(middle + reach * np.array([np.cos(a), np.sin(a)])) for a in angles]


def _scattered(ground: shapely.Polygon, cm2_a_tree: float, rng: Generator) -> Places:
    return _thinned(_uniform(ground, round(ground.area / cm2_a_tree), rng), 520)


def _uniform(ground: shapely.Polygon, count: int, rng: Generator) -> Places:
    """About ``count`` places anywhere on ``ground``."""
    west, south, east, north = ground.bounds
    drawn = round(count * (east - west) * (north - south) / ground.area)
    places = np.column_stack([rng.uniform(west, east, drawn), rng.uniform(south, north, drawn)])
    return places[shapely.contains_xy(ground, places)]


def _thinned(places: Places, cell_cm: float) -> Places:
    """At most one place in each cell of a grid."""
    _, kept = np.unique(np.floor(places / cell_cm), axis=0, return_index=True)
    return places[np.sort(kept)]


def _inside(parcel: Parcel, margin_cm: float) -> shapely.Polygon:
    ground = shapely.Polygon([corner for corner, _ in parcel.ring]).buffer(-margin_cm)
    if not isinstance(ground, shapely.Polygon) or ground.is_empty:
        raise ValueError(f"parcel {parcel.number} of {parcel.area_m2} m² is too narrow for trees")
    return ground


def _carriageway(street: Street) -> shapely.Polygon:
    """The ground of cars, reaching into the streets at both ends."""
    half = CARRIAGEWAY_CM[street.rank] / (1 if street.one_sided else 2) + 100
    reach = 0 if street.one_sided else WIDTH_CM[MAIN] / 2
    ends = [street.axis.at(-reach), street.axis.at(street.length_cm + reach)]
    return shapely.LineString(ends).buffer(half, cap_style="flat")


def _kept(grove: Grove, roads: shapely.Geometry, houses: shapely.STRtree) -> Grove:
    """The trees of ``grove`` that are on no carriageway and far enough from walls."""
    free = ~shapely.intersects_xy(roads, grove.places)
    near = houses.query(shapely.points(grove.places), predicate="dwithin", distance=FROM_HOUSE_CM)[0]
    free[near] = False
    return Grove(grove.places[free], grove.street, grove.habitat, grove.ways[free])
