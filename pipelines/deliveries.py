"""Hop 1: a delivery is stored byte for byte under its SHA-256, archives unpacked with care."""

import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mesip.errors import SourceError

CHUNK_BYTES = 1 << 20
MAX_MEMBERS = 10_000
MAX_UNPACKED_BYTES = 20 << 30
# Text of registers packs 10 to 30 times; a bomb packs a thousand times.
MAX_RATIO = 200
RATIO_FREE_BYTES = 50 << 20


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
        SourceError: it is absent, a folder, empty, or an archive that cannot be trusted.
    """
    _plain_file(path)
    digest = _sha256(path)
    folder = store / digest[:2] / digest
    kept = folder / path.name
    if not kept.exists() or kept.stat().st_size != path.stat().st_size:
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{path.name}.part"
        shutil.copyfile(path, part)
        part.replace(kept)
    _companions(path, folder)
    files = (
        tuple(_unpacked(kept, folder / "unpacked"))
        if zipfile.is_zipfile(kept) and _is_archive(kept)
        else (kept,)
    )
    return Delivery(path.name, digest, path.stat().st_size, files)


def _plain_file(path: Path) -> None:
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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _companions(path: Path, folder: Path) -> None:
    """A shapefile is several files; the others come along."""
    if path.suffix.lower() == ".shp":
        for other in path.parent.glob(f"{path.stem}.*"):
            if other.suffix.lower() in (".shx", ".dbf", ".prj", ".cpg"):
                shutil.copyfile(other, folder / other.name)


def _unpacked(archive: Path, folder: Path) -> Iterator[Path]:
    """The files of an archive, written under ``folder``."""
    with zipfile.ZipFile(archive) as opened:
        members = [member for member in opened.infolist() if not member.is_dir()]
        _trustworthy(archive, members)
        for member in members:
            target = folder.joinpath(*PurePosixPath(member.filename).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(opened, member, target)
            yield target


def _trustworthy(archive: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse archives that would fill the disk, or write outside their folder."""
    if not members:
        raise SourceError(f"{archive.name} holds no file. Ask the supplier for the delivery again.")
    if len(members) > MAX_MEMBERS:
        raise SourceError(
            f"{archive.name} holds {len(members)} files, more than {MAX_MEMBERS}. Deliver it in parts."
        )
    for member in members:
        name = PurePosixPath(member.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in member.filename or ":" in member.filename:
            raise SourceError(
                f"{archive.name}: the member {member.filename!r} would be written outside its folder. "
                "Do not trust this archive; ask the supplier for another."
            )
    size = sum(member.file_size for member in members)
    packed = max(1, sum(member.compress_size for member in members))
    if size > MAX_UNPACKED_BYTES or (size > RATIO_FREE_BYTES and size / packed > MAX_RATIO):
        raise SourceError(
            f"{archive.name} would unpack to {size:,} bytes, {size // packed} times its size: a zip bomb, "
            f"or no delivery of registers (limits: {MAX_RATIO} times, {MAX_UNPACKED_BYTES:,} bytes). "
            "If you trust it, unpack it yourself and load the files."
        )


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    """Copy a member out, never more than it declared: a lying header is a bomb too."""
    left = member.file_size
    try:
        with opened.open(member) as packed, target.open("wb") as file:
            while part := packed.read(CHUNK_BYTES):
                left -= len(part)
                if left < 0:
                    raise SourceError(
                        f"{target.name} is larger than its archive says. Do not trust this archive."
                    )
                file.write(part)
    except (zipfile.BadZipFile, RuntimeError, EOFError) as cause:
        raise SourceError(
            f"{member.filename}: the archive is damaged or locked by a password: {cause}"
        ) from cause
