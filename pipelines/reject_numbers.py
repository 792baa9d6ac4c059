"""Hop 2 for rejected rows that come back, first pass: which rejects a file says it holds."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyogrio

from mesip.errors import SourceError
from pipelines.casts import to_integer
from pipelines.gdal_tables import SIGNS

TOLD = pa.schema({"table": pa.string(), "number": pa.int64()})


def read_numbers(path: Path, column: str) -> Iterator[pa.Table]:
    """The numbers of the rejects in each table of a GeoPackage, as ``TOLD``; null for a table without them.

    Args:
        path: the file.
        column: the name of the column that holds the numbers.

    Raises:
        SourceError: the file is no GeoPackage.
    """
    sign = SIGNS[".gpkg"]
    if path.suffix.lower() != ".gpkg" or not path.is_file() or path.open("rb").read(len(sign)) != sign:
        raise SourceError(f"{path.name} is no GeoPackage of rejected rows. `mesip rejects` writes one.")
    try:
        for name in (str(each) for each, _ in pyogrio.list_layers(path)):
            numbers = _numbers(path, name, column)
            yield pa.table({"table": [name] * len(numbers), "number": numbers}, TOLD)
    except (RuntimeError, ValueError) as cause:
        raise SourceError(f"{path.name} cannot be read as a GeoPackage. Export it again.") from cause


def _numbers(path: Path, table: str, column: str) -> list[int | None]:
    if column not in pyogrio.read_info(path, layer=table)["fields"]:
        return [None]
    read = pyogrio.read_dataframe(path, layer=table, columns=[column], read_geometry=False)
    return [int(number) for number in to_integer(read[column]).dropna()]
