"""A second database: equal to the first in what is public, and in nothing else."""

import pytest
import sqlalchemy as sa

from api.reading import close_readers
from layers import all_layers
from layers.access import may_see
from mesip.database import Database
from mesip.settings import settings
from pipelines.migrate import migrate


@pytest.fixture(scope="module")
def other(vaulted, node, administer):
    """A database that is equal to ``vaulted`` in what is public, and in nothing else."""
    address = sa.make_url(vaulted.url)
    name = f"{address.database}_other"
    close_readers()
    vaulted.engine.dispose()
    administer(f"CREATE DATABASE {name} TEMPLATE {address.database}")
    copy = Database(address.set(database=name).render_as_string(hide_password=False), node.home)
    migrate(copy, all_layers().values(), node.srid)
    with copy.transaction() as connection:
        connection.exec_driver_sql("SELECT setseed(0.5)")
        for layer in all_layers().values():
            change_layer(connection, layer)
        change_registry(connection)
    with copy.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    copy.engine.dispose()
    yield copy
    copy.engine.dispose()
    close_readers()
    administer(f"DROP DATABASE {name} WITH (FORCE)")


OTHER = {
    "text": "md5({key} || random())",
    "integer": "(random() * 1000)::bigint",
    "number": "random() * 1000",
    "date": "date '2000-01-01' + (random() * 9000)::int",
    "moment": "timestamptz '2000-01-01' + random() * interval '9000 days'",
    "flag": "random() < 0.5",
}


def change_layer(connection, layer):
    """Every hidden value becomes another one; every row moves to another place of the table."""
    hidden = {"run": "run + 1000", "stand": "stand - 100", "hash": "gen_random_uuid()"}
    for field in layer.fields:
        if not (may_see("public", layer.access) and may_see("public", field.access)):
            hidden[field.name] = OTHER[field.kind].format(key=layer.key)
    changes = ", ".join(f"{name} = {value}" for name, value in hidden.items())
    for table in (f"city.{layer.name}", f"city.{layer.name}_history"):
        connection.execute(sa.text(f"UPDATE {table} SET {changes} WHERE random() < 0.9"))
    if not may_see("public", layer.access):
        connection.execute(sa.text(f"DELETE FROM city.{layer.name} WHERE random() < 0.5"))
        moved = "rows = rows / 2, seq = seq + 99, stand = stand - 9, extent = '{0,0,1,1}'"
        connection.execute(
            sa.text(f"UPDATE registry.head SET {moved} WHERE layer = :layer"), {"layer": layer.name}
        )
    elif len(layer.visible_fields("public")) < len(layer.fields):
        split_versions(connection, layer, hidden)


def split_versions(connection, layer, hidden):
    """Some versions become two, which differ in hidden values only: in valid or in recorded time."""
    kept = [
        column for column in column_names(connection, layer) if column not in (*hidden, "valid", "recorded")
    ]
    columns = ", ".join([*kept, *hidden])
    values = ", ".join([*kept, *hidden.values()])
    history, now = f"city.{layer.name}_history", f"city.{layer.name}"
    day = "interval '1 day' * (1 + random())"
    for statement in (
        # A superseded version: the part after a day in its valid time.
        f"INSERT INTO {history} ({columns}, valid, recorded) SELECT {values}, "
        f"tstzrange(lower(valid) + interval '1 day', upper(valid)), recorded FROM {history} "
        "WHERE upper(valid) - lower(valid) > interval '2 days' AND NOT isempty(valid)",
        f"UPDATE {history} AS whole SET valid = tstzrange(lower(valid), lower(valid) + interval '1 day') "
        f"WHERE EXISTS (SELECT FROM {history} AS part WHERE part.{layer.key} = whole.{layer.key} AND "
        "part.recorded = whole.recorded AND part.valid = "
        "tstzrange(lower(whole.valid) + interval '1 day', upper(whole.valid)))",
        # A current row: what was before a later beginning of its valid time, or of its record.
        f"CREATE TEMPORARY TABLE began ON COMMIT DROP AS SELECT {layer.key} AS key, valid_since, "
        f"recorded_since, valid_since + {day} AS later, random() < 0.5 AS of_world, "
        f"recorded_since + interval '1 second' * random() AS told FROM {now} WHERE random() < 0.5",
        f"INSERT INTO {history} ({columns}, valid, recorded) SELECT {values}, "
        "CASE WHEN of_world THEN tstzrange(began.valid_since, later) "
        "ELSE tstzrange(began.valid_since, NULL) END, "
        "CASE WHEN of_world THEN tstzrange(began.recorded_since, NULL) "
        "ELSE tstzrange(began.recorded_since, told) END "
        f"FROM {now} JOIN began ON began.key = {layer.key}",
        f"UPDATE {now} SET valid_since = CASE WHEN of_world THEN later ELSE began.valid_since END, "
        "recorded_since = CASE WHEN of_world THEN began.recorded_since ELSE told END "
        f"FROM began WHERE began.key = {layer.key}",
        "DROP TABLE began",
        "INSERT INTO registry.change (layer, seq, op, kind, key, run) "
        "SELECT layer, seq + n, 'change', 'real', 'x', 1 FROM registry.head, generate_series(1, 7) AS n "
        f"WHERE layer = '{layer.name}'",
        f"UPDATE registry.head SET seq = seq + 7 WHERE layer = '{layer.name}'",
    ):
        connection.execute(sa.text(statement))


def column_names(connection, layer):
    """Every column of the history that can be written."""
    query = sa.text(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'city' "
        "AND table_name = :name AND is_generated = 'NEVER'"
    )
    return connection.execute(query, {"name": f"{layer.name}_history"}).scalars().all()


def change_registry(connection):
    """Other deliveries, runs, rejected rows, issues, keys, and another audit."""
    for statement in (
        "INSERT INTO registry.delivery (sha256, name, bytes) "
        "SELECT md5(n::text), 'secret' || n, n FROM generate_series(1, 50) AS n",
        "INSERT INTO registry.run (feed, deliveries, stand, state, accepted) "
        "SELECT 'proceedings', '{}', '2020-01-01', 'published', '{}' FROM generate_series(1, 50)",
        "DELETE FROM registry.issue WHERE random() < 0.5",
        "INSERT INTO registry.reject (run, layer, origin, key, row) "
        "SELECT 1, 'trees', 'row ' || n, 'hidden' || n, '{}' FROM generate_series(1, 99) AS n",
        "INSERT INTO registry.audit (at, key, level, method) "
        "SELECT now(), 'k' || n, 'internal', 'GET' FROM generate_series(1, 99) AS n",
        "INSERT INTO registry.api_key (id, hash, level, note) "
        "SELECT 'k' || n, decode(md5(n::text), 'hex'), 'internal', 'other' FROM generate_series(1, 9) AS n",
        "UPDATE registry.api_key SET revoked_at = now()",
    ):
        connection.exec_driver_sql(statement)


# The wall, broken on purpose


@pytest.fixture
def rows_chosen_by_a_hidden_field(vaulted, other, mended):
    """The public sees just the benches of which somebody complained."""
    view = "SELECT pg_get_viewdef('public_api.benches'::regclass)"
    for database in (vaulted, other):
        with database.transaction() as connection:
            seen = connection.exec_driver_sql(view).scalar_one().strip().rstrip(";")
            change = f"CREATE OR REPLACE VIEW public_api.benches AS {seen} WHERE complaint"
            connection.exec_driver_sql(change.replace("%", "%%"))


@pytest.fixture
def mended(vaulted, other):
    """The wall is made anew afterwards."""
    yield
    for database in (vaulted, other):
        with database.transaction() as connection:
            connection.exec_driver_sql("DROP SCHEMA public_api CASCADE")
        migrate(database, all_layers().values(), settings().srid)
