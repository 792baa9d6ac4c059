"""Who may see what: the levels, of which each sees what the one before it sees, and more."""

from typing import Literal, get_args

# What a reader is, and how far a field or a layer is closed. What is secret is never served.
Level = Literal["public", "partner", "internal"]
Access = Literal["public", "partner", "internal", "secret"]

LEVELS: tuple[Level, ...] = get_args(Level)
ORDER: tuple[Access, ...] = get_args(Access)


def may_see(level: Access, access: Access) -> bool:
    """Whether somebody of ``level`` may see what is closed as far as ``access``."""
    return ORDER.index(access) <= ORDER.index(level)


def check_closure(name: str, access: Access, reason: str | None, legal_basis: str | None) -> None:
    """Open by default; what is closed says why.

    Raises:
        ValueError: it does not.
    """
    if access != "public" and not (reason and legal_basis):
        raise ValueError(f"{name}: what is closed states a reason and a legal basis")
