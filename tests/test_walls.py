"""The wall stands in the database: each level's role reads what is declared for it, and nothing else."""

from dataclasses import replace

import psycopg
import pytest

from layers import LEVELS, all_layers, get_layer
from layers.access import may_see
from pipelines.migrate import migrate
from pipelines.walls import schema

OWN = ["geom", "lonlat"]
# Every column of every relation that a role can read, as a catalogue tells; PostgreSQL's own are left out.
READABLE = """
    SELECT nspname, relname, attname
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE attnum > 0 AND NOT attisdropped AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
      AND has_schema_privilege(current_user, nspname, 'USAGE')
      AND has_column_privilege(current_user, attrelid, attnum, 'SELECT')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = attrelid AND deptype = 'e')
"""

every_level = pytest.mark.parametrize("level", LEVELS)


@pytest.fixture
def asked_as(loaded):
    """Ask the database as somebody of a level: ``asked_as("partner", "SELECT …")`` gives tuples."""

    def ask(level: str, query: str) -> list[tuple]:
        with psycopg.connect(loaded.level_url(level), autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    return ask


@pytest.fixture(scope="module")
def readable(loaded):
    """Per level, what its role can read: a set of (schema, relation, column)."""
    found = {}
    for level in LEVELS:
        with psycopg.connect(loaded.level_url(level), autocommit=True) as connection:
            found[level] = set(connection.execute(READABLE).fetchall())
    return found


@every_level
def test_a_level_reads_just_the_declared_columns_of_a_layer(readable, layer, level):
    views = [layer.name, f"{layer.name}_versions", f"{layer.name}_past"]
    found = {each for each in readable[level] if each[1] in views}
    names = [field.name for field in layer.fields if may_see(level, field.access)]
    here = schema(level)
    current = {(here, layer.name, name) for name in [*names, *OWN, "valid_since", "recorded_since"]}
    versions = {(here, view, name) for view in views[1:] for name in [*names, *OWN, "valid", "recorded"]}
    assert found == current | versions


@every_level
def test_a_level_reads_nothing_but_layers_their_heads_and_runs(readable, level):
    known = {name + suffix for name in all_layers() for suffix in ("", "_versions", "_past")}
    known |= {"layer_heads", "layer_runs"}
    assert {each[:2] for each in readable[level]} == {(schema(level), name) for name in known}


@every_level
def test_a_level_has_no_right_but_to_read(asked_as, loaded, level):
    forbidden = (
        "SELECT * FROM city.trees",
        "SELECT * FROM city.trees_history",
        "SELECT * FROM city.trees_at('infinity', 'infinity')",
        "SELECT * FROM registry.run",
        "SELECT * FROM registry.job",
        "DELETE FROM registry.job",
        "SELECT * FROM registry.reject",
        "CREATE TABLE mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "CREATE TEMPORARY TABLE mine (a int)",
        "CREATE SCHEMA mine",
        "UPDATE trees SET species = 'x'",
        "DELETE FROM trees",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY trees TO PROGRAM 'cat'",
        "SELECT * FROM pg_authid",
        *(f"SELECT * FROM {schema(other)}.trees" for other in LEVELS if other != level),
    )
    for statement in forbidden:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            asked_as(level, statement)


@every_level
def test_a_role_owns_nothing_and_belongs_to_nobody(asked_as, level):
    ((role, *powers),) = asked_as(
        level,
        "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolinherit "
        "FROM pg_roles WHERE rolname = current_user",
    )
    assert role.endswith(level)
    assert not any(powers)
    assert asked_as(level, "SELECT 1 FROM pg_class WHERE pg_get_userbyid(relowner) = current_user") == []
    assert asked_as(level, "SELECT 1 FROM pg_auth_members WHERE member = current_user::regrole") == []


@every_level
def test_functions_outside_the_own_schema_are_those_of_postgis(asked_as, level):
    strange = """
        SELECT nspname, proname FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
        WHERE nspname NOT IN ('pg_catalog', 'information_schema')
          AND has_schema_privilege(current_user, nspname, 'USAGE')
          AND has_function_privilege(current_user, pg_proc.oid, 'EXECUTE')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    """
    own = {f"{name}_at" for name in all_layers()} | {"key_of" if level == "public" else "note_reads"}
    own |= {"node_metrics"} if level == "internal" else set()
    own |= {"submit_job", "job_of", "jobs_of", "dismiss_job"}
    own |= {"take_job", "keep_job", "release_job", "finish_job", "forget_jobs"}
    assert {(schema(level), name) for name in own} == set(asked_as(level, strange))


def test_a_stranger_may_not_even_connect(loaded, rows):
    (((grants),),) = rows("SELECT datacl::text FROM pg_database WHERE datname = current_database()")
    assert not [part for part in grants.strip("{}").split(",") if part.startswith("=")]


def test_nothing_is_rebuilt_that_is_as_declared(loaded, rows):
    made = "SELECT oid FROM pg_class WHERE relname = 'trees' AND relnamespace = 'public_api'::regnamespace"
    before = rows(made)
    migrate(loaded, all_layers().values(), 2177)
    assert rows(made) == before


def test_what_was_dropped_by_hand_is_made_again(loaded, rows):
    with loaded.transaction() as connection:
        connection.exec_driver_sql("DROP VIEW public_api.stops_versions CASCADE")
    migrate(loaded, all_layers().values(), 2177)
    assert rows("SELECT count(*) FROM public_api.stops_versions")[0][0] > 0


def test_a_closed_layer_is_there_from_its_level_on(loaded, asked_as):
    closed = replace(get_layer("stops"), access="partner", reason="A test", legal_basis="None")
    migrate(loaded, (all_layers() | {"stops": closed}).values(), 2177)
    for query in (
        "SELECT * FROM stops",
        "SELECT * FROM stops_versions",
        "SELECT * FROM stops_at(now(), now())",
    ):
        with pytest.raises(psycopg.errors.Error, match="does not exist"):
            asked_as("public", query)
        assert asked_as("partner", query)
    heads = "SELECT layer FROM layer_heads WHERE layer = 'stops'"
    assert asked_as("public", heads) == []
    assert asked_as("internal", heads) == [("stops",)]
    migrate(loaded, all_layers().values(), 2177)


@every_level
def test_rows_at_a_pair_of_times_are_those_of_the_whole_layer(asked_as, rows, layer, level):
    moments = "'2026-01-01', 'infinity'"
    names = ", ".join([*(field.name for field in layer.visible_fields(level)), "geom"])
    whole = rows(f"SELECT {names} FROM city.{layer.name}_at({moments}) ORDER BY {layer.key}")
    assert asked_as(level, f"SELECT {names} FROM {layer.name}_at({moments}) ORDER BY {layer.key}") == whole


@every_level
def test_rows_at_a_pair_of_times_are_found_by_the_index(asked_as, level):
    box = "lonlat && ST_MakeEnvelope(16.9, 52.4, 16.9001, 52.4001, 4326)"
    plan = asked_as(level, f"EXPLAIN SELECT * FROM parcels_at('infinity', 'infinity') WHERE {box}")
    assert "parcels_lonlat_idx" in " ".join(line for (line,) in plan)
