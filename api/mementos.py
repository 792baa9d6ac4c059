"""Versions as links: what the Versioned Features draft of OGC and Memento (RFC 7089) want to be told.

The draft knows one axis of time, the valid one here. The recorded one goes along as ``known-at``.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote, urlencode

from api.callers import Collection
from api.documents import GEOJSON, JSON, link
from api.versions import Found, Version, known_at

LINK_FORMAT = "application/link-format"
OPEN = ".."

Link = dict[str, Any]


def address(of: Collection, key: str) -> str:
    """The address of a feature that has versions: in the collection that is of no moment."""
    return f"{of.address.partition('@')[0]}/items/{quote(key, safe='')}"


def of_version(here: str, found: Found, known: str | None) -> list[Link]:
    """The links of one version of the feature at ``here``."""
    history = _versions(here, known)
    links = [
        link("original", here, GEOJSON, "The feature as it is"),
        link("timemap", history, JSON, "All versions"),
        link("version-history", history, JSON, "All versions"),
    ]
    if found.before:
        links.append(link("predecessor-version", _memento(here, found.before, known), GEOJSON, "Before"))
    if found.after:
        links.append(link("successor-version", _memento(here, found.after, known), GEOJSON, "After"))
    return links


def latest(here: str, believed: list[Version], known: str | None) -> str:
    """The address of the last of the versions that are believed."""
    return _memento(here, believed[-1].since, known)


def as_time_map(here: str, told: list[Version], moment: datetime | None, known: str | None) -> dict[str, Any]:
    """All versions of a feature: links to those believed at a moment, and a list of all ever told."""
    believed = known_at(told, moment)
    links = [
        link("self", _versions(here, known), JSON, "This document"),
        link(
            "alternate", _versions(here, known, f="link"), LINK_FORMAT, "These links as RFC 6690 writes them"
        ),
        link("original", here, GEOJSON, "The feature as it is"),
        *(_dated("memento", here, version, known) for version in believed),
        _dated("latest-version", here, believed[-1], known),
    ]
    return {"links": links, "versions": [_stated(here, version) for version in told]}


def as_header(links: Iterable[Link]) -> str:
    """Links as the header of that name."""
    return ", ".join(f'<{each["href"]}>; rel="{each["rel"]}"' for each in links)


def as_link_format(links: Iterable[Link]) -> str:
    """Links as RFC 6690 writes them."""
    return ",\n".join(
        f'<{each["href"]}>;rel="{each["rel"]}"'
        + "".join(f';{name}="{each[name]}"' for name in ("type", "datetime") if name in each)
        for each in links
    )


def http_date(moment: datetime) -> str:
    """A moment as headers write it, in seconds."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _dated(rel: str, here: str, version: Version, known: str | None) -> Link:
    moment = http_date(version.since)
    return link(rel, _memento(here, version.since, known), GEOJSON, moment) | {"datetime": moment}


def _stated(here: str, version: Version) -> dict[str, Any]:
    """A version by both times. What was replaced since is addressed as known when it was recorded."""
    known = _written(version.recorded) if version.replaced else None
    return {
        "valid": [_written(version.since), _written(version.until) if version.until else OPEN],
        "recorded": [_written(version.recorded), _written(version.replaced) if version.replaced else OPEN],
        "href": _memento(here, version.since, known),
    }


def _memento(here: str, since: datetime, known: str | None) -> str:
    stated = {"datetime": _written(since)} | ({"known-at": known} if known else {})
    return f"{here}?{urlencode(stated, safe=':')}"


def _versions(here: str, known: str | None, **more: str) -> str:
    stated = ({"known-at": known} if known else {}) | more
    return f"{here}/versions{'?' + urlencode(stated, safe=':') if stated else ''}"


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
