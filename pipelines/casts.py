"""Text of many hands into numbers, days and moments; what cannot be understood becomes null."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa

from layers.kinds import KindName

# Moments without a zone are the clock of the office that wrote them.
OFFICE = "Europe/Warsaw"
TRUE = {"true", "1", "t", "tak", "yes", "y"}
FALSE = {"false", "0", "f", "nie", "no", "n"}
LARGEST_EXACT_FLOAT = 2**53

# Thousands stand in groups of three: `12 5` and `12,5.3` are no numbers. A lone comma is a decimal comma:
# `1,548` is less than two. What has 40 digits or an exponent of three was not measured by anybody.
BLANKS = "[\u00a0\u2009\u202f]"
EXPONENT = r"(?:[eE][+-]?[0-9]{1,2})?"
BLANK_GROUPS = rf"[+-]?(?:[0-9]{{1,40}}|[0-9]{{1,3}}(?:[ '’][0-9]{{3}})+)(?:[.,][0-9]{{0,40}})?{EXPONENT}"
NO_WHOLE = rf"[+-]?[.,][0-9]{{1,40}}{EXPONENT}"
POINT_GROUPS = r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]*"
COMMA_GROUPS = r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]*"
# A 64-bit number holds every one of 18 digits.
WHOLE = r"[+-]?[0-9]{1,18}"
DAY = r"[1-9][0-9]{3}-[0-9][0-9]-[0-9][0-9]"
DOTTED = r"[0-9]{1,2}\.[0-9]{1,2}\.[1-9][0-9]{3}"
HOURS = r"(?:[01][0-9]|2[0-4]):[0-5][0-9]"
CLOCK = rf"(?:[T ]{HOURS}(?::[0-5][0-9](?:\.[0-9]+)?)?)?"
ZONE = r"(?:Z|[+-][0-9][0-9](?::?[0-9][0-9])?)"


def to_number(values: pd.Series) -> pd.Series:
    """Numbers from numbers or text: decimal comma or point, blanks or the other sign between thousands."""
    if not pd.api.types.is_string_dtype(values.dtype):
        numbers = pd.to_numeric(values, errors="coerce").astype("float64")
        return numbers.where(numbers.abs() < np.inf)
    return _parsed(_plain(values), pa.float64()).astype("float64")


def to_integer(values: pd.Series) -> pd.Series:
    """Whole numbers: of 18 digits in text; as floats below 2**53, beyond which floats are not exact."""
    if pd.api.types.is_integer_dtype(values.dtype):
        return values.astype("Int64")
    numbers = to_number(values)
    exact = numbers.where(numbers.mod(1).eq(0) & numbers.abs().lt(LARGEST_EXACT_FLOAT)).astype("Int64")
    if not pd.api.types.is_string_dtype(values.dtype):
        return exact
    texts = _plain(values)
    return _parsed(texts.where(texts.str.fullmatch(WHOLE)), pa.int64()).astype("Int64").fillna(exact)


def to_date(values: pd.Series) -> pd.Series:
    """Days as written: year first (ISO 8601; a time of day is passed over), or day first with dots."""
    texts = _spelled(values)
    days = texts.where(texts.str.fullmatch(DAY + CLOCK + ZONE + "?")).str.slice(0, 10)
    found = pd.to_datetime(days, format="%Y-%m-%d", errors="coerce")
    dotted = texts.where(texts.str.fullmatch(DOTTED))
    found = found.dt.as_unit("s").fillna(
        pd.to_datetime(dotted, format="%d.%m.%Y", errors="coerce").dt.as_unit("s")
    )
    return found.dt.date.where(found.notna(), None)


def to_moment(values: pd.Series) -> pd.Series:
    """Moments in UTC; without a zone they are Polish office time, the later one where the clock goes back.

    A time that the clock skips in spring is the first moment after the gap.
    """
    texts = _spelled(values)
    written = texts.where(texts.str.fullmatch(DAY + CLOCK + ZONE + "?"))
    # One value with nanoseconds would narrow the years of all to 1677-2262.
    written = written.str.replace(r"(\.[0-9]{6})[0-9]+", r"\1", regex=True)
    written = written.str.replace(rf"^({DAY})({ZONE})$", r"\1T00:00\2", regex=True)
    is_zoned = written.str.fullmatch(DAY + r"[T ].*" + ZONE).fillna(False).astype(bool)
    local = pd.to_datetime(written.where(~is_zoned), format="ISO8601", errors="coerce")
    office = local.dt.tz_localize(OFFICE, ambiguous=False, nonexistent="shift_forward").dt.tz_convert("UTC")
    zoned = pd.to_datetime(written.where(is_zoned), format="ISO8601", errors="coerce", utc=True)
    # Each of the two is as fine as its own values need, and the finer one would be cut.
    return office.dt.as_unit("us").fillna(zoned.dt.as_unit("us"))


def to_flag(values: pd.Series) -> pd.Series:
    """Yes or no, in words, letters or 1 and 0."""
    words = _spelled(values).str.lower().str.replace(r"^([01])\.0$", r"\1", regex=True)
    known = dict.fromkeys(TRUE, True) | dict.fromkeys(FALSE, False)
    return words.map(known).astype("boolean")


def _spelled(values: pd.Series) -> pd.Series:
    """The values as text, as they would be written, without outer blanks; null where there is none."""
    return values.astype("str").where(values.notna()).astype("str").str.strip()


def _plain(values: pd.Series) -> pd.Series:
    """Numbers as programs write them, with a decimal point and nothing else; null where it is none."""
    texts = _spelled(values).str.replace(BLANKS, " ", regex=True).str.replace("\u2212", "-", regex=False)
    is_pointed, is_comma = texts.str.fullmatch(POINT_GROUPS), texts.str.fullmatch(COMMA_GROUPS)
    plain = texts.where(
        texts.str.fullmatch(BLANK_GROUPS) | texts.str.fullmatch(NO_WHOLE) | is_pointed | is_comma
    )
    plain = plain.where(~is_pointed.fillna(False).astype(bool), plain.str.replace(".", "", regex=False))
    plain = plain.where(~is_comma.fillna(False).astype(bool), plain.str.replace(",", "", regex=False))
    return plain.str.replace("[ '’+]", "", regex=True).str.replace(",", ".", regex=False)


def _parsed(texts: pd.Series, kind: pa.DataType) -> pd.Series:
    # Arrow rounds a decimal to the nearest float; pandas is one off for some.
    numbers = pa.array(texts, pa.string(), from_pandas=True).cast(kind)
    return pd.Series(pd.arrays.ArrowExtensionArray(numbers), index=texts.index)


CASTS: dict[KindName, Callable[[pd.Series], pd.Series]] = {
    "number": to_number,
    "integer": to_integer,
    "date": to_date,
    "moment": to_moment,
    "flag": to_flag,
}
