"""Stops of public transport along the main streets, in pairs on both sides."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.sample_city.districts import District
from pipelines.sample_city.ground import Point, whole
from pipelines.sample_city.streets import ARTERY, CARRIAGEWAY_CM, MAIN, Street

SPACING_CM = 42_000
ZONE_A = 3  # cells from the centre at which fare zone B begins


@dataclass(frozen=True)
class Stop:
    """A place where trams or buses halt, on one side of a street."""

    name: str
    zone: str
    tram: bool
    point: Point


def stops(district: District, streets: list[Street]) -> list[Stop]:
    """The stops of a district; the first of its main streets has the tram."""
    zone = "A" if district.distance < ZONE_A else "B"
    main = [number for number, street in enumerate(streets) if street.rank == MAIN]
    found: list[Stop] = []
    for number, street in enumerate(streets):
        if street.rank in (ARTERY, MAIN):
            names = _names(number, streets)
            tram = number == main[0] if main else False
            found += [Stop(next(names), zone, tram, point) for point in _places(street)]
    return found


def _places(street: Street) -> Iterator[Point]:
    """At the kerb, on the two sides a little apart."""
    count = max(1, round(street.length_cm / SPACING_CM))
    kerb = CARRIAGEWAY_CM[street.rank] / (1 if street.one_sided else 2) + 130
    for number in range(count):
        way = street.length_cm * (number + 0.5) / count
        yield whole(street.axis.at(way, kerb))
        if not street.one_sided:
            yield whole(street.axis.at(way + 2500, -kerb))


def _names(number: int, streets: list[Street]) -> Iterator[str]:
    """A pair is called after a street that begins or ends here; without one, after the street itself."""
    street = streets[number]
    beside = [other.name for other in streets if number in other.ends and other.rank != ARTERY]
    for name in [*beside, *[street.name] * 20]:
        yield name
        if not street.one_sided:
            yield name
