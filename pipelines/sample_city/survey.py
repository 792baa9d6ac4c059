"""Everything there is in one district, as the registers would have it."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.random import Generator

from pipelines.sample_city.buildings import Building, build
from pipelines.sample_city.devices import Device, install
from pipelines.sample_city.districts import District
from pipelines.sample_city.ground import Point
from pipelines.sample_city.groves import groves
from pipelines.sample_city.networks import Pipe, connect, lay_mains, pipes_of
from pipelines.sample_city.parcels import Parcel, draw_district
from pipelines.sample_city.stamps import EGIB, GESUT, Stamp, stamps
from pipelines.sample_city.stops import Stop, stops
from pipelines.sample_city.streets import ARTERY, Street
from pipelines.sample_city.trees import Tree, plant

SOURCES = {"O": 0.62, "D": 0.16, "B": 0.10, "A": 0.05, "M": 0.04, "F": 0.01, "X": 0.02}  # zrodlo
NUMBERS_A_DISTRICT = 120  # house numbers kept for each district along a street that several share


@dataclass
class BoundaryPoint:
    """A point of parcel borders: how it was found (sposobPozyskania), whether exact, how it is marked."""

    point: Point
    identifier: str
    method: str
    accuracy: str
    mark: str
    stamp: Stamp


@dataclass(frozen=True)
class Address:
    """A house number, at the middle of the street wall."""

    building: Building
    street: str
    number: str
    point: Point
    stamp: Stamp


@dataclass
class Survey:
    """A district and all in it; ``corners`` finds the boundary point at a place."""

    district: District
    stamp: Stamp
    parcels: list[Parcel]
    buildings: list[Building]
    addresses: list[Address]
    pipes: list[tuple[Pipe, Stamp]]
    devices: list[tuple[Device, Stamp]]
    trees: list[Tree]
    stops: list[Stop]
    owners: dict[str, Stamp]  # of the register units, by group
    points: list[BoundaryPoint] = field(default_factory=list)
    corners: dict[Point, BoundaryPoint] = field(default_factory=dict)


def survey(district: District, seed: int, stand: date, first_tree: int) -> Survey:
    """Draw, build up, supply and plant ``district``; its boundary points are set by :func:`mark_out`."""
    rng = np.random.default_rng([seed, 2, district.place])
    plan, parcels = draw_district(district, rng)
    buildings = build(parcels, rng)
    mains, pipes = lay_mains(district, plan.streets, rng)
    pipes += connect(mains, buildings, rng)
    devices = install(mains, plan.streets, rng)
    pipes += [pipe for main in mains.values() for pipe in pipes_of(main, plan.streets[main.street].rank)]
    trees = plant(groves(plan.streets, parcels, buildings, rng), first_tree, stand, rng)
    _stamp(parcels, stand, rng)
    _stamp(buildings, stand, rng)
    _find_sources([*pipes, *devices], rng)
    groups = sorted({parcel.owner for parcel in parcels}, key=int)
    return Survey(
        district=district,
        stamp=stamps(EGIB, 1, stand, rng)[0],
        parcels=parcels,
        buildings=buildings,
        addresses=_addresses(district, plan.streets, buildings, stamps(EGIB, len(buildings), stand, rng)),
        pipes=list(zip(pipes, stamps(GESUT, len(pipes), stand, rng), strict=True)),
        devices=list(zip(devices, stamps(GESUT, len(devices), stand, rng), strict=True)),
        trees=trees,
        stops=stops(district, plan.streets),
        owners=dict(zip(groups, stamps(EGIB, len(groups), stand, rng), strict=True)),
    )


def mark_out(found: Survey, shared: dict[Point, BoundaryPoint], seed: int, stand: date) -> None:
    """Set a boundary point on every corner of a parcel, except those ``shared`` with a district before."""
    rng = np.random.default_rng([seed, 3, found.district.place])
    places = list(dict.fromkeys(corner for parcel in found.parcels for corner in parcel.corners))
    new = [place for place in places if place not in shared]
    methods = rng.choice(("1", "2"), len(new), p=(0.8, 0.2))
    marks = rng.choice(("1", "2", "3", "4", "5", "6"), len(new), p=(0.12, 0.38, 0.15, 0.17, 0.03, 0.15))
    exact = rng.random(len(new)) < np.where(methods == "1", 0.93, 0.4)
    for number, (place, stamp) in enumerate(zip(new, stamps(EGIB, len(new), stand, rng), strict=True)):
        identifier = f"{found.district.code}.{number + 1}"
        accuracy = "1" if exact[number] else "2"
        point = BoundaryPoint(place, identifier, str(methods[number]), accuracy, str(marks[number]), stamp)
        found.points.append(point)
        found.corners[place] = point
    found.corners |= {place: shared[place] for place in found.district.corners if place in shared}
    shared |= {place: found.corners[place] for place in found.district.corners}


def _stamp(objects: list[Parcel] | list[Building], stand: date, rng: Generator) -> None:
    for each, stamp in zip(objects, stamps(EGIB, len(objects), stand, rng), strict=True):
        each.stamp = stamp


def _find_sources(objects: list[Pipe | Device], rng: Generator) -> None:
    """What is projected comes from co-ordination meetings, what exists mostly from surveys."""
    drawn = rng.choice(list(SOURCES), len(objects), p=list(SOURCES.values()))
    for each, source in zip(objects, drawn, strict=True):
        each.source = "K" if each.status == "p" else str(source)


def _addresses(
    district: District, streets: list[Street], buildings: list[Building], identities: list[Stamp]
) -> list[Address]:
    """House numbers along each street: odd on the left, even on the right."""
    last: defaultdict[tuple[str, int], int] = defaultdict(int)
    found = []
    for building, stamp in zip(
        sorted(buildings, key=lambda each: _order(each, streets)), identities, strict=True
    ):
        if not building.main:
            continue
        street = streets[building.street]
        (east, north), (far_east, far_north) = building.wall
        point = (east + far_east) // 2, (north + far_north) // 2
        side = int(street.axis.height(point) < 0)
        number = 2 * last[street.name, side] + 1 + side
        if street.rank == ARTERY:
            number += NUMBERS_A_DISTRICT * district.place
        last[street.name, side] += 1
        found.append(Address(building, street.name, str(number), point, stamp))
    return found


def _order(building: Building, streets: list[Street]) -> tuple[int, float]:
    way = streets[building.street].axis.way(building.wall[0]) if building.main else 0.0
    return building.street, way
