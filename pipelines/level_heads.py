"""How many changes of a layer a level has seen: a change of fields closed to it is none for it."""

import sqlalchemy as sa

from layers import LEVELS, Level
from pipelines.guards import Account
from pipelines.publication import Publication
from pipelines.seen import sees_all


def changes_seen(connection: sa.Connection, this: Publication, counted: Account) -> dict[Level, int]:
    """The changes that each level sees which may not see every field; asked before the old rows go."""
    return {
        level: counted.added
        + counted.removed
        + (_visibly_changed(connection, this, level) if counted.changed else 0)
        for level in LEVELS
        if not sees_all(this.layer, level)
    }


def move_level_heads(connection: sa.Connection, this: Publication, seen: dict[Level, int]) -> None:
    """Add what each level has seen to its head, which begins where the head of all is; that moves after."""
    for level, changes in seen.items():
        connection.execute(
            sa.text("""
                INSERT INTO registry.level_head AS kept (layer, level, seq)
                SELECT :layer, :level, :changes + COALESCE(
                    (SELECT seq FROM registry.head WHERE layer = :layer), 0)
                ON CONFLICT (layer, level) DO UPDATE SET seq = kept.seq + :changes
            """),
            {"layer": this.layer.name, "level": level, "changes": changes},
        )


def _visibly_changed(connection: sa.Connection, this: Publication, level: Level) -> int:
    names = [*(field.name for field in this.layer.visible_fields(level)), "geom"]
    old, new = (", ".join(f"{side}.{name}" for name in names) for side in ("old", "new"))
    key = this.layer.key
    query = f"""
        SELECT count(*) FROM {this.diff} AS diff
        JOIN {this.staged} AS new ON new.{key} = diff.key AND new.ended IS NULL
        JOIN {this.current} AS old ON old.{key} = diff.key
        WHERE diff.op = 'change' AND ({old}) IS DISTINCT FROM ({new})
    """
    return connection.exec_driver_sql(query).scalar_one()
