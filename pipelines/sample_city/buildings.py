"""Buildings: every lot gets the houses usual for its purpose, inside its borders and apart."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator

from pipelines.sample_city.chance import happens
from pipelines.sample_city.ground import NO_STREET, Point, area_m2
from pipelines.sample_city.parcels import Parcel
from pipelines.sample_city.shapes import Frame, Place, frame, room, span_at
from pipelines.sample_city.stamps import UNSTAMPED, Stamp
from pipelines.sample_city.streets import front

KEPT_OFF = 0.12  # metres between a wall and the border, so that rounding never carries it over
NARROWEST = {
    "tenement": 7.0,
    "wing": 12.0,
    "row": 4.5,
    "villa": 7.0,
    "slab": 18.0,
    "school": 40.0,
    "gym": 32.0,
}  # m
HIGH_ESTATE, HIGH_ROW = 5.0, 11.0  # blocks beyond these setbacks and depths are built higher, metres


@dataclass(frozen=True)
class House:
    """A building in the frame of its lot: kind (KST), storeys above and below ground, corners; metres."""

    kind: str
    storeys: int
    cellars: int
    corners: list[Place]


@dataclass
class Building:
    """A building on the ground, with the wall towards its street."""

    parcel: Parcel
    kind: str
    storeys: int
    cellars: int
    ring: list[Point]
    wall: tuple[Point, Point]
    street: int
    main: bool  # people live or work here, so it is connected to the networks
    number: int  # on its parcel
    footprint_m2: int
    stamp: Stamp = UNSTAMPED


@dataclass(frozen=True)
class Manner:
    """How the houses of one block stand: metres behind the street, metres deep."""

    setback: float
    depth: float


def build(parcels: list[Parcel], rng: Generator) -> list[Building]:
    """The buildings of all ``parcels``."""
    manners: dict[int, Manner] = {}
    found: list[Building] = []
    for parcel in parcels:
        if parcel.kind not in RECIPES:
            continue
        if parcel.block not in manners:
            manners[parcel.block] = Manner(rng.uniform(3.5, 6.5), rng.uniform(9.5, 12.0))
        found += _on(parcel, manners[parcel.block], rng)
    return _contained(found)


def _contained(buildings: list[Building]) -> list[Building]:
    """Without those that a kink of the street has carried over the border of their parcel."""
    grounds = np.array([shapely.Polygon(building.parcel.corners) for building in buildings])
    houses = shapely.polygons([shapely.linearrings(building.ring) for building in buildings])
    inside = shapely.contains_properly(grounds, houses)
    return [building for building, kept in zip(buildings, inside, strict=True) if kept]


def _on(parcel: Parcel, manner: Manner, rng: Generator) -> Iterator[Building]:
    line, _, street = front(parcel.ring)
    lot = frame(parcel.ring, line)
    for number, house in enumerate(RECIPES[parcel.kind](lot, manner, rng), 1):
        ring = [lot.to_ground(corner) for corner in house.corners]
        yield Building(
            parcel=parcel,
            kind=house.kind,
            storeys=house.storeys,
            cellars=house.cellars,
            ring=ring,
            wall=(ring[0], ring[1]),
            street=street,
            main=house.kind not in "tsi" and street != NO_STREET,
            number=number,
            footprint_m2=round(area_m2([(corner, NO_STREET) for corner in ring])),
        )


def box(start: float, end: float, near: float, far: float) -> list[Place]:
    """A rectangle, counterclockwise from its street wall."""
    return [(start, near), (end, near), (end, far), (start, far)]


def _tenement(lot: Frame, manner: Manner, rng: Generator) -> Iterator[House]:
    far = manner.depth + 1.5
    span = room(lot, KEPT_OFF, far, KEPT_OFF)
    if span is None or span[1] - span[0] < NARROWEST["tenement"]:
        return
    start, end = span
    storeys = int(rng.integers(3, 6))
    kind = str(rng.choice(("m", "b", "h"), p=(0.86, 0.06, 0.08)))
    yield House(kind, storeys, 1, _with_wing(lot, (start, min(end, start + 26)), (KEPT_OFF, far), rng))


def _with_wing(lot: Frame, span: Place, depths: Place, rng: Generator) -> list[Place]:
    """A house on the street, often with a wing along one side of the yard."""
    (start, end), (near, far) = span, depths
    wing, rear = rng.uniform(5.5, 7.0), far + rng.uniform(6, 14)
    yard = room(lot, far, rear, KEPT_OFF)
    if happens(rng, 0.45) or end - start < NARROWEST["wing"] or yard is None:
        return box(start, end, near, far)
    if happens(rng, 0.5) and yard[0] <= start + 0.01:
        return [
            (start, near),
            (end, near),
            (end, far),
            (start + wing, far),
            (start + wing, rear),
            (start, rear),
        ]
    if yard[1] >= end - 0.01:
        return [(start, near), (end, near), (end, rear), (end - wing, rear), (end - wing, far), (start, far)]
    return box(start, end, near, far)


def _row(lot: Frame, manner: Manner, rng: Generator) -> Iterator[House]:
    near, far = manner.setback, manner.setback + manner.depth
    span = room(lot, near, far, KEPT_OFF)
    if span and span[1] - span[0] > NARROWEST["row"]:
        yield House(
            "m", 2 + int(manner.depth > HIGH_ROW), 0, box(span[0], min(span[1], span[0] + 12), near, far)
        )


def _villa(lot: Frame, manner: Manner, rng: Generator) -> Iterator[House]:
    near = manner.setback + rng.uniform(0, 1.2)
    far = near + rng.uniform(9, 12)
    span = room(lot, near, far, 1.6)
    if span is None or span[1] - span[0] < NARROWEST["villa"]:
        return
    width = min(span[1] - span[0], rng.uniform(9, 14))
    start = span[0] + (span[1] - span[0] - width) * rng.uniform(0.2, 0.8)
    kind = str(rng.choice(("m", "h", "b", "z"), p=(0.95, 0.03, 0.01, 0.01)))
    corners = _notched(box(start, start + width, near, far), rng)
    yield House(kind, int(rng.integers(1, 4)), int(happens(rng, 0.4)), corners)
    yield from _shed(lot, far + rng.uniform(2, 5), rng)


def _notched(corners: list[Place], rng: Generator) -> list[Place]:
    """Often a rear corner of the house is left out: an L."""
    if happens(rng, 0.5):
        return corners
    (start, near), (end, _), (_, far), _ = corners
    side = start + (end - start) * rng.uniform(0.45, 0.65)
    inner = near + (far - near) * rng.uniform(0.45, 0.65)
    if happens(rng, 0.5):
        return [(start, near), (end, near), (end, inner), (side, inner), (side, far), (start, far)]
    return [(start, near), (end, near), (end, far), (side, far), (side, inner), (start, inner)]


def _shed(lot: Frame, near: float, rng: Generator) -> Iterator[House]:
    """A garage or a shed by the side border, behind the house."""
    width, far = rng.uniform(3.2, 4.2), near + rng.uniform(5.5, 6.5)
    span = room(lot, near, far, 0.8)
    if span and happens(rng, 0.3) and far < lot.depths.max() - 1 and span[1] - span[0] > width:
        start = span[0] if happens(rng, 0.5) else span[1] - width
        yield House(
            str(rng.choice(("t", "i", "s"), p=(0.7, 0.2, 0.1))), 1, 0, box(start, start + width, near, far)
        )


def _slabs(lot: Frame, manner: Manner, rng: Generator) -> Iterator[House]:
    """Long blocks of flats in rows."""
    storeys = 11 if manner.setback > HIGH_ESTATE else 5
    near = 9.0 + manner.setback
    while near + 13 < lot.depths.max() - 5:
        yield from _line_of(lot, (near, near + 12.0), (48.0, 82.0), ("m", storeys), rng)
        near += 12 + rng.uniform(27, 34)


def _line_of(
    lot: Frame, depths: Place, lengths: Place, kind: tuple[str, int], rng: Generator
) -> Iterator[House]:
    """Houses one beside the other as long as there is room."""
    span = room(lot, *depths, 7.0)
    start, end = span or (0.0, 0.0)
    while end - start > NARROWEST["slab"]:
        length = min(rng.uniform(*lengths), end - start)
        yield House(*kind, 1, box(start, start + length, *depths))
        start += length + rng.uniform(11, 19)


def _halls(lot: Frame, manner: Manner, rng: Generator) -> Iterator[House]:
    """An office towards the street and halls behind it."""
    yield from _first_of(_line_of(lot, (8.0, 19.0), (24.0, 34.0), ("b", 3), rng))
    near = 30.0
    while near + 30 < lot.depths.max() - 6:
        depth = rng.uniform(20, 30)
        kind = str(rng.choice(("p", "s", "g"), p=(0.5, 0.3, 0.2)))
        yield from _line_of(lot, (near, near + depth), (28.0, 62.0), (kind, 1), rng)
        near += depth + rng.uniform(13, 18)


def _first_of(houses: Iterator[House]) -> Iterator[House]:
    for house in houses:
        yield house
        return


def _school(lot: Frame, manner: Manner, rng: Generator) -> Iterator[House]:
    """A school with two wings and a gymnasium; the rest is its yard."""
    span = room(lot, 10, 44, 8)
    if span is None or span[1] - span[0] < NARROWEST["school"]:
        yield from _line_of(lot, (9.0, 22.0), (20.0, 40.0), ("k", 2), rng)
        return
    start, end = span[0], min(span[1], span[0] + 62)
    corners = [
        (start, 10),
        (end, 10),
        (end, 40),
        (end - 13, 40),
        (end - 13, 23),
        (start + 13, 23),
        (start + 13, 36),
    ]
    yield House("k", 3, 1, [*corners, (start, 36)])
    if span[1] - end > NARROWEST["gym"]:
        yield House("k", 1, 0, box(end + 9, end + 31, 12, 42))


def _trade(kind: str, storeys: int) -> Callable[[Frame, Manner, Generator], Iterator[House]]:
    def recipe(lot: Frame, manner: Manner, rng: Generator) -> Iterator[House]:
        span = span_at(lot, 12)
        depth = min(30.0, lot.depths.max() * 0.45)
        if span:
            yield from _line_of(lot, (12.0, 12.0 + depth), (38.0, 64.0), (kind, storeys), rng)

    return recipe


RECIPES: dict[str, Callable[[Frame, Manner, Generator], Iterator[House]]] = {
    "tenement": _tenement,
    "row": _row,
    "villa": _villa,
    "estate": _slabs,
    "works": _halls,
    "school": _school,
    "shops": _trade("h", 1),
    "offices": _trade("b", 6),
    "clinic": _trade("z", 3),
}
