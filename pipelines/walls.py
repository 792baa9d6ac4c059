"""The wall of each level: a schema with what the level sees, and a role that sees that schema only."""

import hashlib
from collections.abc import Iterable

import sqlalchemy as sa

from layers import LEVELS, Layer, Level
from layers.access import may_see
from mesip.database import Database
from mesip.passwords import password
from pipelines.level_jobs import job_functions
from pipelines.level_metrics import metrics_function
from pipelines.seen import current, past, sees_all, versions

PATIENCE = "30s"
NOTHING_ELSE = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT"


def raise_walls(connection: sa.Connection, database: Database, layers: Iterable[Layer]) -> None:
    """Make the role of each level, and its schema anew if it is not as the declarations say.

    A schema that is as it should be is left alone: its readers need not wait.
    """
    declared, run = list(layers), connection.exec_driver_sql
    for level in LEVELS:
        _make_role(connection, database, level)
    name = sa.make_url(database.url).database
    # Whoever may connect may otherwise make temporary tables, and in old versions tables in `public`.
    run(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    for level in LEVELS:
        role = database.role(level)
        run(f'GRANT CONNECT ON DATABASE "{name}" TO "{role}"')
        statements = wall(level, declared, role)
        print_ = hashlib.sha256("\n".join(statements).encode()).hexdigest()
        if _standing(connection, level) == (print_, _relations(declared, level)):
            continue
        for statement in statements:
            run(statement.replace("%", "%%"))
        run(f"COMMENT ON SCHEMA {schema(level)} IS '{print_}'")


def schema(level: Level) -> str:
    """The schema of a level."""
    return f"{level}_api"


def wall(level: Level, layers: Iterable[Layer], role: str) -> list[str]:
    """The statements that make the schema of ``level`` and let ``role``, and nobody else, read it."""
    here, seen = schema(level), [layer for layer in layers if may_see(level, layer.access)]
    return [
        f"DROP SCHEMA IF EXISTS {here} CASCADE",
        f"CREATE SCHEMA {here}",
        *(statement for layer in seen for statement in _layer(layer, level)),
        _heads(level, seen),
        _runs(level, seen),
        _keys(here) if level == "public" else _audit(here, level),
        *job_functions(here, level),
        *([metrics_function(here, _quoted(seen))] if level == "internal" else []),
        f'GRANT USAGE ON SCHEMA {here} TO "{role}"',
        f'GRANT SELECT ON ALL TABLES IN SCHEMA {here} TO "{role}"',
        f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {here} FROM PUBLIC",
        f'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {here} TO "{role}"',
    ]


def _make_role(connection: sa.Connection, database: Database, level: Level) -> None:
    role, run = database.role(level), connection.exec_driver_sql
    if not run("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).scalar():
        run(f'CREATE ROLE "{role}" LOGIN {NOTHING_ELSE}')
    # The secret is made of letters, digits, - and _ (token_urlsafe), so it needs no quoting.
    run(f"ALTER ROLE \"{role}\" PASSWORD '{password(database.home, role)}'")
    run(f'ALTER ROLE "{role}" SET search_path = {schema(level)}, public')
    run(f"ALTER ROLE \"{role}\" SET statement_timeout = '{PATIENCE}'")


def _standing(connection: sa.Connection, level: Level) -> tuple[str | None, int]:
    """The fingerprint of the schema as it was made, and how many relations are in it now."""
    query = """
        SELECT obj_description(oid, 'pg_namespace'),
               (SELECT count(*) FROM pg_class WHERE relnamespace = pg_namespace.oid)
        FROM pg_namespace WHERE nspname = %s
    """
    found = connection.exec_driver_sql(query, (schema(level),)).one_or_none()
    return (found[0], found[1]) if found else (None, 0)


def _relations(layers: list[Layer], level: Level) -> int:
    """Three views of every layer, that of the heads, and that of the runs."""
    return 3 * sum(may_see(level, layer.access) for layer in layers) + 2


def _layer(layer: Layer, level: Level) -> list[str]:
    """The current rows of a layer, those that are not, both, and its rows at a pair of times."""
    here = f"{schema(level)}.{layer.name}"
    return [
        f"CREATE VIEW {here}_versions AS {versions(layer, level)}",
        f"CREATE VIEW {here} AS {current(layer, level, f'{here}_versions')}",
        f"CREATE VIEW {here}_past AS {past(layer, level, f'{here}_versions')}",
        # Of plain SQL and as its caller, so that the planner sees through it to the indexes.
        f"""CREATE FUNCTION {here}_at(valid_at timestamptz, known_at timestamptz)
            RETURNS SETOF {here}_versions LANGUAGE sql STABLE PARALLEL SAFE AS $$
                SELECT * FROM {here}_versions WHERE valid @> valid_at AND recorded @> known_at
            $$""",
    ]


def _heads(level: Level, layers: list[Layer]) -> str:
    """The state of each layer. Who may not see every field is told of the changes that they can see."""
    names, blind = (
        _quoted(chosen) for chosen in (layers, [layer for layer in layers if not sees_all(layer, level)])
    )
    return f"""
        CREATE VIEW {schema(level)}.layer_heads AS
        SELECT head.layer, COALESCE(seen.seq, head.seq) AS seq, rows, stand, extent, published_at
        FROM registry.head LEFT JOIN registry.level_head AS seen
            ON seen.layer = head.layer AND seen.level = '{level}' AND head.layer = ANY(ARRAY[{blind}]::text[])
        WHERE head.layer = ANY(ARRAY[{names}]::text[])
    """


def _quoted(layers: Iterable[Layer]) -> str:
    return ", ".join(f"'{layer.name}'" for layer in layers)


def _runs(level: Level, layers: list[Layer]) -> str:
    """The runs that published a layer, of layers of which the level sees every field: others tell too much.

    The hashes of a delivery are told where nothing else is in it.
    """
    names = _quoted(layer for layer in layers if sees_all(layer, level))
    seen = f"ANY(ARRAY[{names}]::text[])"
    other = f"SELECT FROM registry.account AS other WHERE other.run = run.run AND NOT other.layer = {seen}"
    return f"""
        CREATE VIEW {schema(level)}.layer_runs AS
        SELECT account.layer, account.head AS seq, run.stand, run.recorded_at, run.state,
            added, changed, confirmed, removed, rejected,
            CASE WHEN NOT EXISTS ({other}) THEN run.deliveries END AS deliveries
        FROM registry.account JOIN registry.run USING (run)
        WHERE run.state IN ('published', 'unchanged') AND account.layer = {seen}
    """


def _keys(here: str) -> str:
    """The level that a key opens, for whom knows the hash of the key."""
    return f"""
        CREATE FUNCTION {here}.key_of(digest bytea) RETURNS TABLE (id text, level text)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            SELECT id, level FROM registry.api_key
            WHERE hash = digest AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
        $$
    """


def _audit(here: str, level: Level) -> str:
    """Write down what was read at this level: a level can speak for itself only."""
    columns = "at timestamptz, key text, method text, path text, query text, status int, rows bigint"
    return f"""
        CREATE FUNCTION {here}.note_reads(reads jsonb) RETURNS bigint
        LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            WITH noted AS (
                INSERT INTO registry.audit (at, key, level, method, path, query, status, rows)
                SELECT at, key, '{level}', method, path, query, status, rows
                FROM jsonb_to_recordset(reads) AS read ({columns}) RETURNING audit
            ) SELECT count(*) FROM noted
        $$
    """
