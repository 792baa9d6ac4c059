"""What is published of each layer: how many rows, of which day, where."""

from datetime import date
from typing import NamedTuple

from api.reading import Reader
from mesip.settings import Extent


class Head(NamedTuple):
    """The state of one layer: the last change, rows, the day it speaks of, its extent in degrees."""

    seq: int
    rows: int
    stand: date
    extent: Extent | None


def heads(reader: Reader) -> dict[str, Head]:
    """The heads of all layers that the reader may see and that were ever published, by layer."""
    found = reader.rows("SELECT layer, seq, rows, stand, extent FROM layer_heads")
    return {
        name: Head(seq, count, stand, tuple(extent) if extent else None)
        for name, seq, count, stand, extent in found
    }
