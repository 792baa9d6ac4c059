"""The first rows of a layer, checked before the others: a delivery that is wrong throughout stops at once."""

from collections.abc import Iterator

from layers import Layer
from mesip.database import Database
from mesip.errors import GuardError
from pipelines.explanations import reasons
from pipelines.sources import Portion

# After so many rows of a layer it is plain whether the delivery is wrong throughout.
ROWS, MOST_REJECTED = 2_000, 0.5


def apart(portion: Portion, seen: int) -> Iterator[Portion]:
    """The portion, after ``seen`` rows of its layer; the layer's first rows apart."""
    first = ROWS - seen
    if 0 < first < len(portion.rows):
        yield portion.part(0, first)
        yield portion.part(first)
    else:
        yield portion


def preflight(database: Database, run: int, layer: Layer, rejected: int) -> None:
    """Do not read on when the first rows show that the delivery is wrong throughout.

    Raises:
        GuardError: most of them are rejected.
    """
    if rejected <= ROWS * MOST_REJECTED:
        return
    with database.transaction() as connection:
        said = reasons(connection, run, layer)
    raise GuardError(
        "rejects",
        f"{layer.name}: {rejected:,} of the first {ROWS:,} rows are rejected, so the rest is not read. "
        f"{said}",
    )
