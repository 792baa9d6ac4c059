"""Values as requests write them: sizes, numbers, moments, and what a field is compared with."""

import math
import re
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from layers.kinds import KindName
from mesip.errors import UsageError

LARGEST_INTEGER = 2**63 - 1
MAX_TEXT, MAX_DIGITS = 1000, 40
# Days are those of the office, whose deliveries speak of days.
CITY_TIME = ZoneInfo("Europe/Warsaw")
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# So QGIS writes a beginning that is open.
BEFORE_ALL = "0000-01-01T00:00:00Z"


def value_of(name: str, kind: KindName, text: str) -> Any:
    """The value that something of a kind is compared with.

    Raises:
        UsageError: the text is of another kind.
    """
    try:
        return VALUES[kind](text)
    except ValueError as cause:
        raise UsageError(f"{name} is {kind}, and {text[:40]!r} is not.") from cause


def page_size(text: str | None, usual: int, most: int) -> int:
    """What ``limit`` asks for; more than ``most`` is cut to it, as the standard wants.

    Raises:
        UsageError: it is no whole number from 1 on.
    """
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and text.strip("0")):
        raise UsageError(f"limit is a whole number from 1 to {most}, not {text[:40]!r}.")
    return min(int(text.lstrip("0")[:9]), most)


def numbers(text: str) -> list[float]:
    """Numbers with commas between; none where one of them is no finite number."""
    try:
        return [_number(part) for part in text.split(",")]
    except ValueError:
        return []


def ends(text: str) -> tuple[datetime | None, datetime | None]:
    """The first and the last moment of what ``datetime`` says; None where it is open.

    Raises:
        UsageError: it is neither a moment nor two of them.
    """
    parts = text.split("/")
    if len(parts) > 2 or all(part in ("", "..") for part in parts):  # noqa: PLR2004
        raise UsageError(
            f"datetime is a moment or two with / between, as in 2024-05-01/.., not {text[:80]!r}."
        )
    if len(parts) > 1 and parts[0] == BEFORE_ALL:
        parts[0] = ".."
    since, until = _end(parts[0], time.min), _end(parts[-1], time.max)
    if since and until and since > until:
        raise UsageError(f"datetime {text[:80]!r} ends before it begins.")
    return since, until


def moment_of(text: str) -> datetime:
    """The moment that a text states. A day is meant as it was when it ended.

    Raises:
        UsageError: it is no moment.
    """
    moment = _end(text, time.max)
    if moment is None:
        raise UsageError(f"{text[:40]!r} is no moment. Write 2024-05-01 or 2024-05-01T12:00:00Z.")
    return moment


def _end(text: str, of_day: time) -> datetime | None:
    """A day begins and ends at midnight in the city; a moment is its own begin and end."""
    if text in ("", ".."):
        return None
    try:
        return datetime.combine(_day(text), of_day, CITY_TIME) if DAY.fullmatch(text) else _moment(text)
    except ValueError as cause:
        raise UsageError(f"{text[:40]!r} is no moment. Write 2024-05-01 or 2024-05-01T12:00:00Z.") from cause


def _text(text: str) -> str:
    if "\x00" in text or len(text) > MAX_TEXT:
        raise ValueError(text)
    return text


def _plain(text: str) -> str:
    """Python also reads 1_000 and digits of other scripts as numbers; a person who sends them means text."""
    if not text.isascii() or "_" in text or len(text) > MAX_DIGITS:
        raise ValueError(text)
    return text


def _integer(text: str) -> int:
    if abs(number := int(_plain(text))) > LARGEST_INTEGER:
        raise ValueError(text)
    return number


def _number(text: str) -> float:
    if not math.isfinite(number := float(_plain(text))):
        raise ValueError(text)
    return number


def _day(text: str) -> date:
    if not DAY.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text)


def _moment(text: str) -> datetime:
    """A moment that names no zone is meant in UTC."""
    if not DAY.match(text):
        raise ValueError(text)
    moment = datetime.fromisoformat(text.upper())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


VALUES = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "date": _day,
    "moment": _moment,
    "flag": _flag,
}
