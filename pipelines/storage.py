"""Bytes kept under their SHA-256 in a folder or behind any address that fsspec knows."""

import hashlib
import logging
import shutil
from pathlib import Path
from typing import IO, Any, NamedTuple

from fsspec.core import url_to_fs

from mesip.errors import PlatformError

CHUNK_BYTES = 1 << 20

log = logging.getLogger(__name__)


class Part(NamedTuple):
    """One file of a delivery: where it was delivered, and the hash of its bytes."""

    path: Path
    sha256: str


class Shelf(NamedTuple):
    """The place of one delivery in a store: a file system of fsspec, and a folder in it."""

    system: Any
    folder: str

    def at(self, name: str) -> str:
        """The place of one of its files."""
        return f"{self.folder}/{name}"


def shelf(store: str, digest: str) -> Shelf:
    """The place of the delivery of this hash in the store at the address or folder ``store``.

    Raises:
        PlatformError: the address cannot be understood.
    """
    try:
        system, root = url_to_fs(store)
    except (ValueError, ImportError) as cause:
        raise PlatformError(
            f"MESIP_DELIVERIES is {store!r}, which is no folder and no address that can be used here: "
            f"{cause}. Name a folder, or install what fsspec needs for such addresses."
        ) from cause
    return Shelf(system, f"{root.rstrip('/')}/{digest[:2]}/{digest}")


def keep(part: Part, where: Shelf) -> None:
    """Store a file, whole or not at all; one of the same name and size is there already.

    Raises:
        PlatformError: there is no room, no right, or no such store.
    """
    kept, draft = where.at(part.path.name), where.at(f".{part.path.name}.part")
    try:
        if where.system.exists(kept) and where.system.size(kept) == part.path.stat().st_size:
            return
        where.system.makedirs(where.folder, exist_ok=True)
        where.system.put_file(str(part.path), draft)
        where.system.mv(draft, kept)
    except OSError as cause:
        raise PlatformError(
            f"{part.path.name} cannot be stored in {where.folder}: {cause.strerror or cause}. Make room "
            "there, or give the right to write, and load it again."
        ) from cause


def fetch(part: Part, where: Shelf, folder: Path) -> Path:
    """Copy a stored file into ``folder`` and check its bytes; one that was damaged is stored anew.

    Raises:
        PlatformError: it cannot be copied, or is damaged again.
    """
    if copied(where, part.path.name, folder) != part.sha256:
        log.warning(
            "%s in %s no longer had the bytes it was stored with; it is stored anew. Check that disk.",
            part.path.name,
            where.folder,
        )
        where.system.rm_file(where.at(part.path.name))
        keep(part, where)
        if copied(where, part.path.name, folder) != part.sha256:
            raise PlatformError(
                f"{part.path.name} changes while it is stored in {where.folder}. Check that disk, and that "
                "nobody is still writing the delivery; then load it again."
            )
    return folder / part.path.name


def copied(where: Shelf, name: str, folder: Path) -> str:
    """Copy the stored file ``name`` into ``folder``; return the SHA-256 of what was copied.

    Raises:
        PlatformError: it is not there, or there is no room for it.
    """
    digest = hashlib.sha256()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with where.system.open(where.at(name), "rb") as stored, (folder / name).open("wb") as file:
            _copy(stored, file, digest)
    except OSError as cause:
        raise PlatformError(
            f"{name} cannot be copied from {where.folder} to {folder}: {cause.strerror or cause}. "
            "See that the file is there and the disk has room."
        ) from cause
    return digest.hexdigest()


def discard(folder: Path) -> None:
    """Remove a folder of copies."""
    shutil.rmtree(folder, ignore_errors=True)


def _copy(stored: IO[bytes], file: IO[bytes], digest: Any) -> None:
    while chunk := stored.read(CHUNK_BYTES):
        digest.update(chunk)
        file.write(chunk)
