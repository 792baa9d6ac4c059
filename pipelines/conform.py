"""Hop 3: the frame takes the declared names, kinds, codes and the city's coordinate system."""

# pyarrow makes its compute functions when it is imported, where no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from geopandas import GeoDataFrame

from layers import Field, Layer
from layers.kinds import KINDS
from mesip.errors import SourceError
from pipelines.casts import CASTS, LARGEST_EXACT_FLOAT
from pipelines.issues import TORN, Issue, issues_where, no_issues

# Columns of the reader that are not the source's own.
READER_COLUMNS = ("origin", "torn", "refused", "fault", "geometry")
# The reader's column, and the code and field of the issue that it becomes.
UNREADABLE = ("fault", "geometry.unreadable", "geometry")
REFUSED = ("refused", "resubmitted", "row")
LISTED_NAMES = 30
# An index of the database takes about 2,700 bytes; no identifier has as many.
LONGEST_INDEXED = 500
TOO_LONG = f"has more than {LONGEST_INDEXED} characters"


class Conformed(NamedTuple):
    """A frame in the words of the layer, and what could not be said in them."""

    frame: GeoDataFrame
    issues: pd.DataFrame


def conform(source: GeoDataFrame, layer: Layer, srid: int) -> Conformed:
    """The declared fields of ``source``, cast as declared, geometry in ``srid`` (easting, northing, metres).

    A value of the wrong kind becomes null and an issue; the index of ``source`` is kept.
    """
    prepared = layer.prepare(source) if layer.prepare else source
    spoken = (("torn", TORN, "row"), REFUSED, UNREADABLE)
    values, found = {}, [_spoken(prepared, *each) for each in spoken]
    for field in layer.fields:
        texts = _chosen(prepared, field)
        values[field.name], wrong = _cast(texts, field)
        found.append(issues_where(wrong, Issue("kind", field.name, _predicate(field)), texts))
        if field.name in (layer.key, *layer.search, *layer.unique):
            long = _is_long(values[field.name])
            found.append(issues_where(long, Issue("long", field.name, TOO_LONG), values[field.name]))
            values[field.name] = values[field.name].mask(long)
    frame = GeoDataFrame(values, index=source.index, geometry=_placed(source, layer, srid), crs=srid)
    return Conformed(frame, pd.concat([part for part in found if len(part)] or [no_issues()]))


def require_columns(columns: set[str], layer: Layer, path: str) -> None:
    """Refuse a table that lacks a required column.

    Raises:
        SourceError: names the columns that are absent and those that are there.
    """
    known = columns | set(_added(layer, columns))
    absent = [field for field in layer.fields if field.required and not set(field.sources) & known]
    if absent:
        wanted = "; ".join(f"{' or '.join(field.sources)} ({field.en})" for field in absent)
        raise SourceError(
            f"{path}: the table lacks the column {wanted}. It has: {listed(columns)}. Rename the column in "
            "the file, add a header line if there is none, or add its name to `source` of the layer "
            f"{layer.name}."
        )


def source_name(name: str) -> str:
    """The name of a source's column, kept apart from the reader's own columns."""
    return f"{name} (source)" if name in READER_COLUMNS else name


def listed(names: Iterable[str]) -> str:
    """The source's own names for a message: in order, not too many, no control signs."""
    own = sorted(name for name in names if name not in READER_COLUMNS)
    shown = ", ".join(
        "".join(sign if sign.isprintable() else "�" for sign in name[:60]) for name in own[:LISTED_NAMES]
    )
    return shown + (f" and {len(own) - LISTED_NAMES} more" if len(own) > LISTED_NAMES else "")


def _added(layer: Layer, columns: set[str]) -> list[str]:
    """The columns that the layer's own preparation adds."""
    if layer.prepare is None:
        return []
    empty = pd.DataFrame({name: pd.Series(dtype="str") for name in columns})
    return list(layer.prepare(empty).columns)


def _chosen(frame: pd.DataFrame, field: Field) -> pd.Series:
    """The source's values: of the first named column that holds one."""
    present = [frame[name] for name in field.sources if name in frame]
    if not present:
        return pd.Series(None, index=frame.index, dtype="str")
    chosen = present[0]
    for other in present[1:]:
        chosen = chosen.where(chosen.notna(), other)
    return chosen


def _cast(values: pd.Series, field: Field) -> tuple[pd.Series, pd.Series]:
    """The values in the declared kind, and where that was impossible.

    Each distinct value is understood once: registers say the same names, days and sizes over and over.
    """
    codes, distinct = pd.factorize(values)
    if len(distinct) * 4 > len(values):
        return _understood(values, field)
    cast, wrong = _understood(pd.Series(distinct), field)
    # A missing value has the code -1, which stands for none of the distinct ones.
    taken = pd.Series(cast.array.take(codes, allow_fill=True), index=values.index)
    return taken, pd.Series(np.append(wrong.to_numpy(), False)[codes], index=values.index)


def _understood(values: pd.Series, field: Field) -> tuple[pd.Series, pd.Series]:
    if field.kind == "text":
        tidy = _tidy(values)
        wrong = tidy.str.contains("\x00", regex=False, na=False).astype(bool)
        return _coded(tidy.mask(wrong) if wrong.any() else tidy, field), wrong
    texts = _tidy(values) if pd.api.types.is_string_dtype(values.dtype) else values
    cast = CASTS[field.kind](texts)
    return cast, texts.notna() & cast.isna()


def _tidy(values: pd.Series) -> pd.Series:
    """Text without outer blanks, in Unicode's composed form (NFC); nothing for empty text."""
    tidy = pc.utf8_trim_whitespace(pa.array(as_text(values), pa.string()))
    if not pc.all(pc.string_is_ascii(tidy), min_count=0).as_py():
        tidy = pc.utf8_normalize(tidy, form="NFC")
    said = pc.if_else(pc.equal(tidy, ""), None, tidy)
    return pd.Series(pd.array(said, dtype="str"), index=values.index)


def as_text(values: pd.Series) -> pd.Series:
    """The values as text. Whole floats lose their `.0`: a column of numbers with gaps is read as floats."""
    if values.dtype == "str":
        return values
    texts = values.astype("str").where(values.notna())
    if not pd.api.types.is_float_dtype(values.dtype):
        return texts
    is_whole = values.mod(1).eq(0) & values.abs().lt(LARGEST_EXACT_FLOAT)
    return texts.mask(is_whole, values.where(is_whole).astype("Int64").astype("str"))


def _predicate(field: Field) -> str:
    return "holds a zero byte" if field.kind == "text" else f"is not {KINDS[field.kind].words}"


def _is_long(values: pd.Series) -> pd.Series:
    return values.astype("str").str.len().gt(LONGEST_INDEXED) & values.notna()


def _coded(values: pd.Series, field: Field) -> pd.Series:
    """Other writings of a code become the code."""
    meant = {word: code.value for code in field.codes for word in code.also}
    return values.replace(meant) if meant else values


def _placed(source: GeoDataFrame, layer: Layer, srid: int) -> np.ndarray:
    shapes = source.geometry
    if source.crs is not None and source.crs.to_epsg() != srid:
        shapes = shapes.to_crs(srid)
    placed = shapes.to_numpy()
    return _parts(shapely.force_2d(placed) if shapely.has_z(placed).any() else placed, layer.geometry)


def _parts(shapes: np.ndarray, declared: str) -> np.ndarray:
    """A lone part where a collection is declared is one, and a collection of one is its part."""
    kinds, placed = shapely.get_type_id(shapes), shapes.copy()
    if declared == "MultiPolygon":
        lone = kinds == shapely.GeometryType.POLYGON
        placed[lone] = shapely.multipolygons(shapes[lone], indices=np.arange(lone.sum()))
    elif declared in ("Point", "LineString", "Polygon"):
        single = (kinds >= shapely.GeometryType.MULTIPOINT) & (shapely.get_num_geometries(shapes) == 1)
        placed[single] = shapely.get_geometry(shapes[single], 0)
    return placed


def _spoken(frame: pd.DataFrame, column: str, code: str, field: str) -> pd.DataFrame:
    """What the reader said of rows that are not whole, or whose geometry it could not use."""
    if column not in frame:
        return no_issues()
    spoken = frame[column].dropna()
    return pd.DataFrame(
        {
            "row": spoken.index,
            "code": code,
            "severity": "error",
            "field": field,
            "value": None,
            "message": spoken.to_numpy(),
        }
    )
