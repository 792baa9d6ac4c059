"""Text becomes the number, day or moment that a person would read in it, or nothing at all."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from geopandas import GeoDataFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from layers import get_layer
from layers.kinds import KINDS
from pipelines.casts import CASTS, to_date, to_flag, to_integer, to_number
from pipelines.conform import conform

patient = settings(deadline=None)
WARSAW = ZoneInfo("Europe/Warsaw")


def cast(kind, *texts):
    """The cast values as the database gets them: through Arrow, in the declared type."""
    series = CASTS[kind](pd.Series(texts, dtype="str"))
    return pa.Array.from_pandas(series, type=KINDS[kind].arrow).to_pylist()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1 548,25", "1548.25"),
        ("1\u00a0548,25", "1548.25"),
        ("1\u202f548,25", "1548.25"),
        ("1.548,25", "1548.25"),
        ("1,548.25", "1548.25"),
        ("1'548.25", "1548.25"),
        ("1 234 567", "1234567"),
        ("1.234.567,8", "1234567.8"),
        ("0,5", "0.5"),
        (",5", "0.5"),
        ("5.", "5"),
        ("+5", "5"),
        ("-0,25", "-0.25"),
        ("\u22123", "-3"),
        ("1e3", "1000"),
        ("1,5E-2", "0.015"),
        (" 7 ", "7"),
        ("1,548", "1.548"),
        ("007", "7"),
    ],
)
def test_a_number_is_read_as_a_person_reads_it(text, number):
    assert cast("number", text) == [float(Decimal(number))]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "NaN",
        "nan",
        "inf",
        "-Infinity",
        "12,5,3",
        "1.2.3",
        "12 5",
        "1 54",
        "1,23.4",
        "12.34,5",
        "1.234.567",
        "1,234,567",
        "35 cm",
        "0x10",
        "1_000",
        "١٢",
        "1e999",
        "--1",
        "1-2",
        "- 3",
        ".",
        ",",
        "e3",
        "½",
    ],
)
def test_what_is_no_number_or_could_be_two_becomes_nothing(text):
    assert cast("number", text) == [None]
    assert cast("integer", text) == [None]


@patient
@given(
    number=st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9),
    group=st.sampled_from(["", " ", "\u00a0", "\u202f", "'"]),
    point=st.sampled_from([".", ","]),
)
def test_every_decimal_comes_back_however_it_is_grouped(number, group, point):
    text = f"{number:,.3f}".replace(",", "\0").replace(".", point).replace("\0", group)
    assert cast("number", text) == [float(number)]


@patient
@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=1000, max_value=10**9))
def test_english_and_german_groups_mean_the_same(number):
    english = f"{number:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert cast("number", english, german) == [float(number)] * 2


@patient
@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30))
def test_what_a_program_writes_comes_back_to_the_last_bit(number):
    assert cast("number", repr(number)) == [number if abs(number) >= 1e-99 or number == 0 else None]


@patient
@given(st.text(max_size=12))
def test_a_number_is_what_decimal_says_or_nothing(text):
    (found,) = cast("number", text)
    if found is not None:
        plain = (
            text.strip()
            .translate(str.maketrans("\u2212\u00a0\u202f\u2009", "-   "))
            .replace(" ", "")
            .replace("'", "")
        )
        assert found == float(Decimal(plain.replace("’", "").replace(",", ".")))


def test_numbers_that_are_numbers_already_stay_and_infinity_goes():
    assert to_number(pd.Series([1.5, np.inf, -np.inf, np.nan])).fillna(-9).tolist() == [1.5, -9, -9, -9]
    assert to_integer(pd.Series([1.0, 2.5, np.nan, 2.0**53])).tolist() == [1, pd.NA, pd.NA, pd.NA]
    assert to_integer(pd.Series([2**60, -5])).tolist() == [2**60, -5]


@patient
@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_every_whole_number_of_eighteen_digits_is_exact(number):
    assert cast("integer", str(number)) == [number]


@pytest.mark.parametrize(
    "text", ["1234567890123456789", "9223372036854775808", "9" * 30, "9007199254740993,0"]
)
def test_a_whole_number_that_cannot_be_kept_exactly_becomes_nothing(text):
    assert cast("integer", text) == [None]


def test_whole_numbers_in_other_writings():
    assert cast("integer", "9007199254740993", "12,0", "1 548", "1e3", "12,5") == [
        9007199254740993,
        12,
        1548,
        1000,
        None,
    ]


@patient
@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_day_of_nine_thousand_years_comes_back(day):
    others = [
        f"{day:%d}.{day:%m}.{day.year}",
        f"{day.isoformat()}T23:30:00+02:00",
        f"{day.isoformat()} 00:00:00",
    ]
    assert cast("date", day.isoformat(), *others) == [day] * 4


def test_days_far_apart_do_not_harm_each_other():
    texts = ("1850-01-01", "2300-01-01", "1000-01-01", "9999-12-31", "2024-02-29", "1.2.2024")
    expected = [
        date(1850, 1, 1),
        date(2300, 1, 1),
        date(1000, 1, 1),
        date(9999, 12, 31),
        date(2024, 2, 29),
        date(2024, 2, 1),
    ]
    assert cast("date", *texts) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30",
        "30.02.2024",
        "2023-02-29",
        "2024-13-01",
        "2024",
        "2024-05",
        "0000-01-01",
        "0202-01-01",
        "24-05-01",
        "01/02/2024",
        "2024-05-01T",
        "2024-05-01 noon",
        "2022-01-26T00-00-00",
        "45292",
        "jutro",
        "",
        "\u0662\u0660\u0662\u0664-05-01",
    ],
)
def test_what_is_no_day_becomes_nothing(text):
    assert cast("date", text) == [None]


def test_days_and_moments_of_a_database_are_days():
    moments = pd.Series(pd.to_datetime(["2024-05-01 10:00", None, "1850-01-01"], format="mixed"))
    assert to_date(moments).tolist() == [date(2024, 5, 1), None, date(1850, 1, 1)]
    assert to_date(pd.Series([date(2024, 5, 1), None], dtype="object")).tolist() == [date(2024, 5, 1), None]


@patient
@given(
    st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30)),
    st.integers(-14 * 60, 14 * 60),
)
def test_a_moment_with_a_zone_is_that_moment(clock, minutes):
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    expected = clock.replace(tzinfo=UTC) - timedelta(minutes=minutes)
    texts = [
        f"{clock.isoformat()}{zone}",
        f"{clock.isoformat(sep=' ', timespec='microseconds')}{zone.replace(':', '')}",
    ]
    assert cast("moment", *texts) == [expected] * 2


@patient
@given(st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2500, 1, 1)))
def test_a_moment_without_a_zone_is_the_clock_of_warsaw(clock):
    # fold=1 is the later of two; of a time that is skipped zoneinfo gives the one before the gap.
    expected = clock.replace(tzinfo=WARSAW, fold=1).astimezone(UTC)
    if expected.astimezone(WARSAW).replace(tzinfo=None) == clock:
        assert cast("moment", clock.isoformat()) == [expected]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2022-01-26", datetime(2022, 1, 25, 23, tzinfo=UTC)),
        ("2022-07-26T12:00", datetime(2022, 7, 26, 10, tzinfo=UTC)),
        ("2022-07-26T12:00:00Z", datetime(2022, 7, 26, 12, tzinfo=UTC)),
        ("2022-07-26Z", datetime(2022, 7, 26, tzinfo=UTC)),
        ("2022-07-26+02:00", datetime(2022, 7, 25, 22, tzinfo=UTC)),
        ("2022-07-26T12:00+02", datetime(2022, 7, 26, 10, tzinfo=UTC)),
        ("2024-03-31T02:30:00", datetime(2024, 3, 31, 1, tzinfo=UTC)),
        ("2024-10-27T02:30:00", datetime(2024, 10, 27, 1, 30, tzinfo=UTC)),
        ("2024-10-27T02:30:00+02:00", datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        ("2300-01-01T00:00:00.123456789", datetime(2299, 12, 31, 23, 0, 0, 123456, tzinfo=UTC)),
    ],
)
def test_moments_at_the_edges(text, moment):
    assert cast("moment", text) == [moment]
    assert cast("moment", "1700-01-01T00:00:00Z", text, "2022-01-26T00-00-00")[1:] == [moment, None]


@pytest.mark.parametrize(
    "text",
    [
        "2022-01-26T00-00-00",
        "2022-01-26T25:00:00",
        "2022-02-30T10:00:00",
        "2022-01-26T10",
        "10:00",
        "2022",
        "",
        "now",
        "26.01.2022",
        "2022-01-26T10:00:00 CET",
    ],
)
def test_what_is_no_moment_becomes_nothing(text):
    assert cast("moment", text) == [None]


def test_yes_and_no_in_words_letters_and_numbers():
    assert cast("flag", "tak", "Nie", "TRUE", "f", "1", "0", "N", "może", "") == [
        True,
        False,
        True,
        False,
        True,
        False,
        False,
        None,
        None,
    ]
    assert to_flag(pd.Series([1.0, 0.0, np.nan])).tolist() == [True, False, pd.NA]
    assert to_flag(pd.Series([True, False])).tolist() == [True, False]


@pytest.mark.parametrize("kind", CASTS)
@pytest.mark.parametrize("values", [pd.Series([], dtype="str"), pd.Series([None, None], dtype="object")])
def test_nothing_stays_nothing(kind, values):
    assert CASTS[kind](values).isna().all()


@patient
@given(kind=st.sampled_from(list(CASTS)), texts=st.lists(st.text(max_size=20), max_size=8))
def test_no_text_breaks_a_cast_or_its_neighbours(kind, texts):
    alone = [cast(kind, text)[0] for text in texts]
    assert cast(kind, *texts) == alone


def test_a_value_that_cannot_be_cast_is_an_issue_that_quotes_it():
    rows = {
        "NUMER": ["1", "2", "3"],
        "OBWOD_PNIA_CM": ["120", "inf", "12,5,3"],
        "DATA_PRZEGLADU": ["2024-02-30", "1850-01-01", ""],
    }
    source = GeoDataFrame(pd.DataFrame(rows, dtype="str"), geometry=[None] * 3, crs=2177)
    frame, issues = conform(source, get_layer("trees"), 2177)
    assert issues["message"].tolist() == [
        "girth_cm 'inf' is not a number.",
        "girth_cm '12,5,3' is not a number.",
        "inspected '2024-02-30' is not a day.",
    ]
    assert frame["inspected"].tolist() == [None, date(1850, 1, 1), None]


@pytest.mark.parametrize("numbers", [[7.0, np.nan], [7.0, 7.5], [7, 8]])
def test_a_number_as_text_is_written_alike_whatever_stands_beside_it(numbers):
    source = GeoDataFrame({"NUMER": numbers}, geometry=[None] * 2, crs=2177)
    assert conform(source, get_layer("trees"), 2177).frame["tree_id"].iloc[0] == "7"
