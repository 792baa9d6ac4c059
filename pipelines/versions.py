"""Versions of an object in a delivery: which are over, since when each holds, whether they form a chain."""

from datetime import datetime
from typing import NamedTuple

import pandas as pd
import sqlalchemy as sa
from geopandas import GeoDataFrame

from layers import Feed, Layer, all_feeds
from pipelines.casts import to_moment
from pipelines.issues import Issue, issues_where, no_issues
from pipelines.stage import staging_table


class Lives(NamedTuple):
    """Per row of a batch: whether it is over, when it ended; and issues of ends that cannot be understood."""

    over: pd.Series
    ended: pd.Series
    issues: pd.DataFrame


def lives(source: GeoDataFrame, layer: Layer) -> Lives:
    """What the source says of the end of each version. A table says nothing: all its rows are current."""
    if layer.source.feed is None:
        never = pd.Series(pd.NaT, source.index, dtype="datetime64[us, UTC]")
        return Lives(pd.Series(False, source.index), never, no_issues())
    said = _said_ends(source, all_feeds()[layer.source.feed])
    ended = to_moment(said)
    wrong = said.notna() & ended.isna()
    return Lives(
        said.notna(), ended, issues_where(wrong, Issue("kind", "version_end", "is not a moment"), said)
    )


def valid_since(frame: GeoDataFrame, layer: Layer, begins: datetime) -> pd.Series:
    """Since when each row is so in the world: by its own date, else since the day its delivery speaks of."""
    stand = pd.Series(pd.Timestamp(begins), index=frame.index)
    return stand if layer.valid_from is None else frame[layer.valid_from].fillna(pd.Timestamp(begins))


def check_chains(connection: sa.Connection, layer: Layer, run: int) -> None:
    """Write down as warnings where the versions of an object do not follow one another.

    Source: startWersja(n) = koniecWersja(n-1) and koniecWersja > startWersja, Dz.U. 2021 poz. 1390.
    """
    connection.execute(
        sa.text(f"""
            WITH chain AS (
                SELECT {layer.key} AS key, origin, valid_since, ended,
                       lead(valid_since) OVER (
                           PARTITION BY {layer.key} ORDER BY valid_since, ended) AS following
                FROM {staging_table(layer, run)}
            ), breach AS (
                SELECT *, CASE WHEN ended <= valid_since THEN 'versions.backwards'
                               WHEN ended < following THEN 'versions.gap'
                               WHEN ended > following THEN 'versions.overlap' END AS code
                FROM chain WHERE ended IS NOT NULL
            )
            INSERT INTO registry.issue (run, layer, origin, key, code, severity, field, value, message)
            SELECT :run, :layer, origin, key, code, 'warning', 'version_end', ended::text,
                   CASE code
                       WHEN 'versions.backwards'
                       THEN format('The version ends at %s, before it begins at %s.', ended, valid_since)
                       ELSE format('The version ends at %s, but the next one begins at %s.', ended, following)
                   END
            FROM breach WHERE code IS NOT NULL
        """),
        {"run": run, "layer": layer.name},
    )


def _said_ends(source: GeoDataFrame, feed: Feed) -> pd.Series:
    """The first end that the source states: of the version, else of the object."""
    nothing = pd.Series(None, index=source.index, dtype="str")
    ends = [source[name] for name in (*feed.version_end, feed.object_end) if name in source]
    for end in ends:
        nothing = nothing.where(nothing.notna(), end)
    return nothing.astype("str").where(nothing.notna())
