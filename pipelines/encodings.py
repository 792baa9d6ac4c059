"""Which encoding a text is in: UTF-8, UTF-16, or the code page in which its bytes are Polish letters."""

import gzip
import zlib
from codecs import getincrementaldecoder
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from mesip.errors import SourceError
from pipelines.archives import is_bomb

CHUNK_BYTES = 1 << 20
POLISH = frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ")
CODE_PAGES = ("cp1250", "iso-8859-2")
HIGH_BYTES = range(0x80, 0x100)
# Tab, line feed, form feed and return stand in text; the other control signs hardly do.
CONTROL_BYTES = [*range(0x09), 0x0B, *range(0x0E, 0x20)]
DBF_HEADER_LENGTH = slice(8, 10)

Counts = NDArray[np.int64]


class Census(NamedTuple):
    """How a file begins, how often each byte stands in it, and how many of its bytes are valid UTF-8."""

    head: bytes
    counts: Counts
    utf8_bytes: int

    @property
    def is_utf8(self) -> bool:
        """Whether all of it is valid UTF-8."""
        return self.utf8_bytes == self.counts.sum()

    @property
    def is_mixed(self) -> bool:
        """Whether most of the letters beyond ASCII are written as in UTF-8, and others are not."""
        high = int(self.counts[HIGH_BYTES.start :].sum())
        return not self.is_utf8 and 2 * (high - int(self.counts.sum()) + self.utf8_bytes) > high


def encoding_of(path: Path) -> str:
    """The encoding of the text file at ``path``, which may be packed with gzip.

    Raises:
        SourceError: it is no text, cannot be unpacked, or its letters are those of neither code page.
    """
    found = census(chunks(path), path)
    if found.head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if found.counts[CONTROL_BYTES].sum() > max(1, found.counts.sum() // 100):
        raise SourceError(
            f"{path.name} is no text: it begins with {found.head[:12]!r} and is full of control signs. "
            "Export the table as CSV in UTF-8, or give the file the ending of its format."
        )
    if found.head.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    return _told(found, path)


def dbf_encoding(path: Path) -> str:
    """The encoding of the rows of a dBASE table that does not state it.

    Raises:
        SourceError: its letters are those of neither code page.
    """
    with path.open("rb") as file:
        file.seek(int.from_bytes(file.read(32)[DBF_HEADER_LENGTH], "little"))
        return _told(census(iter(partial(file.read, CHUNK_BYTES), b""), path), path)


def opened(path: Path) -> BinaryIO:
    """The bytes of ``path``, unpacked if it ends in `.gz`."""
    return cast("BinaryIO", gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")


def chunks(path: Path) -> Iterator[bytes]:
    """The bytes of ``path``, unpacked, piece by piece.

    Raises:
        SourceError: it cannot be read or unpacked.
    """
    try:
        with opened(path) as file:
            yield from iter(partial(file.read, CHUNK_BYTES), b"")
    except (EOFError, zlib.error, OSError) as cause:
        raise SourceError(
            f"{path.name} cannot be unpacked ({cause}): the download or copy broke off. Fetch it again."
        ) from cause


def census(parts: Iterator[bytes], path: Path) -> Census:
    """Count the bytes of a file.

    Raises:
        SourceError: it unpacks to more than any register's text.
    """
    head, counts, valid, size = b"", np.zeros(256, np.int64), 0, 0
    decoder, packed = getincrementaldecoder("utf-8")("ignore"), path.stat().st_size
    for part in parts:
        head, size = head or part, size + len(part)
        if is_bomb(size, packed):
            raise SourceError(
                f"{path.name} unpacks to more than {size:,} bytes, {size // packed} times its size: no text "
                "of registers packs like that. If you trust it, unpack it yourself and load the file."
            )
        counts += np.bincount(np.frombuffer(part, np.uint8), minlength=256)
        valid += len(decoder.decode(part).encode())
    return Census(head, counts, valid)


def _told(found: Census, path: Path) -> str:
    """The code pages differ in six Polish letters; bytes 0x80-0x9f are signs only in Windows-1250."""
    polish, strange = np.transpose([_letters(found.counts, page) for page in CODE_PAGES])
    # `ĆĄ` in Windows-1250 is valid UTF-8 too, of a letter that nobody here writes. Polish in UTF-8 always has
    # bytes that are no Polish letters in a code page.
    alone = polish == found.counts[HIGH_BYTES.start :].sum()
    if polish.any() and alone.any():
        return CODE_PAGES[alone.argmax()]
    if found.is_utf8:
        return "utf-8"
    if found.is_mixed:
        raise SourceError(
            f"{path.name}: some of its letters are written in UTF-8, others in another encoding; it was put "
            "together of two files. Export it in UTF-8 throughout."
        )
    best = (polish - 10 * strange).argmax()
    if strange[best] > polish[best]:
        raise SourceError(
            f"{path.name}: its letters are neither UTF-8 nor Windows-1250 nor ISO-8859-2. Export it in UTF-8."
        )
    return CODE_PAGES[best]


def _letters(counts: Counts, page: str) -> tuple[int, int]:
    """How many bytes are Polish letters in ``page``, and how many are control signs or nothing."""
    meant = {byte: bytes([byte]).decode(page, "replace") for byte in HIGH_BYTES if counts[byte]}
    polish = sum(int(counts[byte]) for byte, sign in meant.items() if sign in POLISH)
    strange = sum(
        int(counts[byte]) for byte, sign in meant.items() if sign == "\ufffd" or "\x7f" <= sign < "\xa0"
    )
    return polish, strange
