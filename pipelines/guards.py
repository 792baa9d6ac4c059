"""When a publication is refused, and why, in a sentence."""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from layers import Layer
from mesip.errors import GuardError


class Account(NamedTuple):
    """What one run would do to one layer, in rows. ``outside`` of the accepted ones lie beyond the city.
    ``withheld`` are absent, but stay: a rejected row whose key nobody can read may be one of them.

    ``stand`` is the day the delivery speaks of, ``published_stand`` that of the published rows, if any are.
    ``fresh``: nothing of the layer was ever published, and the delivery tells nothing of the past.
    """

    read: int
    added: int
    changed: int
    confirmed: int
    removed: int
    rejected: int
    warnings: int
    archival: int
    previous: int
    outside: int
    withheld: int = 0
    fresh: bool = False
    stand: date | None = None
    published_stand: date | None = None

    @property
    def current(self) -> int:
        """Rows of the layer after the publication."""
        return self.previous + self.added - self.removed

    @property
    def touched(self) -> bool:
        """Whether the publication writes anything but that it was."""
        return bool(self.added or self.changed or self.removed or self.archival)


REMOVALS_SHARE, REMOVALS_ROWS = 0.05, 100
OUTSIDE_SHARE = 0.01

Explain = Callable[[str], list[str]]


def refuse(layer: Layer, account: Account, accepted: frozenset[str], explain: Explain = lambda _: []) -> None:
    """Refuse what looks like a broken delivery, unless the guard is lifted; ``explain`` says more of a guard.

    Raises:
        GuardError: names the guard, the counts, and how to publish all the same.
    """
    for guard, doubt in GUARDS.items():
        sentence = doubt(layer, account)
        if sentence and guard not in accepted:
            raise GuardError(guard, " ".join([sentence, *explain(guard)]))


def _older(layer: Layer, account: Account) -> str | None:
    if account.stand and account.published_stand and account.stand < account.published_stand:
        return (
            f"{layer.name}: the delivery speaks of {account.stand}, but what is published speaks of "
            f"{account.published_stand} already. Is it an old file? If only its date is wrong, name the "
            "right day with --as-of."
        )
    return None


def _rejects(layer: Layer, account: Account) -> str | None:
    if account.rejected > account.read * layer.reject_limit:
        return (
            f"{layer.name}: {account.rejected} of {account.read} rows are rejected, "
            f"more than the {layer.reject_limit:.0%} this layer tolerates."
        )
    return None


def _extent(layer: Layer, account: Account) -> str | None:
    passed = account.added + account.changed + account.confirmed
    if account.outside > passed * OUTSIDE_SHARE:
        return (
            f"{layer.name}: {account.outside} of {passed} rows lie outside the city (MESIP_EXTENT). "
            "Is it the right delivery, in the right coordinate system?"
        )
    return None


def _removals(layer: Layer, account: Account) -> str | None:
    if account.removed > REMOVALS_ROWS and account.removed > account.previous * REMOVALS_SHARE:
        return (
            f"{layer.name}: {account.removed} of {account.previous} published rows are absent from the "
            f"delivery, more than {REMOVALS_ROWS} rows and {REMOVALS_SHARE:.0%}. Is the delivery whole?"
        )
    return None


GUARDS: dict[str, Callable[[Layer, Account], str | None]] = {
    "older": _older,
    "rejects": _rejects,
    "extent": _extent,
    "removals": _removals,
}
