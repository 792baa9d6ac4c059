"""The translations of the pages, compiled from their text when the program needs them."""

import os
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

TEXTS = Path(__file__).parent / "locale"


@cache
def compiled(home: Path) -> Path:
    """The folder of the compiled translations under ``home``, written anew once per process."""
    folder = home / "locale"
    for text in TEXTS.glob("*/LC_MESSAGES/messages.po"):
        _compile(text, folder / text.relative_to(TEXTS).with_suffix(".mo"))
    return folder


def _compile(text: Path, target: Path) -> None:
    """Other processes may read the target meanwhile, so it is put in place whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(f".{os.getpid()}")
    with text.open("rb") as source, fresh.open("wb") as written:
        write_mo(written, read_po(source))
    fresh.replace(target)
