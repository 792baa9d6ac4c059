"""Rows that were rejected when all had been staged get the source's words by a second reading."""

from collections import defaultdict
from collections.abc import Callable, Iterable

import pandas as pd
import sqlalchemy as sa
from geopandas import GeoDataFrame

from layers import Layer
from mesip.errors import PlatformError
from pipelines.quarantine import empty_rows, fill_rows
from pipelines.sources import Portion

Waiting = dict[tuple[str, str], list[int]]


def read_again(
    connection: sa.Connection,
    run: int,
    layers: list[Layer],
    read: Iterable[Portion],
    staged_keys: Callable[[Layer, GeoDataFrame], pd.Series],
) -> None:
    """Fill the rejects that await the source's words. Where none does, nothing is read.

    ``staged_keys`` gives the keys of those rows of a batch that were staged as current ones.

    Raises:
        PlatformError: the delivery no longer holds the rows.
    """
    by_name = {layer.name: layer for layer in layers}
    waiting = {layer.name: _waiting(connection, layer, run) for layer in layers}
    if not any(waiting.values()):
        return
    for portion in read:
        if not (wanted := waiting[portion.layer]):
            continue
        source = portion.frame()
        rows = source[source["origin"].isin({origin for origin, _ in wanted})]
        if len(rows):
            _fill(connection, rows, staged_keys(by_name[portion.layer], rows), wanted)
        if not any(waiting.values()):
            return
    raise PlatformError(
        f"Run {run}: rejected rows are not found again in the delivery; nothing is published. "
        "This is a fault of the program: please report it with the delivery."
    )


def _waiting(connection: sa.Connection, layer: Layer, run: int) -> Waiting:
    waiting = defaultdict(list)
    for number, origin, key in empty_rows(connection, layer, run):
        waiting[origin, key].append(number)
    return dict(waiting)


def _fill(connection: sa.Connection, rows: GeoDataFrame, keys: pd.Series, waiting: Waiting) -> None:
    """One row may stand for one reject: a GML in a single line says ``line 1`` of all its objects."""
    found = {}
    for row, key in zip(keys.index, keys, strict=True):
        place = (rows["origin"][row], str(key))
        if place in waiting:
            found[row] = waiting[place].pop(0)
            if not waiting[place]:
                del waiting[place]
    if found:
        fill_rows(connection, rows.loc[list(found)], list(found.values()))
