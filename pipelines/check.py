"""Hop 4: each row passes or is rejected, with every reason at once."""

import pandas as pd
import shapely
from geopandas import GeoDataFrame

from layers import Layer
from layers.checks import Check, checks
from pipelines.issues import Issue, issues_where, no_issues


def check(frame: GeoDataFrame, layer: Layer) -> pd.DataFrame:
    """The issues of a conformed frame: every promise of the declaration that a row breaks."""
    found = [_broken(frame, each) for each in checks(frame, layer)]
    return pd.concat([part for part in found if len(part)] or [no_issues()], ignore_index=True)


def _broken(frame: GeoDataFrame, each: Check) -> pd.DataFrame:
    predicate = (
        f"does not keep the promise: {each.promise}" if each.code == "rule" else _negated(each.promise)
    )
    issue = Issue(each.code, each.field, predicate, each.severity)
    broken = ~each.holds
    if each.field != "geometry":
        return issues_where(broken, issue, frame[each.field])
    return issues_where(broken, issue, _described(frame, broken))


def _negated(promise: str) -> str:
    """`is at least 1` becomes `is not at least 1`."""
    return promise.replace("is ", "is not ", 1)


def _described(frame: GeoDataFrame, broken: pd.Series) -> pd.Series:
    """What a wrong geometry is: its type, or where and why it is invalid (easting northing, metres)."""
    reasons = pd.Series(None, index=frame.index, dtype="object")
    for row in frame.index[broken.to_numpy(dtype=bool)]:
        shape = frame.geometry[row]
        if shape is not None:
            reasons[row] = shape.geom_type if shape.is_valid else shapely.is_valid_reason(shape)
    return reasons
