"""The translations of the pages, compiled from their text when the program needs them."""

from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile

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
    """Others read or write the target at the same time, so it is put in place whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with text.open("rb") as source, NamedTemporaryFile(dir=target.parent, delete=False) as written:
        write_mo(written, read_po(source))
    Path(written.name).replace(target)
