"""Rejected rows that come back corrected: which they are, which may not, and what they close."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import shapely
import sqlalchemy as sa
from geopandas import GeoDataFrame

from layers import Layer
from mesip.errors import SourceError, UsageError
from pipelines.arrow_frames import is_placed, to_frame
from pipelines.casts import to_integer
from pipelines.confined import Limits, confined
from pipelines.conform import READER_COLUMNS
from pipelines.gdal_tables import read_gdal_table
from pipelines.job import Job
from pipelines.place import check_place
from pipelines.publication import Publication
from pipelines.quarantine import CAME_BACK, first_reject
from pipelines.reject_numbers import TOLD, read_numbers
from pipelines.rejects import ADDED_COLUMNS, FID, NUMBER, source_names
from pipelines.tables import with_points

BATCH_ROWS = 20_000
UNKNOWN = (
    "There is no reject {} of this layer. Only rows that `mesip rejects` wrote come back; new ones come "
    "with the next delivery."
)
NO_NUMBER = f"The row has no number in {NUMBER}. " + UNKNOWN.partition(". ")[2]
TWICE = "The reject {} stands in more than one row of the file. Leave the right one."


def original_stand(connection: sa.Connection, feed: str, paths: tuple[Path, ...], limits: Limits) -> date:
    """The day that the delivery spoke of whose rejected rows are in ``paths``, each read within ``limits``.

    Raises:
        SourceError: a file is no GeoPackage of rejects, or its rows are of deliveries of several days.
        UsageError: the rows were delivered as another feed.
    """
    told = pd.concat([_told(path, limits) for path in paths])
    numbers = [int(number) for number in told["number"].dropna()]
    asked = sa.text(
        "SELECT DISTINCT run.feed, run.stand FROM registry.reject AS reject JOIN registry.run AS run "
        "USING (run) WHERE reject.reject = ANY(:numbers)"
    )
    found = list(connection.execute(asked, {"numbers": numbers}))
    names = ", ".join(path.name for path in paths)
    if not found:
        raise SourceError(f"{names} holds no rejected row. Write them with `mesip rejects RUN -o FILE.gpkg`.")
    if others := {row.feed for row in found} - {feed}:
        raise UsageError(
            f"{names} holds rejected rows of {', '.join(sorted(others))}, not of {feed}. "
            f"Load it with `mesip load {min(others)} {names} --resubmit`."
        )
    if len(found) > 1:
        days = " and ".join(sorted(str(row.stand) for row in found))
        raise SourceError(f"{names} holds rejected rows of {days}. Resubmit the rows of each day apart.")
    return found[0].stand


def read_resubmitted(
    job: Job, connection: sa.Connection, path: Path, layers: list[Layer]
) -> Iterator[tuple[str, GeoDataFrame]]:
    """Hop 2: the corrected rows, layer by layer, as the feed's reader would have given them.

    ``origin`` is the number of the row's first reject. ``refused`` says why a row may not come back; a fault
    of the first reading is said again where nothing was corrected.

    Raises:
        SourceError: the file cannot be read, or a table lacks the numbers of the rejects.
    """
    anywhere, told = "extent" in job.order.accepted, _told(path, job.limits)
    for layer in (each for each in layers if each.name in set(told["table"])):
        numbers = told["number"][told["table"] == layer.name].dropna().astype(int)
        known = _known(connection, layer, numbers.to_list())
        roots = numbers.map(known["root"])
        twice = set(roots[roots.duplicated() & roots.notna()])
        for rows in confined(read_gdal_table, job.limits, path, layer.name, BATCH_ROWS):
            batch = to_frame(rows) if is_placed(rows) else rows.to_pandas()
            source = _came_back(batch, layer, known, twice)
            yield layer.name, source if anywhere else check_place(source, path.name)


def refuse_outdated(connection: sa.Connection, this: Publication) -> None:
    """Reject staged rows that differ from what was published since: of a closed reject, of a later day, or
    under a key or unique value that the row did not have before and another row has.
    """
    key = this.layer.key
    taken = "".join(
        f" OR EXISTS (SELECT FROM {this.current} AS other"
        f" WHERE other.{name} = came.{name} AND other.{key} <> came.{key})"
        for name in this.layer.unique
    )
    connection.execute(
        sa.text(f"""
            WITH outdated AS (
                SELECT came.origin, CASE
                    WHEN reject.closed_by IS NOT NULL
                    THEN format('The row was corrected and published by run %s, and differs from that. '
                                'Correct it at the source.', reject.closed_by)
                    WHEN old.stand > :stand
                    THEN format('A delivery of %s has published a newer row of %s %s.',
                                old.stand, '{key}', came.{key})
                    ELSE format('%s %s, or a value that must be unique, is that of another published row. '
                                'Give the row its own.', '{key}', came.{key}) END AS message
                FROM {this.staged} AS came
                JOIN registry.reject AS reject ON reject.reject = {first_reject("came.origin")}
                LEFT JOIN {this.current} AS old ON old.{key} = came.{key}
                WHERE came.ended IS NULL AND old.hash IS DISTINCT FROM came.hash
                  AND (reject.closed_by IS NOT NULL OR old.stand > :stand
                       OR (old.{key} IS NOT NULL AND reject.key IS DISTINCT FROM came.{key}::text){taken})
            ), gone AS (
                DELETE FROM {this.staged} AS came USING outdated WHERE came.origin = outdated.origin
                RETURNING came.origin, came.{key} AS key, message
            ), numbered AS MATERIALIZED (
                SELECT *, nextval('registry.reject_reject_seq') AS reject FROM gone
            ), kept AS (
                INSERT INTO registry.reject (reject, run, layer, origin, key, row, original)
                SELECT reject, :run, :layer, origin, key, '{{}}', {first_reject("origin")} FROM numbered
            )
            INSERT INTO registry.issue (run, layer, origin, key, code, severity, field, message, reject)
            SELECT :run, :layer, origin, key, 'resubmitted', 'error', 'row', message, reject FROM numbered
        """),
        this.moments,
    )


def close_rejects(connection: sa.Connection, this: Publication) -> None:
    """Close the rejects of the staged rows, and their issues: what was wrong with them is mended."""
    connection.execute(
        sa.text(f"""
            WITH closed AS (
                UPDATE registry.reject SET closed_by = :run
                WHERE layer = :layer AND closed_by IS NULL AND COALESCE(original, reject) IN (
                    SELECT {first_reject("origin")} FROM {this.staged})
                RETURNING reject
            )
            UPDATE registry.issue AS issue SET closed_by = :run FROM closed WHERE issue.reject = closed.reject
        """),
        this.moments,
    )


def _told(path: Path, limits: Limits) -> pd.DataFrame:
    """Which rejects the file says it holds: ``table`` and ``number``."""
    read = confined(read_numbers, limits, path, NUMBER)
    return pa.concat_tables([TOLD.empty_table(), *read]).to_pandas()


def _known(connection: sa.Connection, layer: Layer, numbers: list[int]) -> pd.DataFrame:
    """What was kept of the rejects, by number: first reject, row, geometry, and the reader's faults."""
    asked = sa.text("""
        SELECT reject, COALESCE(original, reject) AS root, row, ST_AsBinary(geom) AS geom,
               (SELECT max(message) FROM registry.issue AS issue
                WHERE issue.reject = each.reject AND code = 'row.torn') AS torn,
               (SELECT max(message) FROM registry.issue AS issue
                WHERE issue.reject = each.reject AND code = 'geometry.unreadable') AS fault
        FROM registry.reject AS each WHERE layer = :layer AND reject = ANY(:numbers)
    """)
    found = connection.execute(asked, {"layer": layer.name, "numbers": numbers}).mappings()
    columns = ["reject", "root", "row", "geom", "torn", "fault"]
    return pd.DataFrame([dict(row) for row in found], columns=columns).set_index("reject")


def _came_back(batch: pd.DataFrame, layer: Layer, known: pd.DataFrame, twice: set[int]) -> GeoDataFrame:
    if NUMBER not in batch:
        raise SourceError(f"The table {layer.name} lacks the column {NUMBER}, which tells the rows.")
    numbers = to_integer(batch[NUMBER])
    roots = numbers.map(known["root"])
    refused = pd.Series(
        [_refusal(number, root, twice) for number, root in zip(numbers, roots, strict=True)],
        batch.index,
        dtype="object",
    )
    names = [None if pd.isna(root) else f"{CAME_BACK}{int(root)}" for root in roots]
    origin = batch["origin"].where(refused.notna(), pd.Series(names, batch.index))
    batch = batch.drop(columns=[name for name in (FID, *ADDED_COLUMNS) if name in batch])
    own = _placed(batch.rename(columns=source_names(batch.columns)), layer)
    return _said_again(own.assign(origin=origin, refused=refused), known, numbers)


def _refusal(number: int | None, root: float | None, twice: set[int]) -> str | None:
    if pd.isna(number):
        return NO_NUMBER
    if pd.isna(root):
        return UNKNOWN.format(number)
    return TWICE.format(number) if root in twice else None


def _placed(own: pd.DataFrame, layer: Layer) -> GeoDataFrame:
    """Geometry as drawn; where none is drawn, the point of the columns of coordinates."""
    nowhere = (
        GeoDataFrame(own, geometry=gpd.GeoSeries(None, own.index))
        if not isinstance(own, GeoDataFrame)
        else own
    )
    prepared = layer.prepare(pd.DataFrame(own)) if layer.prepare else own
    told = any({points.east, points.north} <= set(prepared.columns) for points in layer.source.points)
    missing = nowhere.geometry.isna()
    if not told or not missing.any():
        return nowhere
    points = with_points(pd.DataFrame(nowhere[missing].drop(columns="geometry")), layer, layer.name)
    pointed = points if nowhere.crs is None else points.to_crs(nowhere.crs)
    shapes = nowhere.geometry.to_numpy().copy()
    shapes[missing.to_numpy()] = pointed.geometry.to_numpy()
    fault = pd.Series(None, nowhere.index, dtype="object")
    fault[missing] = pointed["fault"].astype("object")
    geometry = gpd.GeoSeries(shapes, nowhere.index, pointed.crs)
    return GeoDataFrame(nowhere.assign(fault=fault), geometry=geometry)


def _said_again(source: GeoDataFrame, known: pd.DataFrame, numbers: pd.Series) -> GeoDataFrame:
    """Faults that only the reader of the first delivery could see, of rows that nobody touched."""
    torn, fault = pd.Series(None, source.index, dtype="object"), _faults(source)
    faulty = known[known["torn"].notna() | known["fault"].notna()]
    for row in numbers.index[numbers.isin(faulty.index)]:
        before = faulty.loc[numbers[row]]
        if _untouched(source.loc[row], before):
            torn[row], fault[row] = before["torn"], before["fault"]
    return source.assign(torn=torn, fault=fault)


def _faults(source: GeoDataFrame) -> pd.Series:
    if "fault" in source:
        return source["fault"].astype("object")
    return pd.Series(None, source.index, dtype="object")


def _untouched(row: pd.Series, before: pd.Series) -> bool:
    own = row.drop(labels=[name for name in READER_COLUMNS if name in row]).fillna("").astype("str")
    if any((value or "") != own.get(name, "") for name, value in before["row"].items()):
        return False
    shape = None if before["geom"] is None else shapely.from_wkb(bytes(before["geom"]))
    drawn = row["geometry"]
    return drawn is shape if drawn is None or shape is None else shapely.equals_exact(drawn, shape, 1e-9)
