"""Parcels: quarters and blocks get a purpose and are cut into lots; streets are parcels too."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from pipelines.sample_city.chance import happens
from pipelines.sample_city.districts import District
from pipelines.sample_city.ground import NO_STREET, Line, Point, Ring, area_m2, centre, cut, expand, turned
from pipelines.sample_city.land_use import Use, owner, uses
from pipelines.sample_city.names import street_names
from pipelines.sample_city.shapes import Frame, frame, width_at
from pipelines.sample_city.stamps import UNSTAMPED, Stamp
from pipelines.sample_city.streets import ARTERY, Plan, blocks, front, lay_streets, measure

LOT_M2 = {"tenement": 540, "row": 345, "villa": 720, "estate": 21_000, "works": 12_500}
SPREAD = {"tenement": 0.22, "row": 0.10, "villa": 0.30, "estate": 0.25, "works": 0.35}
BLOCKS = {  # purposes of blocks and their shares
    "centre": {"tenement": 0.78, "row": 0.04, "shops": 0.08, "offices": 0.06, "school": 0.04},
    "homes": {
        "villa": 0.69,
        "row": 0.16,
        "tenement": 0.03,
        "school": 0.04,
        "shops": 0.03,
        "clinic": 0.02,
        "green": 0.03,
    },
}
VACANT = {"tenement": 0.20, "row": 0.33, "villa": 0.31}
ROW_DEPTH_CM = 5_500  # ground deeper than this has two rows of lots, back to back
REAR_M2, REAR_DEPTH_CM = 700, 2_900  # villa lots larger and deeper than this may have lost their rear
REAR_SHARE = 0.62

NO_BLOCK = -1


@dataclass
class Parcel:
    """A parcel: its ground, what it is for, and how the register describes it."""

    ring: Ring
    kind: str
    block: int  # parcels of one block look alike; NO_BLOCK for streets
    sheet: int = 0
    number: str = ""
    uses: tuple[Use, ...] = ()
    owner: str = "7"  # grupa rejestrowa
    stamp: Stamp = UNSTAMPED

    @property
    def corners(self) -> list[Point]:
        """The corners of its outline, counterclockwise."""
        return [corner for corner, _ in self.ring]

    @property
    def area_m2(self) -> int:
        """Area as the register keeps it: whole square metres."""
        return round(area_m2(self.ring))


def draw_district(district: District, rng: Generator) -> tuple[Plan, list[Parcel]]:
    """The plan of ``district`` and all its parcels, which tile it."""
    plan = lay_streets(district, rng)
    quarters = sorted(plan.quarters, key=lambda ring: _far(ring, district))
    parcels: list[Parcel] = []
    for sheet, (ring, kind) in enumerate(zip(quarters, _purposes(quarters, rng), strict=True), 1):
        lots = _quarter(plan, ring, kind, len(parcels), rng)
        parcels += [_placed(lot, sheet) for lot in lots]
    _name_streets(plan)
    parcels += [_street_parcel(street.ring, quarters) for street in plan.streets]
    for parcel in parcels:
        parcel.ring = expand(parcel.ring, plan.cuts)
    return plan, _registered(parcels, rng)


def _purposes(quarters: list[Ring], rng: Generator) -> list[str]:
    """A purpose for each quarter, given from the centre of the district outwards."""
    count = len(quarters)
    purposes = ["centre"] * (count // 5) + ["homes"] * (count - count // 5)
    largest = sorted(range(count // 5, count * 4 // 5), key=lambda number: -area_m2(quarters[number]))
    purposes[largest[0]] = "park"
    for number, kind in zip(rng.permutation(largest[1:])[:3], ("estate", "estate", "park"), strict=True):
        purposes[number] = kind
    purposes[count - 1 - int(rng.integers(3))] = "works"
    return purposes


def _quarter(plan: Plan, ring: Ring, kind: str, block: int, rng: Generator) -> list[Parcel]:
    if kind in ("park", "estate", "works"):
        lots = [ring] if kind == "park" else _sliced(plan, ring, kind, rng)
        return [Parcel(lot, kind, block) for lot in lots]
    found: list[Parcel] = []
    for number, ground in enumerate(blocks(plan, ring, rng)):
        purpose = _block_purpose(kind, block == 0 and number == 0, rng)
        lots = _block(plan, ground, purpose, rng)
        kinds = ["vacant" if happens(rng, VACANT.get(purpose, 0.0)) else purpose for _ in lots]
        found += [Parcel(lot, kind, block + number) for lot, kind in zip(lots, kinds, strict=True)]
    return [part for lot in found for part in _without_rear(plan, lot, rng)]


def _block_purpose(kind: str, very_centre: bool, rng: Generator) -> str:
    if very_centre:
        return "square"
    purposes = BLOCKS[kind]
    return str(rng.choice(list(purposes), p=list(purposes.values())))


def _block(plan: Plan, ground: Ring, purpose: str, rng: Generator) -> list[Ring]:
    """Cut a block back to back, then each half into lots; some purposes take the block whole."""
    if purpose not in LOT_M2:
        return [ground]
    line, length, depth = measure(ground)
    if min(length, depth) < ROW_DEPTH_CM:
        return _sliced(plan, ground, purpose, rng)
    spine = line if length >= depth else turned(line, 90)
    halves = cut(ground, Line(centre(ground), spine.direction), NO_STREET, plan.cuts)
    return [lot for half in halves for lot in _sliced(plan, half, purpose, rng)]


def _sliced(plan: Plan, ground: Ring, purpose: str, rng: Generator) -> list[Ring]:
    """Cut ``ground`` square to its front into lots of about the area usual for ``purpose``."""
    line = front(ground)[0]
    across = turned(line, -90)
    spread = SPREAD[purpose]
    shares = rng.uniform(1 - spread, 1 + spread, max(1, round(area_m2(ground) / LOT_M2[purpose])))
    lots, rest = [], ground
    for way in _ways_of_shares(frame(ground, across), shares):
        try:
            rest, lot = cut(rest, Line(line.at(way * 100), across.direction), NO_STREET, plan.cuts)
        except ValueError:  # the corner of a wedge: the lot grows over it
            continue
        lots.append(lot)
    return [*lots, rest]


def _ways_of_shares(shape: Frame, shares: np.ndarray) -> list[float]:
    """How far along the front, in metres, the cuts lie that share the area of ``shape`` as told."""
    depths = np.linspace(shape.depths.min(), shape.depths.max(), 65)
    widths = np.array([width_at(shape, depth) for depth in depths])
    filled = np.concatenate([[0], np.cumsum((widths[1:] + widths[:-1]) / 2)])
    return list(np.interp(np.cumsum(shares)[:-1] / shares.sum(), filled / filled[-1], depths))


def _without_rear(plan: Plan, lot: Parcel, rng: Generator) -> list[Parcel]:
    """Some deep lots have sold their rear, which is then a parcel of its own without a street."""
    line, _, depth = measure(lot.ring)
    if (
        lot.kind != "villa"
        or area_m2(lot.ring) < REAR_M2
        or depth < REAR_DEPTH_CM
        or not happens(rng, REAR_SHARE)
    ):
        return [lot]
    try:
        rear, yard = cut(lot.ring, line.beside(depth * rng.uniform(0.52, 0.60)), NO_STREET, plan.cuts)
    except ValueError:
        return [lot]
    return [Parcel(yard, lot.kind, lot.block), Parcel(rear, "garden", lot.block)]


def _placed(lot: Parcel, sheet: int) -> Parcel:
    lot.sheet = sheet
    return lot


def _street_parcel(ring: Ring, quarters: list[Ring]) -> Parcel:
    east, north = centre(ring)
    distances = [np.hypot(east - x, north - y) for x, y in map(centre, quarters)]
    return Parcel(ring, "street", NO_BLOCK, sheet=int(np.argmin(distances)) + 1)


def _name_streets(plan: Plan) -> None:
    own = [street for street in plan.streets if street.rank != ARTERY]
    for street, name in zip(own, street_names(plan.district.place, len(own)), strict=True):
        street.name = name


def _far(ring: Ring, district: District) -> float:
    here, middle = centre(ring), centre([(corner, NO_STREET) for corner in district.corners])
    return float(np.hypot(here[0] - middle[0], here[1] - middle[1]))


def _registered(parcels: list[Parcel], rng: Generator) -> list[Parcel]:
    """Give every parcel its number on its sheet, its land use and its owners' group."""
    last: dict[int, int] = {}
    for before, parcel in pairwise([parcels[0], *parcels]):
        if parcel.kind == "garden":  # a lot and its rear: 27 becomes 27/1 and 27/2
            root = last[parcel.sheet]
            before.number, parcel.number = f"{root}/1", f"{root}/2"
        else:
            last[parcel.sheet] = last.get(parcel.sheet, 0) + 1
            parcel.number = str(last[parcel.sheet])
        parcel.uses = uses(parcel.kind, parcel.area_m2, rng)
        parcel.owner = owner(parcel.kind, rng)
    return parcels
