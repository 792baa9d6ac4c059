"""What must hold after whatever happened: no gap, no double, nothing left behind."""

import time
from collections.abc import Iterator

from ground import OURS, Ground

from layers import Layer
from layers.table import indexes

PATIENCE_S = 10


def broken(ground: Ground, layers: list[Layer]) -> Iterator[str]:
    """What does not hold of what is published, in sentences."""
    queries = [
        f"SELECT '{layer.name}: {promise}', ({query})"
        for layer in layers
        for promise, query in _promises(layer).items()
    ]
    for sentence, count in ground.ask(" UNION ALL ".join(queries)):
        if count != 0:
            yield f"{sentence}: broken ({count})"


def leftovers(ground: Ground) -> list[str]:
    """What only a load under way may have; what is ending has a moment to do so."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := _left(ground)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _promises(layer: Layer) -> dict[str, str]:
    """Queries that give zero."""
    key, current, ours = layer.key, f"city.{layer.name}", f"WHERE layer = '{layer.name}'"
    beliefs = f"(SELECT ctid AS place, {key}, valid FROM {current}_history WHERE upper_inf(recorded))"
    last = f"(SELECT DISTINCT ON (key) key, hash, op FROM registry.change {ours} ORDER BY key, seq DESC)"
    named = ", ".join(f"'{name}'" for name in indexes(layer)) or "NULL"
    return {
        "no id stands twice": f"SELECT count(*) - count(DISTINCT {key}) FROM {current}",
        "the change log begins at 1 and has no gap": "SELECT count(*) - COALESCE(max(seq), 0) "
        f"+ abs(COALESCE(min(seq), 1) - 1) FROM registry.change {ours}",
        "the head is the last change": f"SELECT COALESCE((SELECT seq FROM registry.head {ours}), 0) "
        f"- COALESCE(max(seq), 0) FROM registry.change {ours}",
        "the head counts the rows": f"SELECT COALESCE((SELECT rows FROM registry.head {ours}), 0) - count(*) "
        f"FROM {current}",
        "the change log gives the rows": f"SELECT count(*) FROM (SELECT key, hash FROM {last} AS last "
        f"WHERE op <> 'remove') AS told FULL JOIN {current} AS row ON row.{key}::text = told.key "
        "AND row.hash = told.hash WHERE told.key IS NULL OR row.hash IS NULL",
        "one belief of a time": f"SELECT count(*) FROM {beliefs} AS a JOIN {beliefs} AS b "
        f"ON a.{key} = b.{key} AND a.place < b.place AND a.valid && b.valid",
        "the history ends where the present begins": f"SELECT count(*) FROM {beliefs} AS a "
        f"JOIN {current} AS b ON a.{key} = b.{key} AND a.valid && tstzrange(b.valid_since, NULL)",
        "it has a primary key": "SELECT 1 - count(*) FROM pg_constraint "
        f"WHERE conrelid = '{current}'::regclass AND contype = 'p'",
        "it has its indexes": f"SELECT {len(indexes(layer))} - count(*) FROM pg_indexes "
        f"WHERE schemaname = 'city' AND tablename = '{layer.name}' AND indexname IN ({named})",
    }


def _left(ground: Ground) -> list[str]:
    queries = (
        "SELECT 'run ' || run || ' is running' FROM registry.run WHERE state = 'running'",
        "SELECT 'the table ' || tablename FROM pg_tables WHERE schemaname = 'staging'",
        "SELECT 'an advisory lock' FROM pg_locks WHERE locktype = 'advisory'",
        "SELECT 'a session: ' || left(query, 60) FROM pg_stat_activity WHERE datname = current_database() "
        f"AND backend_type = 'client backend' AND usename = current_user AND application_name <> '{OURS}'",
    )
    found = [what for query in queries for (what,) in ground.ask(query)]
    found += [f"the folder {path.name}" for path in (ground.home / "work").glob("load-*")]
    drafts = [*(ground.home / "deliveries").rglob(".*"), *(ground.home / "cache").rglob("*.[0-9]*")]
    return found + [f"the file {path.name}" for path in drafts]
