"""The coordinate systems of the API: their names, their axis order, and how SQL writes them."""

from functools import cache

from pyproj import CRS, Transformer

from layers.collection import CRS84
from mesip.settings import Extent

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
# Beside the stored system: national (PL-1992), geographic, web maps.
SRIDS = (2180, 4326, 3857)
LONLAT = 4326
# A centimetre needs eight decimals of a degree, or two of a metre; the third keeps it when rounded.
DEGREE_DECIMALS, METRE_DECIMALS = 8, 3
AROUND = 5  # degrees


def offered(srid: int) -> list[str]:
    """URIs of the systems in which features can be asked, the default first."""
    return [CRS84, *(f"{EPSG}{each}" for each in dict.fromkeys((srid, *SRIDS)))]


@cache
def northing_first(uri: str) -> bool:
    """Whether the authority writes the northing (or latitude) before the easting (or longitude)."""
    return uri != CRS84 and CRS.from_epsg(epsg(uri)).axis_info[0].direction == "north"


def epsg(uri: str) -> int:
    """The EPSG code of an offered system; 4326 for CRS84, which differs in axis order only."""
    return LONLAT if uri == CRS84 else int(uri.removeprefix(EPSG))


@cache
def surroundings(srid: int, stored: int) -> Extent:
    """West, south, east, north in ``srid`` of where the stored system is at home, and some countries around.

    Far beyond it, transforming is slow at best and has no result at worst.
    """
    home = CRS.from_epsg(stored).area_of_use
    if home is None:
        raise ValueError(f"EPSG:{stored} states no area of use")
    west, south, east, north = home.bounds
    around = (west - AROUND, south - AROUND, east + AROUND, north + AROUND)
    return _transformer(LONLAT, srid).transform_bounds(*around)


def candidates(box: Extent, srid: int, stored: int) -> Extent | None:
    """A box in the stored system around a box in ``srid``, easting first, to find candidates by index.

    None where there is an index of just that system, or where the box reaches too far.
    """
    if srid in (LONLAT, stored) or not _within(box, surroundings(srid, stored)):
        return None
    # An edge of a kilometre bends by centimetres between the systems, hence the metre around.
    steps = int(max(box[2] - box[0], box[3] - box[1]) // 1000) + 1
    west, south, east, north = _transformer(srid, stored).transform_bounds(*box, densify_pts=steps)
    return west - 1, south - 1, east + 1, north + 1


@cache
def _transformer(srid: int, stored: int) -> Transformer:
    return Transformer.from_crs(srid, stored, always_xy=True)


def _within(inner: Extent, outer: Extent) -> bool:
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


@cache
def decimals(uri: str) -> int:
    """How many decimals keep a centimetre."""
    return DEGREE_DECIMALS if CRS.from_epsg(epsg(uri)).is_geographic else METRE_DECIMALS


@cache
def geometry_sql(uri: str, srid: int) -> str:
    """The SQL expression of a row's geometry in ``uri``, axes in the order of the authority."""
    stored = plain_sql(epsg(uri), srid)
    return f"ST_FlipCoordinates({stored})" if northing_first(uri) else stored


def plain_sql(wanted: int, srid: int) -> str:
    """The SQL expression of a row's geometry in the system ``wanted``, easting or longitude first."""
    return {LONLAT: "lonlat", srid: "geom"}.get(wanted, f"ST_Transform(geom, {wanted})")
