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
    return Transformer.from_crs(LONLAT, srid, always_xy=True).transform_bounds(*around)


@cache
def decimals(uri: str) -> int:
    """How many decimals keep a centimetre."""
    return DEGREE_DECIMALS if CRS.from_epsg(epsg(uri)).is_geographic else METRE_DECIMALS


@cache
def geometry_sql(uri: str, srid: int) -> str:
    """The SQL expression of a row's geometry in ``uri``, axes in the order of the authority."""
    wanted = epsg(uri)
    stored = {LONLAT: "lonlat", srid: "geom"}.get(wanted, f"ST_Transform(geom, {wanted})")
    return f"ST_FlipCoordinates({stored})" if northing_first(uri) else stored
