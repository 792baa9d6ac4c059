"""Every file of the corpus is loaded, rejected in part, or refused, as its label says."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from mesip.database import Database
from mesip.errors import PlatformError
from mesip.settings import Settings
from pipelines.load import Order, load

MAKE = Path(__file__).parent / "corpus" / "make.py"
LEAST = 120
# What says that a file is well: a false accept is one that says it of what should be rejected or refused.
ACCEPTED = "loaded"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the files and of `labels.json`."""
    folder = tmp_path_factory.mktemp("corpus")
    subprocess.run([sys.executable, MAKE, folder], check=True)
    return folder


def outcome(path: Path, feed: str, database: Database, node: Settings) -> str:
    """What becomes of the file when it is loaded on trial, in the words of the labels."""
    order = Order(feed, (path,), date(2024, 6, 1), frozenset({"rejects"}), dry_run=True)
    try:
        done = load(order, database, node)
    except PlatformError as fault:
        return f"refused {fault.exit_code}"
    except Exception as fault:  # noqa: BLE001 - a fault of ours is one line of the account, too
        return f"fault {fault!r}"[-300:]
    with database.transaction() as connection:
        query = sa.text("SELECT count(*) FROM registry.reject WHERE run = :run")
        rejected = connection.execute(query, {"run": done.run}).scalar_one()
    read = sum(account.stated()["read"] for account in done.accounts.values())
    return f"rejected {rejected} of {read}" if rejected else f"loaded {read}"


def differences(corpus: Path, database: Database, node: Settings) -> Iterator[tuple[str, str, str]]:
    """Name, expected and got of each file that is treated otherwise than its label says."""
    for name, label in json.loads((corpus / "labels.json").read_text()).items():
        got = outcome(corpus / name, label["feed"], database, node)
        if got != label["expected"]:
            yield name, label["expected"], got


def test_every_file_is_treated_as_its_label_says(corpus, database, node):
    wrong = list(differences(corpus, database, node))
    accepted = [each for each in wrong if each[2].startswith(ACCEPTED)]
    refused = [each for each in wrong if each[1].startswith(ACCEPTED)]
    print(f"{len(accepted)} falsely accepted, {len(refused)} falsely rejected")
    assert not wrong, "\n".join(f"{name}: expected {expected}, got {got}" for name, expected, got in wrong)


def test_the_corpus_holds_enough_of_each_kind(corpus):
    labels = json.loads((corpus / "labels.json").read_text()).values()
    counted = Counter(label["expected"].split()[0] for label in labels)
    assert sum(counted.values()) >= LEAST
    assert min(counted[kind] for kind in ("loaded", "rejected", "refused")) >= LEAST // 4
