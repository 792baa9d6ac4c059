"""Hop 1: a delivery is stored byte for byte under its SHA-256; an archive is unpacked beside it."""

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mesip.errors import PlatformError, SourceError
from pipelines.archives import unpack

# A shapefile is several files that only make sense together.
SHAPEFILE_PARTS = frozenset({".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".qpj", ".qmd"})


@dataclass(frozen=True)
class Delivery:
    """One delivered file: its name for people, the hash of its bytes, and the files to read, kept apart."""

    name: str
    sha256: str
    bytes: int
    files: tuple[Path, ...]


def receive(path: Path, store: Path) -> Delivery:
    """Store ``path`` under ``store`` by content; unpack it if it is a zip archive.

    Raises:
        SourceError: it is absent, a folder, empty, cannot be read, or is an archive that cannot be trusted.
        PlatformError: there is no room or no right to store it.
    """
    _check_file(path)
    parts = [path, *_companions(path)]
    digest = _sha256(parts)
    folder = store / digest[:2] / digest
    for part in parts:
        _keep(part, folder)
    kept = folder / path.name
    files = _to_read(unpack(kept, folder / "unpacked")) if _is_archive(kept) else (kept,)
    if not files:
        raise SourceError(f"{path.name} holds no file to read. Ask the supplier for the delivery again.")
    return Delivery(_printable(path.name), digest, sum(part.stat().st_size for part in parts), files)


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


def _sha256(parts: Iterable[Path]) -> str:
    """The hash of a file; of several, the hash of their hashes."""
    digests = [_file_sha256(part) for part in parts]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as cause:
        raise SourceError(
            f"{path} cannot be read: {cause.strerror}. Check its rights and the disk."
        ) from cause


def _keep(path: Path, folder: Path) -> None:
    """Copy ``path`` into ``folder``, whole or not at all."""
    kept = folder / path.name
    if kept.exists() and kept.stat().st_size == path.stat().st_size:
        return
    part = folder / f".{path.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, part)
        part.replace(kept)
    except OSError as cause:
        raise PlatformError(
            f"{path.name} cannot be stored in {folder}: {cause.strerror}. Make room there, or give the right "
            "to write, and load it again."
        ) from cause


def _printable(name: str) -> str:
    """A name of bytes that are no UTF-8 cannot be written to the registry as it is."""
    return name.encode(errors="replace").decode()
