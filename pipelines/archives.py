"""Zip archives unpacked with care: no bombs, no names that lead out of the folder."""

import lzma
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from mesip.errors import SourceError

CHUNK_BYTES = 1 << 20
MAX_MEMBERS = 10_000
MAX_UNPACKED_BYTES = 20 << 30
# Text of registers packs 10 to 30 times; a bomb packs a thousand times.
MAX_RATIO = 200
RATIO_FREE_BYTES = 50 << 20
# What other systems leave in archives beside the delivery.
LITTER = frozenset({"thumbs.db", "desktop.ini"})


def unpack(archive: Path, folder: Path) -> tuple[Path, ...]:
    """Write the files of ``archive`` under ``folder``; return where they are, in the order of the archive.

    Raises:
        SourceError: it is damaged, locked, empty, a bomb, or a member would be written outside ``folder``.
    """
    with opened_archive(archive) as opened:
        members = [member for member in opened.infolist() if not member.is_dir() and not _is_litter(member)]
        check_size(archive)
        _check_names(archive, members)
        return tuple(_written(opened, member, folder) for member in members)


def check_size(archive: Path) -> None:
    """Refuse an archive that would fill the disk or the memory.

    Raises:
        SourceError: it is damaged, or unpacks to more than a delivery can be.
    """
    with opened_archive(archive) as opened:
        size = sum(member.file_size for member in opened.infolist())
    if is_bomb(size, packed := archive.stat().st_size):
        raise SourceError(
            f"{archive.name} would unpack to {size:,} bytes, {size // packed} times its size: a zip bomb, "
            f"or no delivery of registers (limits: {MAX_RATIO} times, {MAX_UNPACKED_BYTES:,} bytes). "
            "If you trust it, unpack it yourself and load the files."
        )


def is_bomb(size: int, packed: int) -> bool:
    """Whether ``packed`` bytes that become ``size`` bytes are more than any register's text."""
    return size > MAX_UNPACKED_BYTES or (size > RATIO_FREE_BYTES and size > packed * MAX_RATIO)


def opened_archive(archive: Path) -> zipfile.ZipFile:
    """The archive, its list of members read.

    Raises:
        SourceError: it is none, or damaged.
    """
    try:
        return zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as cause:
        raise SourceError(
            f"{archive.name} is no whole zip archive ({cause}): the download or copy broke off, or the file "
            "has a wrong name. Fetch it again."
        ) from cause


def _is_litter(member: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(member.filename)
    return (
        "__MACOSX" in name.parts or name.name.startswith("._") or name.name.lower() in LITTER | {".ds_store"}
    )


def _check_names(archive: Path, members: list[zipfile.ZipInfo]) -> None:
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
    if twice := _repeated(member.filename for member in members):
        raise SourceError(
            f"{archive.name}: {len(twice)} names stand in it twice, such as {twice[0]!r}. "
            "Ask the supplier which is right, and for an archive with that one."
        )


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _written(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> Path:
    target = folder.joinpath(*PurePosixPath(member.filename).parts)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(opened, member, target)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, EOFError, OSError) as cause:
        raise SourceError(
            f"{opened.filename and Path(opened.filename).name}: the member {member.filename!r} cannot be "
            f"unpacked ({cause}). Fetch the archive again; if it has a password, unpack it yourself."
        ) from cause
    return target


def _copy(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    """Copy a member out, never more than it declared: a lying header is a bomb too."""
    left = member.file_size
    with opened.open(member) as packed, target.open("wb") as file:
        while part := packed.read(CHUNK_BYTES):
            left -= len(part)
            if left < 0:
                raise SourceError(
                    f"{target.name} is larger than its archive says. Do not trust this archive."
                )
            file.write(part)
    if left:
        raise SourceError(f"{target.name} is smaller than its archive says. Fetch the archive again.")
