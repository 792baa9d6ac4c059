"""Files that were made once and are kept under the home, up to a number of bytes; the least used go first."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# The shelf is looked through when so much of its bound was added, and cleared to this part of it.
LOOK_AFTER, CLEAR_TO = 1 / 16, 0.9
# A file takes at least so much of a disk.
BLOCK_BYTES = 4096


class Shelf:
    """A folder of files. Several processes may keep one: what two want at once is made once.

    Each process looks how full it is after what it added itself, so it may be a little over its bound.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder, self.most_bytes = folder, most_bytes
        # As if much had been added before: the first addition looks.
        self._added = most_bytes

    def found(self, name: str) -> Path | None:
        """The file of this name, if it is there; it counts as used now."""
        path = self.folder / name
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def kept(self, name: str, make: Callable[[Path], object]) -> Path:
        """The file of this name, made by ``make`` at a path that it is given, unless it is there."""
        if path := self.found(name):
            return path
        with self._locked(name):
            return self.found(name) or self._added_file(name, make)

    def _added_file(self, name: str, make: Callable[[Path], object]) -> Path:
        path = self.folder / name
        with tempfile.TemporaryDirectory(dir=self._making) as beside:
            make(fresh := Path(beside) / path.name)
            size = max(fresh.stat().st_size, BLOCK_BYTES)
            fresh.replace(path)
        self._added += size
        if self._added > self.most_bytes * LOOK_AFTER:
            self._clear(path)
        return path

    @property
    def _making(self) -> Path:
        return self.folder / ".making"

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Alone with this name, among all threads and processes."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        self._making.mkdir(exist_ok=True)
        lock = self._making / f"{name.replace('/', '+')}.lock"
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)

    def _clear(self, newest: Path) -> None:
        self._added = 0
        files = sorted((used, size, path) for path, used, size in self._files() if path != newest)
        total = newest.stat().st_size + sum(size for _, size, _ in files)
        if total <= self.most_bytes:
            return
        for _, size, path in files:
            path.unlink(missing_ok=True)
            total -= size
            if total <= self.most_bytes * CLEAR_TO:
                return

    def _files(self) -> Iterator[tuple[Path, int, int]]:
        """Every kept file: path, when it was used last, bytes."""
        for folder, below, names in os.walk(self.folder):
            if ".making" in below:
                below.remove(".making")
            for name in names:
                path = Path(folder) / name
                try:
                    told = path.stat()
                except FileNotFoundError:
                    continue
                yield path, told.st_mtime_ns, max(told.st_size, BLOCK_BYTES)
