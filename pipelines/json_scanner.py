"""A JSON text read value by value, so that a file larger than the memory is none the worse."""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from mesip.errors import SourceError

CHUNK_CHARACTERS = 1 << 20
LARGEST_VALUE = 64 << 20
BLANK = " \t\r\n"
# What is left of a word or number, such as `fals` or `\\u01`, where a text is cut.
SHORT = 9
DECODER = json.JSONDecoder()


class Scanner:
    """A place in the text of ``file``, which is called ``name`` in messages."""

    def __init__(self, file: TextIO, name: str) -> None:
        self.file, self.name = file, name
        self._text, self._at, self._line = "", 0, 1

    def take(self, sign: str) -> bool:
        """Pass over ``sign`` if it is the next that is no blank."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in BLANK:
                self._at += 1
            if self._at < len(self._text) or not self._more(CHUNK_CHARACTERS):
                break
        found = self._text[self._at : self._at + 1] == sign
        self._at += found
        return found

    def expect(self, sign: str) -> None:
        """Pass over ``sign``.

        Raises:
            SourceError: something else comes.
        """
        if not self.take(sign):
            raise self._broken(f"{sign} is expected", self._at)

    def end(self) -> None:
        """Nothing may follow.

        Raises:
            SourceError: something does.
        """
        self.take("")
        if self._at < len(self._text):
            raise self._broken("something follows behind its end")

    def value(self) -> Any:
        """The next value, whole.

        Raises:
            SourceError: it is no JSON, nested a thousand times, or larger than 64 million characters.
        """
        self.take("")
        size = CHUNK_CHARACTERS
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as cause:
                if len(self._text) - self._at > LARGEST_VALUE or not self._more(size):
                    raise self._broken(cause.msg, cause.pos) from cause
                size *= 2
            except RecursionError as cause:
                raise SourceError(
                    f"{self.name}: its values are nested too deeply. Export it again."
                ) from cause
            else:
                if end < len(self._text) or not self._more(CHUNK_CHARACTERS):  # else a number may go on
                    self._at = end
                    return value

    def elements(self) -> Iterator[Any]:
        """The values of an array whose opening bracket was taken."""
        if self.take("]"):
            return
        yield self.value()
        while not self.take("]"):
            self.expect(",")
            yield self.value()

    def members(self) -> Iterator[str]:
        """The keys of an object whose opening brace was taken; the asker takes each value before the next."""
        if self.take("}"):
            return
        yield self._key()
        while not self.take("}"):
            self.expect(",")
            yield self._key()

    def _key(self) -> str:
        key = str(self.value())
        self.expect(":")
        return key

    def _more(self, size: int) -> bool:
        """Read on, and forget what was passed; false at the end of the file."""
        part = self.file.read(size)
        if part:
            self._line += self._text.count("\n", 0, self._at)
            self._text, self._at = self._text[self._at :] + part, 0
        return bool(part)

    def _broken(self, why: str, place: int | None = None) -> SourceError:
        """What to say of a fault at ``place`` of the text, and whether the text ends there."""
        line = self._line + self._text.count("\n", 0, self._at)
        cut = place is not None and (why.startswith("Unterminated") or len(self._text) - place < SHORT)
        if cut and not self.file.read(1):
            return SourceError(
                f"{self.name} ends in line {line}, before its last bracket is closed: the export or the copy "
                "broke off. Fetch it again."
            )
        return SourceError(f"{self.name}, line {line}: broken JSON ({why}). Export or fetch it again.")
