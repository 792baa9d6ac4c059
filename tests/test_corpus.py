"""Every file of the corpus is loaded, rejected in part, or refused, as its label says."""

import json
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from mesip.database import Database
from mesip.errors import GuardError, PlatformError
from mesip.settings import Settings
from pipelines.issue_codes import CODES
from pipelines.load import Order, load

MAKE = Path(__file__).parent / "corpus" / "make.py"
PAGE = Path(__file__).parents[1] / "docs" / "corpus.md"
LEAST = 500
# A machine that does other work as well is slow, not wrong.
pytestmark = pytest.mark.timeout(1800)
# From what accepts most to what accepts least.
KINDS = ("loaded", "rejected", "refused")
HEAD = """# The corpus of labelled files

Written by `make corpus`, which makes the files (`tests/corpus/`), loads each on trial and compares what
becomes of it with what a sensible operator expects: all rows loaded, some rejected with these codes of
issues (`docs/issues.md`), or the file refused with this exit code and these words in its sentence; 4 names
the guard.

"""


class Treated(NamedTuple):
    """A file of the corpus, what is expected of it, and what became of it."""

    name: str
    what: str
    expected: str
    got: str

    @property
    def more(self) -> int:
        """1: more of the file is accepted than expected; -1: less; 0: as much."""
        expected, got = (_rank(said) for said in (self.expected, self.got))
        return (got > expected) - (got < expected)


def _rank(said: str) -> tuple[int, int]:
    """How much is accepted: the kind of answer first, then how few rows are rejected."""
    kind, number, *_ = said.split()
    known = -KINDS.index(kind) if kind in KINDS else -len(KINDS)
    return known, -int(number) if kind == "rejected" else 0


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the files and of `labels.json`."""
    folder = tmp_path_factory.mktemp("corpus")
    subprocess.run([sys.executable, MAKE, folder], check=True)
    return folder


@pytest.fixture(scope="module")
def treated(
    corpus: Path, database: Database, node: Settings, request: pytest.FixtureRequest
) -> list[Treated]:
    """All files, loaded on trial. Of some that are alike, only `make corpus` loads each; here the others are
    taken to be as expected, which the committed table confirms.
    """
    found = []
    for name, label in json.loads((corpus / "labels.json").read_text()).items():
        asked = label["often"] or request.config.getoption("--write-corpus")
        got = outcome(corpus / name, label, database, node) if asked else label["expected"]
        found.append(Treated(name, label["what"], label["expected"], got))
    return found


def outcome(path: Path, label: dict[str, Any], database: Database, node: Settings) -> str:
    """What becomes of the file when it is loaded on trial, in the words of the labels."""
    order = Order(label["feed"], (path,), date(2024, 6, 1), frozenset({"rejects"}), dry_run=True)
    try:
        done = load(order, database, node)
    except GuardError as fault:
        return f"refused {fault.exit_code}: {fault.guard}"
    except PlatformError as fault:
        words = label["expected"].partition(": ")[2]
        told = words if words and words in str(fault) else str(fault)
        return f"refused {fault.exit_code}: {told}"
    except Exception as fault:  # noqa: BLE001 - a fault of ours is one line of the account, too
        return f"fault 0 {fault!r}"[-300:]
    with database.transaction() as connection:
        count = sa.text("SELECT count(*) FROM registry.reject WHERE run = :run")
        rejected = connection.execute(count, {"run": done.run}).scalar_one()
        named = "SELECT DISTINCT code FROM registry.issue WHERE run = :run AND reject > 0 ORDER BY code"
        codes = connection.execute(sa.text(named), {"run": done.run}).scalars().all()
    read = sum(account.stated()["read"] for account in done.accounts.values())
    return f"rejected {rejected} of {read}: {', '.join(codes)}" if rejected else f"loaded {read}"


def page(treated: list[Treated]) -> str:
    """The table of the corpus."""
    accepted, rejected = (sum(each.more == sign for each in treated) for sign in (1, -1))
    kinds = Counter(each.got.split()[0] for each in treated)
    told = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS)
    lines = [
        HEAD + f"{len(treated)} files: {told}. False accepts: {accepted}. False rejects: {rejected}.\n",
        "| file | what it is | expected | got |",
        "|---|---|---|---|",
        *(
            f"| `{each.name}` | {_cell(each.what)} | {each.expected} | {_cell(each.got)} |"
            for each in treated
        ),
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def test_every_file_is_treated_as_its_label_says(treated):
    wrong = [each for each in treated if each.got != each.expected]
    counts = Counter(each.more for each in treated)
    print(f"{counts[1]} falsely accepted, {counts[-1]} falsely rejected")
    assert not wrong, "\n".join(f"{each.name}: expected {each.expected}, got {each.got}" for each in wrong)


def test_the_table_of_the_corpus_is_as_it_is_in_the_documents(treated, request):
    found = page(treated)
    if request.config.getoption("--write-corpus"):
        PAGE.write_text(found)
    assert PAGE.read_text() == found, "run `make corpus`"


def test_the_corpus_holds_enough_of_each_kind(corpus):
    labels = json.loads((corpus / "labels.json").read_text()).values()
    counted = Counter(label["expected"].split()[0] for label in labels)
    assert sum(counted.values()) >= LEAST
    assert min(counted[kind] for kind in KINDS) >= LEAST // 5


def test_every_label_that_rejects_names_codes_of_issues(corpus):
    labels = [label["expected"] for label in json.loads((corpus / "labels.json").read_text()).values()]
    named = {
        code for each in labels if each.startswith("rejected") for code in each.partition(": ")[2].split(", ")
    }
    assert named <= set(CODES)
    assert all(each.partition(": ")[2] for each in labels if not each.startswith("loaded"))
