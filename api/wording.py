"""Values as a person reads them: codes by label, numbers, dates and units, as on the map."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from babel.units import format_unit

from api.values import CITY_TIME
from layers import Field, Layer
from layers.declaration import Language
from layers.kinds import UNITS

LOCALES = {"pl": "pl", "en": "en_GB"}
LANGUAGE_NAMES = {"pl": "Polski", "en": "English"}
YES_NO = {"pl": ("tak", "nie"), "en": ("yes", "no")}
MOMENT = "d MMMM y, HH:mm"
# Grouping starts at five figures, so that years stay as they are.
GROUPED_FROM = 10_000
DURATION = re.compile(r"P(\d+)([YMWD])")
PERIODS = {"Y": "year", "M": "month", "W": "week", "D": "day"}


def value(found: Any, field: Field, language: Language) -> str:
    """One value of a feature, without its unit; empty when there is none."""
    if found is None or found == "":
        return ""
    labels = {code.value: code.title[language] for code in field.codes}
    if found in labels:
        return labels[found]
    written = {"integer": number, "number": number, "date": day, "moment": moment, "flag": flag}.get(
        field.kind
    )
    return written(found, language) if written else str(found)


def unit(field: Field) -> str:
    """The unit's symbol; empty for a pure number and for what is no number."""
    return UNITS[field.unit].symbol if field.unit else ""


def number(found: float, language: Language) -> str:
    """A number with up to four decimals."""
    form = "#,##0.####" if abs(found) >= GROUPED_FROM else "0.####"
    return format_decimal(found, form, LOCALES[language])


def day(found: date | str, language: Language) -> str:
    """A day in full: 1 stycznia 2026."""
    read = date.fromisoformat(found) if isinstance(found, str) else found
    return format_date(read, "long", LOCALES[language])


def moment(found: str, language: Language) -> str:
    """A day and an hour as the city's clocks show it."""
    return format_datetime(datetime.fromisoformat(found), MOMENT, CITY_TIME, LOCALES[language])


def flag(found: bool, language: Language) -> str:
    """Yes or no."""
    return YES_NO[language][not found]


def duration(stated: str, language: Language) -> str:
    """An ISO 8601 duration of one part: `P5Y` is 5 lat; another one as it is stated."""
    read = DURATION.fullmatch(stated)
    if read is None:
        return stated
    return format_unit(int(read[1]), f"duration-{PERIODS[read[2]]}", locale=LOCALES[language])


def name_of(layer: Layer, feature: dict[str, Any]) -> str:
    """How a feature is called: its label, else its key."""
    return str((layer.label and feature["properties"].get(layer.label)) or feature["id"])


def address(layer: str, key: Any) -> str:
    """The path of a feature's page; a key may hold `/`, `#` or `?`."""
    return f"/collections/{layer}/items/{quote(str(key), safe='')}"


def by_title(layers: Iterable[Layer], language: Language) -> list[Layer]:
    """Layers in the order of their titles."""
    return sorted(layers, key=lambda layer: layer.title[language].lower())
