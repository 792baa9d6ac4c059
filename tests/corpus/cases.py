"""What a labelled file is, and where its rows are: the words that all parts of the corpus share."""

from typing import NamedTuple

from pyproj import Transformer

ROWS = 6
# In EPSG:2177, and the same place in degrees: longitude, latitude.
NORTH, EAST = 5_808_000, 6_428_000
POZNAN = (16.93, 52.4)
# A meridian and a parallel in the middle of each zone: only one of them is in the city.
ZONES = {2176: (15.0, 52.4), 2177: POZNAN, 2178: (21.0, 52.2), 2179: (23.0, 51.5)}
DEGREES = (4326, 4258)

GOOD = "loaded 6"


class Case(NamedTuple):
    """One file: its feed, its name, what it is, its bytes, and what a sensible operator expects of it.

    ``expected`` is ``loaded 6``, or ``rejected 1 of 6: geometry.type`` with the codes of the issues, or
    ``refused 3: broke off`` with the exit code and words of the sentence that says why. `make corpus` loads
    all files; ``often``: so does `make test`.
    """

    feed: str
    name: str
    what: str
    content: bytes
    expected: str
    often: bool = True


def one(code: str) -> str:
    """What is expected of a file of which one row has an issue of this code."""
    return f"rejected 1 of {ROWS}: {code}"


def refused(words: str) -> str:
    """What is expected of a file that cannot be read; ``words`` are in the sentence that says so."""
    return f"refused 3: {words}"


def place(srid: int, lonlat: tuple[float, float] = POZNAN) -> tuple[float, float]:
    """``lonlat`` in ``srid``: easting, northing."""
    return Transformer.from_crs("OGC:CRS84", f"EPSG:{srid}", always_xy=True).transform(*lonlat)


def plain(name: str) -> str:
    """A name of a file in words."""
    return name.replace("-", " ")
