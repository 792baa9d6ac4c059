"""Write the corpus of labelled files: what is good, what is wrong, and what to expect of each.

    python tests/corpus/make.py FOLDER

writes the files and ``labels.json``: for each file its feed and what is expected, ``loaded 6``,
``rejected 1 of 6`` (rows), or ``refused 3`` (exit code).
"""

import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from archives import archive_cases
from documents import Case, gml_cases
from tables import table_cases


def main() -> None:
    """Write the files into the folder that the command names."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    labels = {}
    with TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        for case in cases(Path(folder)):
            if case.name in labels:
                raise ValueError(f"two files of the corpus are called {case.name}")
            (target / case.name).write_bytes(case.content)
            labels[case.name] = {"feed": case.feed, "expected": case.expected}
    (target / "labels.json").write_text(json.dumps(labels, indent=1))


def cases(folder: Path) -> Iterator[Case]:
    """All files; foreign writers write in ``folder``."""
    yield from gml_cases()
    yield from table_cases(folder)
    yield from archive_cases(folder)


if __name__ == "__main__":
    main()
