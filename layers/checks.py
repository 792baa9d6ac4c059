"""The checks of a layer: a code, a promise in words, and a column of truth."""

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd
import shapely
from geopandas import GeoDataFrame

from layers.declaration import Field, Layer, Severity


class Check(NamedTuple):
    """One promise about the rows of a frame and, per row, whether it is kept."""

    code: str
    field: str
    promise: str
    holds: pd.Series
    severity: Severity = "error"


def checks(frame: GeoDataFrame, layer: Layer) -> Iterator[Check]:
    """Every check that ``layer`` asks of a conformed frame."""
    for field in layer.fields:
        yield from field_checks(frame[field.name], field)
    for rule in layer.rules:
        holds = rule.holds(frame).fillna(True).astype(bool)
        yield Check("rule", rule.field, rule.promise, holds, rule.severity)
    yield from geometry_checks(frame, layer)


def field_checks(values: pd.Series, field: Field) -> Iterator[Check]:
    """The checks one field asks for. An absent value breaks only ``required``."""
    present = values.notna()
    lowest, highest = field.bounds
    if field.required:
        yield Check("required", field.name, "is present", present)
    if field.expected:
        yield Check("expected", field.name, "is present", present, "warning")
    if lowest is not None:
        yield Check("bounds", field.name, f"is at least {lowest:g}", ~present | (values >= lowest))
    if highest is not None:
        yield Check("bounds", field.name, f"is at most {highest:g}", ~present | (values <= highest))
    if field.codes:
        known = [code.value for code in field.codes]
        yield Check("codes", field.name, f"is one of {', '.join(known)}", ~present | values.isin(known))


def geometry_checks(frame: GeoDataFrame, layer: Layer) -> Iterator[Check]:
    """Geometry is there, of the declared type, of finite coordinates, and valid."""
    shapes = frame.geometry.to_numpy()
    present = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    yield Check("geometry.missing", "geometry", "is present", pd.Series(present, frame.index))
    if layer.geometry != "Geometry":
        right = frame.geometry.geom_type.eq(layer.geometry) | ~present
        yield Check("geometry.type", "geometry", f"is a {layer.geometry}", right)
    yield Check(
        "geometry.invalid",
        "geometry",
        "is valid",
        pd.Series(shapely.is_valid(shapes) | ~present, frame.index),
    )
