"""Write the corpus of labelled files: what is good, what is wrong, and what to expect of each.

    python tests/corpus/make.py FOLDER

writes the files and ``labels.json``: for each file its feed, what it is, and what is expected: ``loaded 6``,
``rejected 1 of 6: geometry.type`` (rows, codes of issues), or ``refused 3: broke off`` (exit code, words of
the sentence; of a guard its name). What is expected was written down before the program was asked.
"""

import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from archives import archive_cases
from cases import Case
from documents import gml_cases
from shapes import shape_cases
from systems import system_cases
from tables import table_cases

# What of a case is the file itself.
FILE = ("name", "content")


def main() -> None:
    """Write the files into the folder that the command names."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    labels = {}
    with TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        for turn, case in enumerate(cases(Path(folder))):
            if case.name in labels:
                raise ValueError(f"two files of the corpus are called {case.name}")
            (target / case.name).write_bytes(case.content)
            # What is refused is refused at once: `make test` loads every second one of it, else every fourth.
            often = case.often and turn % (2 if case.expected.startswith("refused") else 4) == 0
            told = case._replace(often=often)._asdict()
            labels[case.name] = {name: said for name, said in told.items() if name not in FILE}
    (target / "labels.json").write_text(json.dumps(labels, indent=1, ensure_ascii=False))


def cases(folder: Path) -> Iterator[Case]:
    """All files; foreign writers write in ``folder``."""
    yield from gml_cases()
    yield from table_cases(folder)
    yield from archive_cases(folder)
    yield from shape_cases(folder)
    yield from system_cases(folder)


if __name__ == "__main__":
    main()
