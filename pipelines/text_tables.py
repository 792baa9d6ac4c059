"""Hop 2 for tables written as text: which encoding, which separator, and each row with its line."""

# pyarrow makes its compute functions when it is imported, where no checker sees them.
# pyright: reportAttributeAccessIssue=false

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import batched
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mesip.errors import SourceError
from pipelines.conform import source_name
from pipelines.encodings import CHUNK_BYTES, encoding_of, opened

SEPARATORS = ";,\t|"
LONGEST_HEADER = 100_000
# Excel writes and reads this line to name the separator.
EXCEL_HINT = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)


# A row as written: the line it begins at, its values, and why it cannot be trusted (None if it can).
Record = tuple[int, list[str], str | None]


def read_text_table(path: Path, batch_rows: int) -> Iterator[pd.DataFrame]:
    """The rows of a CSV file as text, in batches; absent values are null.

    Beside the source's columns a frame has ``origin``, the line of the file at which the row begins (``line
    17``; the first line is 1), and ``torn``: None, or why the row has not the values that its header names.

    Raises:
        SourceError: it is no table, its encoding cannot be told, or its quotation marks swallow rows.
    """
    encoding = encoding_of(path)
    separator = separator_of(path, encoding)
    try:
        with opened(path) as raw, io.TextIOWrapper(raw, encoding, newline="") as file:
            records = _records(file, separator, path.name)
            header = next(records)
            if EXCEL_HINT.fullmatch(separator.join(header[1])):
                header = next(records, header)
            names = _names(header, path.name)
            for rows in batched(records, batch_rows):
                frame = _frame(rows, names, separator)
                yield frame.assign(origin=[f"line {line}" for line, _, _ in rows])
    except UnicodeDecodeError as cause:
        raise SourceError(
            f"{path.name} is not in {cause.encoding} throughout ({cause.reason}). Export it as CSV in UTF-8."
        ) from cause


def separator_of(path: Path, encoding: str) -> str:
    """The separator that the first line uses most.

    Raises:
        SourceError: no separator is found: it is no table.
    """
    first = _first_line(path, encoding)[:LONGEST_HEADER]
    if not first.strip():
        raise SourceError(f"{path.name} holds only blank lines. Export it again, with a header line.")
    if hint := EXCEL_HINT.fullmatch(first):
        return hint[1]
    if first.lstrip().startswith("<"):
        raise SourceError(
            f"{path.name} is no table: line 1 begins {first.strip()[:40]!r}, a web page or XML. If it was "
            "downloaded, open it in a browser to see what it says; then fetch the table again."
        )
    found = {sign: len(next(csv.reader([first], delimiter=sign), [])) for sign in SEPARATORS}
    best = max(found, key=lambda sign: found[sign])
    if found[best] < 2:  # noqa: PLR2004 - a table has at least a key and something said of it
        raise SourceError(
            f"{path.name} is no table: its first line {first.strip()[:60]!r} has no separator (; , | or tab)."
            " Export it as CSV with a header line."
        )
    return best


def _first_line(path: Path, encoding: str) -> str:
    """The first line that is not blank."""
    with opened(path) as raw, io.TextIOWrapper(raw, encoding, "replace") as file:
        return next((line for line in iter(partial(file.readline, CHUNK_BYTES), "") if line.strip()), "")


def _records(file: io.TextIOWrapper, separator: str, name: str) -> Iterator[Record]:
    """The rows that are not blank; the first one is the header."""
    last = [""]
    reader = csv.reader(_noted(file, last), delimiter=separator, skipinitialspace=True, strict=True)
    line = 1
    while True:
        try:
            for values in reader:
                if values and (values[0] or any(values)):
                    yield line, values, None
                line = reader.line_num + 1
        except csv.Error as cause:
            if reader.line_num > line or "end of data" in str(cause):
                raise SourceError(
                    f"{name}, line {line}: a quotation mark opens a value that is not closed where it should "
                    f"be (lines {line} to {reader.line_num}). Close it, or double a mark inside a value."
                ) from cause
            yield _torn(line, last[0], separator)
            line = reader.line_num + 1
        else:
            return


def _noted(lines: Iterable[str], last: list[str]) -> Iterator[str]:
    """The lines; ``last`` holds the one that was given out last."""
    for line in lines:
        last[0] = line
        yield line


def _torn(line: int, text: str, separator: str) -> Record:
    """A line that breaks the rules. Read leniently it keeps its key, and the published version stays."""
    try:
        values = next(csv.reader([text], delimiter=separator, skipinitialspace=True))
    except csv.Error:
        return (
            line,
            text.split(separator),
            f"Line {line} has a value of more than {csv.field_size_limit():,} signs.",
        )
    return line, values, f"Line {line} has a quotation mark inside a value; double it."


def _names(header: Record, name: str) -> list[str]:
    """The names of the columns; one without a name is called after its place."""
    line, values, torn = header
    if torn:
        raise SourceError(f"{name}, line {line}: the header is broken. {torn}")
    given = [value.strip() or f"column {place}" for place, value in enumerate(values, 1)]
    if twice := [value for value, count in Counter(given).items() if count > 1]:
        raise SourceError(
            f"{name}, line {line}: the column {twice[0]!r} stands {given.count(twice[0])} times in the "
            "header. Rename or remove all but the right one."
        )
    return [source_name(value) for value in given]


def _frame(rows: tuple[Record, ...], names: list[str], separator: str) -> pd.DataFrame:
    _, values, torn = zip(*rows, strict=True)
    if any(len(row) != len(names) for row in values):
        values, torn = zip(*(_fitted(row, len(names), separator) for row in rows), strict=True)
    columns = zip(names, zip(*values, strict=True), strict=True)
    frame = pd.DataFrame({name: _texts(column) for name, column in columns})
    return frame.assign(torn=pd.Series(torn, dtype="str"))


def _fitted(row: Record, width: int, separator: str) -> tuple[list[str], str | None]:
    """As many values as the header has names, what is too much in the last of them; and what is wrong."""
    line, values, torn = row
    kept, surplus = values[:width], values[width:]
    if len(kept) == width and not any(surplus):
        return kept, torn
    why = (
        f"Line {line} has {len(values)} values, the header names {width} columns. Quote a value that holds "
        f"{separator!r} or a line break, and write the separators of empty values."
    )
    if surplus:
        return [*kept[:-1], separator.join([kept[-1], *surplus])], torn or why
    return kept + [""] * (width - len(kept)), torn or why


def _texts(values: tuple[str, ...]) -> pd.api.extensions.ExtensionArray:
    texts = pa.array(values, pa.string())
    return pd.array(pc.if_else(pc.equal(texts, ""), None, texts), dtype="str")
