"""Passwords of the database roles of this node, kept in one file only its owner can read."""

import json
import os
import secrets
from pathlib import Path


def password(home: Path, role: str) -> str:
    """The password of ``role``; made at the first call and kept in ``home/secrets.json``."""
    kept = _kept(home)
    if role not in kept:
        kept[role] = secrets.token_urlsafe(24)
        _keep(home, kept)
    return kept[role]


def _kept(home: Path) -> dict[str, str]:
    path = home / "secrets.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _keep(home: Path, kept: dict[str, str]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    new = home / f"secrets.json.{os.getpid()}"
    new.touch(mode=0o600)
    new.write_text(json.dumps(kept))
    new.replace(home / "secrets.json")
