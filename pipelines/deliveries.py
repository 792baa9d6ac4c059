"""Hop 1: a delivery is stored byte for byte under its SHA-256; what is read is a copy of what is stored."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mesip.errors import SourceError
from pipelines import storage
from pipelines.archives import unpack
from pipelines.storage import Part, shelf

# A shapefile is several files that only make sense together.
SHAPEFILE_PARTS = frozenset({".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".qpj", ".qmd"})


@dataclass(frozen=True)
class Delivery:
    """One delivered file: its name for people, the hash of its bytes, and its copies to read, once opened."""

    name: str
    sha256: str
    bytes: int
    parts: tuple[Part, ...]
    files: tuple[Path, ...] = ()


def receive(path: Path, store: str) -> Delivery:
    """Store ``path`` by content in ``store``, a folder or an address of fsspec.

    Raises:
        SourceError: it is absent, a folder, empty, or cannot be read.
        PlatformError: there is no room or no right to store it.
    """
    _check_file(path)
    parts = tuple(Part(each, _file_sha256(each)) for each in (path, *_companions(path)))
    digest = _sha256(parts)
    for part in parts:
        storage.keep(part, shelf(store, digest))
    return Delivery(_printable(path.name), digest, sum(part.path.stat().st_size for part in parts), parts)


def opened(delivery: Delivery, store: str, work: Path) -> Delivery:
    """The delivery with copies of its stored files under ``work``, unpacked if it is a zip archive.

    Raises:
        SourceError: it is an archive that cannot be trusted, or holds no file.
        PlatformError: it cannot be copied.
    """
    folder, where = work / delivery.sha256, shelf(store, delivery.sha256)
    copies = [storage.fetch(part, where, folder) for part in delivery.parts]
    archive = copies[0]
    files = _to_read(unpack(archive, folder / "unpacked")) if _is_archive(archive) else (archive,)
    if not files:
        raise SourceError(f"{delivery.name} holds no file to read. Ask the supplier for the delivery again.")
    return replace(delivery, files=files)


@contextmanager
def workplace(home: Path) -> Iterator[Path]:
    """A folder in ``home/work`` for the copies that one load reads; it is removed when the load ends.

    Folders of loads that were killed are removed by the next one: nobody holds their locks.
    """
    work = home / "work"
    work.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        with _locked(work):
            _sweep(work)
            folder = Path(tempfile.mkdtemp(prefix="load-", dir=work))
            held.enter_context(_locked(folder))
        held.callback(storage.discard, folder)
        yield folder


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sweep(work: Path) -> None:
    """Remove what killed loads left."""
    for folder in work.glob("load-*"):
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                storage.discard(folder)
            finally:
                os.close(handle)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise SourceError(f"{path} is a folder. Name the files in it, for example {path}/*.gml, or zip it.")
    if not path.exists():
        raise SourceError(f"There is no file {path}. Check the name and the folder.")
    if not path.is_file():
        raise SourceError(f"{path} is no ordinary file. Copy the delivery to a file first.")
    if path.stat().st_size == 0:
        raise SourceError(f"{path} is empty: 0 bytes. The export or the copy broke off; fetch it again.")


def _is_archive(path: Path) -> bool:
    """Spreadsheets are zip files too, but not archives of deliveries."""
    return path.suffix.lower() == ".zip"


def _companions(path: Path) -> list[Path]:
    """The other files of a shapefile, in the order of their names."""
    if path.suffix.lower() != ".shp":
        return []
    return sorted(other for other in path.parent.iterdir() if other.stem == path.stem and _is_part(other))


def _is_part(path: Path) -> bool:
    return path.suffix.lower() in SHAPEFILE_PARTS


def _to_read(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """The files of an archive without the parts that come along with a shapefile."""
    shapefiles = {file.with_suffix("") for file in files if file.suffix.lower() == ".shp"}
    return tuple(file for file in files if not (_is_part(file) and file.with_suffix("") in shapefiles))


def _sha256(parts: tuple[Part, ...]) -> str:
    """The hash of a file; of several, the hash of their hashes."""
    if len(parts) == 1:
        return parts[0].sha256
    return hashlib.sha256("".join(part.sha256 for part in parts).encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as cause:
        raise SourceError(
            f"{path} cannot be read: {cause.strerror}. Check its rights and the disk."
        ) from cause


def _printable(name: str) -> str:
    """A name of bytes that are no UTF-8 cannot be written to the registry as it is."""
    return name.encode(errors="replace").decode()
