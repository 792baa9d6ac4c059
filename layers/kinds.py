"""What a value can be, and in what unit: one table for every target."""

from typing import Any, Literal

import pyarrow as pa
import sqlalchemy as sa
from pydantic.dataclasses import dataclass

KindName = Literal["text", "integer", "number", "date", "moment", "flag"]
UnitName = Literal["1", "m", "cm", "mm", "m2", "ha"]


@dataclass(frozen=True, config={"arbitrary_types_allowed": True})
class Kind:
    """How one kind of value is written in the database, in JSON Schema, in Arrow and in words."""

    column: Any
    schema: dict[str, Any]
    arrow: Any
    words: str


@dataclass(frozen=True)
class Unit:
    """A unit of measure: how a field's name ends, how people write it, its UCUM code."""

    ending: str
    symbol: str
    ucum: str


KINDS: dict[KindName, Kind] = {
    "text": Kind(sa.Text(), {"type": "string"}, pa.string(), "text"),
    "integer": Kind(sa.BigInteger(), {"type": "integer"}, pa.int64(), "a whole number"),
    "number": Kind(sa.Double(), {"type": "number"}, pa.float64(), "a number"),
    "date": Kind(sa.Date(), {"type": "string", "format": "date"}, pa.date32(), "a day"),
    "moment": Kind(
        sa.DateTime(timezone=True),
        {"type": "string", "format": "date-time"},
        pa.timestamp("us", "UTC"),
        "a moment",
    ),
    "flag": Kind(sa.Boolean(), {"type": "boolean"}, pa.bool_(), "yes or no"),
}

UNITS: dict[UnitName, Unit] = {
    "1": Unit("", "", "1"),
    "m": Unit("_m", "m", "m"),
    "cm": Unit("_cm", "cm", "cm"),
    "mm": Unit("_mm", "mm", "mm"),
    "m2": Unit("_m2", "m²", "m2"),
    "ha": Unit("_ha", "ha", "har"),
}
