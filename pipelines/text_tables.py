"""Tables written as text: which encoding, which separator, where the points are."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from mesip.errors import SourceError

SAMPLE_BYTES = 1 << 20
SEPARATORS = ";,\t|"
# Bytes that are Polish letters in one code page and signs or nothing in the other.
POLISH = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"
CODE_PAGES = ("cp1250", "iso-8859-2")


def read_text_table(path: Path, batch_rows: int) -> Iterator[pd.DataFrame]:
    """The rows of a CSV file as text, in batches; absent values are null.

    Raises:
        SourceError: it is no table, a row has too many values, or its encoding cannot be told.
    """
    encoding = encoding_of(path)
    separator = separator_of(path, encoding)
    try:
        with pd.read_csv(
            path,
            sep=separator,
            encoding=encoding,
            dtype="str",
            keep_default_na=False,
            na_values=[""],
            chunksize=batch_rows,
            skipinitialspace=True,
            compression="infer",
        ) as batches:
            yield from batches
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, csv.Error) as cause:
        raise SourceError(
            f"{path.name} cannot be read as a table: {cause}. Export it as CSV in UTF-8."
        ) from cause


def encoding_of(path: Path) -> str:
    """UTF-8 where it is valid; else the code page in which the Polish letters make sense.

    Windows-1250 and ISO-8859-2 differ in six Polish letters; bytes 0x80-0x9f are letters in the first and
    control signs in the second.
    """
    sample = _sample(path)
    if sample.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        # The sample may cut a letter in two at its end.
        sample.decode("utf-8") if len(sample) < SAMPLE_BYTES else sample[:-4].decode("utf-8", "strict")
    except UnicodeDecodeError as cut:
        if len(sample) < SAMPLE_BYTES or cut.start < len(sample) - 8:
            return max(CODE_PAGES, key=lambda page: _polish(sample, page))
    return "utf-8"


def separator_of(path: Path, encoding: str) -> str:
    """The separator that the first lines use most evenly.

    Raises:
        SourceError: no separator is found: it is no table.
    """
    lines = _sample(path).decode(encoding, "replace").splitlines()[:20]
    header = lines[0] if lines else ""
    found = {sign: len(next(csv.reader([header], delimiter=sign), [])) for sign in SEPARATORS}
    best = max(found, key=lambda sign: found[sign])
    if found[best] < 2:  # noqa: PLR2004 - a table has at least a key and something said of it
        raise SourceError(
            f"{path.name} is no table: its first line {header[:60]!r} has no separator (; , | or tab). "
            "Export it as CSV with a header line."
        )
    return best


def _polish(sample: bytes, page: str) -> int:
    text = sample.decode(page, "replace")
    strange = sum(text.count(chr(code)) for code in (*range(0x80, 0xA0), 0xFFFD))
    return sum(text.count(letter) for letter in POLISH) - 10 * strange


def _sample(path: Path) -> bytes:
    if path.suffix == ".gz":
        import gzip  # noqa: PLC0415 - few tables come compressed

        with gzip.open(path) as file:
            return file.read(SAMPLE_BYTES)
    with path.open("rb") as file:
        return file.read(SAMPLE_BYTES)
