"""Text of many hands into numbers, days and moments; what cannot be understood becomes null."""

from collections.abc import Callable

import pandas as pd

from layers.kinds import KindName

# Moments without a zone are the clock of the office that wrote them.
OFFICE = "Europe/Warsaw"
TRUE = {"true", "1", "t", "tak", "yes"}
FALSE = {"false", "0", "f", "nie", "no"}


def to_number(values: pd.Series) -> pd.Series:
    """Numbers from numbers or text: decimal comma or point, blanks or the other sign between thousands."""
    if not pd.api.types.is_string_dtype(values.dtype):
        return pd.to_numeric(values, errors="coerce").astype("float64")
    plain = values.str.replace(r"[\s\u00a0\u202f']", "", regex=True)
    point_last = plain.str.contains(r"^[^.]*,.*\.\d*$", regex=True, na=False)
    plain = plain.where(~point_last, plain.str.replace(",", "", regex=False))
    both = plain.str.contains(r"\..*,", regex=True, na=False)
    plain = plain.where(~both, plain.str.replace(".", "", regex=False))
    numbers = pd.to_numeric(plain.str.replace(",", ".", regex=False), errors="coerce").astype("float64")
    return numbers.where(numbers.abs() < float("inf"))


def to_integer(values: pd.Series) -> pd.Series:
    """Whole numbers; a fraction is not one."""
    numbers = to_number(values)
    return numbers.where(numbers.mod(1).eq(0) & numbers.abs().lt(2**53)).astype("Int64")


def to_date(values: pd.Series) -> pd.Series:
    """Days, written year first (ISO 8601) or day first with dots."""
    moments = pd.to_datetime(values, format="ISO8601", errors="coerce", utc=True)
    dotted = pd.to_datetime(values, format="%d.%m.%Y", errors="coerce", utc=True)
    return moments.fillna(dotted).dt.date.where(moments.notna() | dotted.notna(), None)


def to_moment(values: pd.Series) -> pd.Series:
    """Moments in UTC; without a zone they are Polish office time, the later one where the clock goes back."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values.dt.tz_convert("UTC")
    zoned = values.astype("str").str.contains(r"T.*(?:Z|[+-]\d\d:?\d\d)$", regex=True, na=False)
    local = pd.to_datetime(values.where(~zoned), format="ISO8601", errors="coerce")
    office = local.dt.tz_localize(OFFICE, ambiguous=False, nonexistent="shift_forward").dt.tz_convert("UTC")
    if not zoned.any():
        return office
    return office.fillna(pd.to_datetime(values.where(zoned), format="ISO8601", errors="coerce", utc=True))


def to_flag(values: pd.Series) -> pd.Series:
    """Yes or no."""
    words = values.astype("str").str.lower()
    known = dict.fromkeys(TRUE, True) | dict.fromkeys(FALSE, False)
    return words.map(known).astype("boolean")


CASTS: dict[KindName, Callable[[pd.Series], pd.Series]] = {
    "number": to_number,
    "integer": to_integer,
    "date": to_date,
    "moment": to_moment,
    "flag": to_flag,
}
