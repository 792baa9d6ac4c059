"""One layer of one run on its way to publication: where its rows are, and the moments that count."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from layers import Layer
from layers.table import SCHEMA
from mesip.settings import Extent
from pipelines.recognition import Reading
from pipelines.stage import staging_table


@dataclass(frozen=True)
class Publication:
    """What is published, as of which day, recorded under which moment, for a city of which extent (degrees).

    ``begins`` is when the day begins in the office; rows without dates of their own are valid since then.
    ``partial``: the rows are no whole delivery, so an absent one is not removed. ``known``: the published
    rows of which some were recognised in the delivery; those are not staged. ``whole``: the staging table was
    made to become that of the layer. ``accepted``: the guards that were lifted.
    """

    layer: Layer
    run: int
    stand: date
    begins: datetime
    now: datetime
    extent: Extent
    srid: int
    partial: bool = False
    known: Reading | None = None
    whole: bool = False
    accepted: frozenset[str] = frozenset()

    @property
    def staged(self) -> str:
        """The staging table: current versions, and archival ones, which have ``ended``."""
        return staging_table(self.layer, self.run)

    @property
    def current(self) -> str:
        """The table of current rows."""
        return f"{SCHEMA}.{self.layer.name}"

    @property
    def history(self) -> str:
        """The table of superseded versions."""
        return f"{SCHEMA}.{self.layer.name}_history"

    @property
    def diff(self) -> str:
        """The temporary table of what differs, per key."""
        return f"diff_{self.layer.name}"

    @property
    def recognised(self) -> int:
        """How many current rows were recognised in the delivery."""
        return int(self.known.confirmed.sum()) if self.known else 0

    @property
    def open(self) -> str:
        """The temporary table of the keys of the current rows that were not recognised."""
        return f"open_{self.layer.name}"

    @property
    def recognised_rows(self) -> str:
        """The current rows that were recognised, as something to select from."""
        chosen = f"NOT EXISTS (SELECT FROM {self.open} AS open WHERE open.key = current.{self.layer.key})"
        return f"(SELECT * FROM {self.current} AS current WHERE {chosen if self.known else 'false'}) AS same"

    @property
    def told(self) -> str:
        """The temporary table of the spans of time the delivery speaks of, per key."""
        return f"told_{self.layer.name}"

    @property
    def columns(self) -> list[str]:
        """The columns of content."""
        return [*(field.name for field in self.layer.fields), "geom", "hash"]

    @property
    def moments(self) -> dict[str, Any]:
        """The parameters of statements."""
        return {
            "layer": self.layer.name,
            "run": self.run,
            "stand": self.stand,
            "begins": self.begins,
            "now": self.now,
        }

    def execute(self, connection: sa.Connection, statement: str) -> None:
        """Run a statement; its parameters are the moments."""
        connection.execute(sa.text(statement), self.moments)
