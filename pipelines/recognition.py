"""Rows that a delivery writes just as the last one did are known again by a hash of the source's words.

They were conformed, checked and published then; what was learned of them still holds, so they need none of
that again. The memory is a file in the cache of the node: without it every row is looked at anew.
"""

# pyarrow makes its compute functions when it is imported, where no checker sees them.
# pyright: reportAttributeAccessIssue=false

import hashlib
import logging
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from pipelines.content import fixed_binary

Hashes = NDArray[np.uint64]
Truths = NDArray[np.bool_]

# The number of a row in its file is not what the source says of it.
NOT_SAID = "origin"
# Of more rows the memory itself would be large.
MOST_ROWS = 20_000_000
FACTS = b"mesip"
# What a value of so many bits is as a bare number.
WORDS = {8: pa.uint8(), 16: pa.uint16(), 32: pa.uint32(), 64: pa.uint64()}

log = logging.getLogger(__name__)


def source_hashes(rows: pa.Table, understood: str) -> Hashes | None:
    """A hash of 128 bits per row, shape (n, 2), of all that the source says of it.

    None: a column holds values made of values; such rows are looked at every time.

    Args:
        rows: in the words of the source.
        understood: the fingerprint of how rows are understood; under another one no row is known.
    """
    if any(pa.types.is_nested(column.type) for column in rows.schema):
        return None
    names = sorted(name for name in rows.column_names if name != NOT_SAID)
    columns = [rows[name].combine_chunks() for name in names]
    shape = f"{understood} {[(name, str(column.type)) for name, column in zip(names, columns, strict=True)]}"
    seed = int.from_bytes(hashlib.blake2b(shape.encode(), digest_size=8).digest())
    texts = [_binary(column) for column in columns if not _is_fixed(column)]
    # How long each text is, so that texts do not run into each other; and which values are absent.
    fixed = [column for column in columns if _is_fixed(column)] + [pc.binary_length(text) for text in texts]
    joined = pc.binary_join_element_wise(_block(fixed, len(rows)), *texts, b"", null_handling="replace")
    digests = [xxhash.xxh3_128_digest(row, seed) for row in joined.to_pylist()]
    return np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)


@dataclass
class Reading:
    """What is known of published rows: per row its key, and the hash of how the source wrote it.

    Args:
        keys: as text, distinct.
        hashes: shape (n, 2); zeros of rows that must be looked at again, such as those with warnings.
        met: how often each row was met in the delivery that is read.
    """

    keys: pa.Array
    hashes: Hashes
    met: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        self.met = np.zeros(len(self.keys), np.uint8)

    def meet(self, hashes: Hashes) -> Truths:
        """Which rows of a delivery, by their hashes, are known; it is remembered that they were met."""
        places = self._places(hashes)
        more = np.bincount(places[places >= 0], minlength=len(self.met))
        self.met = np.minimum(self.met + more, 2).astype(np.uint8)
        return places >= 0

    def doubt(self, keys: pa.Array) -> None:
        """Rows of ``keys`` came in other words, too: they must be looked at."""
        self.met[pc.is_in(self.keys, keys).to_numpy(zero_copy_only=False) & (self.met > 0)] = 2

    def doubtful(self, hashes: Hashes) -> Truths:
        """Which rows of a delivery, by their hashes, were met more than once, or in other words, too."""
        places = self._places(hashes)
        return (places >= 0) & (self.met[places] > 1)

    @property
    def confirmed(self) -> Truths:
        """The rows that were met once: they are as they were."""
        return self.met == 1

    @property
    def absent(self) -> pa.Array:
        """The keys of the other rows."""
        return self.keys.filter(pa.array(~self.confirmed))

    def kept(self) -> Self:
        """The confirmed rows."""
        return type(self)(self.keys.filter(pa.array(self.confirmed)), self.hashes[self.confirmed])

    @property
    def is_sound(self) -> bool:
        """Whether each hash tells one row."""
        return self._index.is_unique

    def _places(self, hashes: Hashes) -> NDArray[np.intp]:
        """Where in the reading rows of these hashes are; -1 where they are not."""
        found = self._index.get_indexer(pd.Index(hashes[:, 0]))
        places = np.where(found >= 0, self._told[found], -1) if len(self._told) else found
        return np.where(self.hashes[places, 1] == hashes[:, 1], places, -1) if len(self.hashes) else found

    @cached_property
    def _told(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.hashes[:, 0])

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self.hashes[self._told, 0])


def remembered(path: Path, facts: str) -> Reading | None:
    """The reading kept under ``path``, if it is of the state that ``facts`` tell."""
    try:
        with pa.memory_map(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
    except (OSError, pa.ArrowException):
        return None
    if (table.schema.metadata or {}).get(FACTS) != facts.encode():
        return None
    hashes = np.column_stack([table["high"].to_numpy(), table["low"].to_numpy()])
    reading = Reading(table["key"].combine_chunks(), hashes)
    return reading if reading.is_sound else None


def remember(path: Path, facts: str, readings: list[Reading]) -> None:
    """Keep readings for the next delivery; a cache that cannot be written is only a slower load."""
    table = pa.table(
        {
            "key": pa.chunked_array([each.keys for each in readings], pa.string()),
            "high": np.concatenate([each.hashes[:, 0] for each in readings] or [np.empty(0, np.uint64)]),
            "low": np.concatenate([each.hashes[:, 1] for each in readings] or [np.empty(0, np.uint64)]),
        }
    ).replace_schema_metadata({FACTS: facts.encode()})
    fresh = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with pa.OSFile(str(fresh), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        fresh.replace(path)
    except OSError as cause:
        log.info("%s cannot be written: %s", path, cause)


def _is_fixed(column: pa.Array) -> bool:
    """Whether every value takes as many bytes."""
    kind = column.type
    return pa.types.is_boolean(kind) or (pa.types.is_primitive(kind) and kind.bit_width in WORDS)


def _binary(column: pa.Array) -> pa.Array:
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    return (plain if _is_text(plain.type) else plain.cast(pa.string())).cast(pa.binary())


def _is_text(kind: pa.DataType) -> bool:
    return any(is_(kind) for is_ in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary))


def _block(columns: list[pa.Array], rows: int) -> pa.Array:
    """The values of columns side by side, one binary per row, each with a byte that tells if it is there."""
    whole = [column.cast(pa.uint8()) if pa.types.is_boolean(column.type) else column for column in columns]
    widths = [1 + column.type.bit_width // 8 for column in whole]
    block = np.zeros((rows, max(sum(widths), 1)), np.uint8)
    for column, width, end in zip(whole, widths, np.cumsum(widths), strict=True):
        filled = pc.fill_null(column.view(WORDS[column.type.bit_width]), 0)
        raw = np.frombuffer(filled.buffers()[1], np.uint8)[filled.offset * (width - 1) :]
        block[:, end - width] = column.is_valid().to_numpy(zero_copy_only=False)
        block[:, end - width + 1 : end] = raw[: rows * (width - 1)].reshape(rows, width - 1)
    return fixed_binary(block, block.shape[1])
