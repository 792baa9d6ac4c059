"""The tree inventory, the stops and the housing districts as the files cities publish."""

from collections.abc import Iterable, Iterator
from typing import Any

from pyproj import Transformer

from pipelines.sample_city.districts import District
from pipelines.sample_city.ground import Point
from pipelines.sample_city.stops import Stop
from pipelines.sample_city.trees import Tree

TREES = (
    "NUMER;GATUNEK;NAZWA_POLSKA;OBWOD_PNIA_CM;WYSOKOSC_M;SREDNICA_KORONY_M;ZYWOTNOSC;ROK_POSADZENIA;DATA_PRZEGLADU;"
    "ULICA;NR_DRZEWA;SIEDLISKO;WSP_E;WSP_N\r\n"
)
STOPS = "stopId,stopName,latitude,longitude,zoneId,isForTram\n"


def tree_rows(trees: Iterable[Tree]) -> Iterator[str]:
    """The rows of the inventory, with decimal commas."""
    for tree in trees:
        values = (
            tree.number,
            tree.species.latin,
            tree.species.polish,
            tree.girth_cm,
            _comma(f"{tree.height_m:.1f}"),
            _comma(f"{tree.crown_m:.1f}"),
            tree.vitality,
            tree.planted,
            tree.inspected.isoformat(),
            tree.street,
            tree.street_number or "",
            tree.habitat,
            _comma(f"{tree.east_cm / 100:.2f}"),
            _comma(f"{tree.north_cm / 100:.2f}"),
        )
        yield ";".join(map(str, values)) + "\r\n"


def stop_rows(stops: list[Stop], first: int) -> Iterator[str]:
    """The rows of ``stops``, numbered from ``first``."""
    for number, (stop, (lon, lat)) in enumerate(
        zip(stops, lonlats([stop.point for stop in stops]), strict=True)
    ):
        tram = str(stop.tram).lower()
        yield f"{first + number},{stop.name},{lat:.8f},{lon:.8f},{stop.zone},{tram}\n"


def housing(districts: list[District]) -> dict[str, Any]:
    """The housing districts as GeoJSON in longitude and latitude."""
    features = [
        {
            "type": "Feature",
            "id": district.place + 1,
            "properties": {"name": district.housing},
            "geometry": {"type": "Polygon", "coordinates": [_ring(district)]},
        }
        for district in districts
    ]
    return {"type": "FeatureCollection", "name": "districts", "features": features}


def lonlats(points: list[Point]) -> list[tuple[float, float]]:
    """Longitude and latitude, degrees, of points in EPSG:2177."""
    to_degrees = Transformer.from_crs(2177, 4326, always_xy=True)
    lons, lats = to_degrees.transform(
        [east / 100 for east, _ in points], [north / 100 for _, north in points]
    )
    return [(round(lon, 8), round(lat, 8)) for lon, lat in zip(lons, lats, strict=True)]


def _ring(district: District) -> list[tuple[float, float]]:
    return lonlats([*district.corners, district.corners[0]])


def _comma(number: str) -> str:
    return number.replace(".", ",")
