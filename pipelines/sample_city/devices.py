"""Devices of the networks: manholes, inlets, hydrants, valves, lamps, cabinets, stations, poles, chambers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from pipelines.sample_city.chance import happens
from pipelines.sample_city.ground import Point, whole
from pipelines.sample_city.networks import Main, Mains
from pipelines.sample_city.streets import ARTERY, CARRIAGEWAY_CM, LANE, MAIN, WIDTH_CM, Street

WATER, SEWER, POWER, GAS, HEAT, TELECOM = (
    f"GES_UrzadzeniaSiec{name}"
    for name in (
        "Wodociagowa",
        "Kanalizacyjna",
        "Elektroenergetyczna",
        "Gazowa",
        "Cieplownicza",
        "Telekomunikacyjna",
    )
)
OTHER = "GES_InneUrzadzeniaTowarzyszace"

MANHOLES_CM, INLETS_CM, HYDRANTS_CM, LAMPS_CM = 4_800, 3_500, 11_000, 3_400


@dataclass
class Device:
    """A device as delivered: a point, or the corners of its outline."""

    kind: str  # class of the schema
    code: str  # rodzajUrzadzenia
    shape: str  # ksztaltUrzadzenia
    points: tuple[Point, ...]
    keeper: str
    status: str = "i"
    note: str = ""
    network: str = ""  # rodzajSieci, of accompanying devices only
    source: str = "O"  # zrodlo


def install(mains: Mains, streets: list[Street], rng: Generator) -> list[Device]:
    """All devices of a district. Those on a line stand on one of its points, which is set where needed."""
    found: list[Device] = []
    for main in mains.values():
        found += _INSTALL[main.network.name](main, rng)
    for street in streets:
        found += _along_kerbs(street, rng)
    return found


def _between(main: Main, spacing_cm: float) -> list[Point]:
    """New points on the main, evenly between its ends."""
    low, high = main.reach()
    return [
        main.place(float(way)) for way in np.linspace(low, high, int((high - low) / spacing_cm) + 2)[1:-1]
    ]


def _after_ends(main: Main, distance_cm: float) -> list[Point]:
    """Two points on the main, a little within its ends."""
    low, high = main.reach()
    ways = (low + distance_cm, high - distance_cm) if high - low > 4 * distance_cm else ((low + high) / 2,)
    return [main.place(way) for way in ways]


def _device(main: Main, kind: str, code: str, shape: str, point: Point) -> Device:
    return Device(kind, code, shape, (point,), main.network.keeper, main.status)


def _of_water(main: Main, rng: Generator) -> Iterator[Device]:
    for point in _after_ends(main, 180):
        yield _device(main, WATER, "w", "o", point)
    for point in _between(main, HYDRANTS_CM):
        yield _device(main, WATER, "h", "o", point)


def _of_sewer(main: Main, rng: Generator) -> Iterator[Device]:
    reach = main.reach()
    for point in sorted(main.breaks):
        if main.points[point] in reach:
            continue  # the manhole there is one of the line it meets
        yield _device(main, SEWER, "s", "o", point)
    for point in _between(main, MANHOLES_CM):
        yield _device(main, SEWER, "s", str(rng.choice(("o", "k"), p=(0.9, 0.1))), point)


def _of_gas(main: Main, rng: Generator) -> Iterator[Device]:
    for point in _after_ends(main, 240):
        yield _device(main, GAS, "w", "o", point)
    if happens(rng, 0.15):
        middle = main.place(sum(main.reach()) / 2)
        yield Device(GAS, "u", "n", (middle,), main.network.keeper, main.status, "odwadniacz")


def _of_heat(main: Main, rng: Generator) -> Iterator[Device]:
    for point in _after_ends(main, 300):
        yield _device(main, HEAT, "w", "o", point)
    for point in _between(main, 25_000):
        yield _chamber(main, point, 160, "c")


def _of_power(main: Main, rng: Generator) -> Iterator[Device]:
    if main.course == "n":
        for point in sorted(main.points):
            yield Device(OTHER, "p", "o", (point,), main.network.keeper, main.status, network="e")
        return
    for point in _between(main, 16_000):
        yield _device(main, POWER, "s", "p", point)


def _of_medium(main: Main, rng: Generator) -> Iterator[Device]:
    for point in _between(main, 45_000):
        yield _device(main, POWER, "t", "p", point)


def _of_telecom(main: Main, rng: Generator) -> Iterator[Device]:
    for point in _between(main, 14_000):
        code, shape = (("s", "p"), ("k", "o"))[int(happens(rng, 0.4))]
        yield _device(main, TELECOM, code, shape, point)


def _chamber(main: Main, point: Point, half_cm: float, network: str) -> Device:
    """An underground chamber around ``point``, square to the line."""
    way = main.line.way(point)
    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    outline = tuple(whole(main.line.at(way + half_cm * a, half_cm * b)) for a, b in corners)
    return Device(OTHER, "k", "k", outline, main.network.keeper, main.status, network=network)


def _along_kerbs(street: Street, rng: Generator) -> Iterator[Device]:
    """Street lamps, on wide streets on both sides, and inlets of the rain sewer at the kerb."""
    kerb = CARRIAGEWAY_CM[street.rank] / (1 if street.one_sided else 2)
    lamps = kerb + (90 if street.rank != LANE else 60)
    both = street.rank == MAIN
    margin = WIDTH_CM[ARTERY]
    for number, way in enumerate(np.arange(margin, street.length_cm - margin, LAMPS_CM)):
        for side in (1, -1) if both else (1,) if street.one_sided or number % 2 else (-1,):
            yield Device(POWER, "o", "o", (whole(street.axis.at(way, side * lamps)),), "Zarząd Dróg")
    for way in np.arange(margin + 700, street.length_cm - margin, INLETS_CM):
        for side in (1,) if street.one_sided else (1, -1):
            yield Device(SEWER, "k", "p", (whole(street.axis.at(way, side * (kerb - 25))),), "Zarząd Dróg")
    if street.rank == MAIN and happens(rng, 0.7):
        place = street.axis.at(street.length_cm * 0.4, kerb + 150)
        yield Device(POWER, "l", "p", (whole(place),), "Rejon Energetyczny")


_INSTALL = {
    "water": _of_water,
    "sanitary": _of_sewer,
    "rain": _of_sewer,
    "gas": _of_gas,
    "heat": _of_heat,
    "power": _of_power,
    "medium": _of_medium,
    "telecom": _of_telecom,
}
