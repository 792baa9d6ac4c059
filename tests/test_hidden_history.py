"""A version that differs in closed fields only does not exist for those who may not see them."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.range import TimestamptzRange

from layers import LEVELS, all_layers, get_layer
from pipelines.load import Order, load
from pipelines.migrate import migrate

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
LAYER = get_layer("utility_devices")
SEEN, HIDDEN = "survey_record", "operator"


def day(number):
    return BEGIN + timedelta(days=number)


# What is held of all time: it begins on day 0, and changes on some days to another pair of values.
pairs = st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"))
beliefs = st.lists(st.dictionaries(st.integers(1, 3), pairs, max_size=3), min_size=1, max_size=4)
first = pairs


def table_rows(told, start):
    """Beliefs recorded one after another, as rows ``(seen, hidden, valid, recorded)``, in many pieces."""
    for known, belief in enumerate(told):
        steps = sorted(({0: start} | belief).items())
        ends = [step for step, _ in steps[1:]] + [None]
        for (step, (seen, hidden)), end in zip(steps, ends, strict=True):
            recorded = (day(known), day(known + 1) if known + 1 < len(told) else None)
            yield seen, hidden, (day(step), end and day(end)), recorded


def keep(database, pieces):
    """Write the pieces as the only device; the one that goes on in both times is the current row."""
    with database.transaction() as connection:
        for table in ("utility_devices", "utility_devices_history"):
            connection.exec_driver_sql(f"TRUNCATE city.{table}")
        for seen, hidden, valid, recorded in pieces:
            values = {"seen": seen, "hidden": hidden, "begin": BEGIN}
            columns = f"local_id, version_from, {SEEN}, {HIDDEN}, geom, stand, hash, run"
            given_ = (
                ":begin, :seen, :hidden, ST_SetSRID(ST_MakePoint(6420000, 5800000), 2177), '2024-01-01', "
                "md5(:seen || :hidden)::uuid, 1"
            )
            if valid[1] is None and recorded[1] is None:
                into, times = "utility_devices", "valid_since, recorded_since"
                values |= {"valid": valid[0], "recorded": recorded[0]}
            else:
                into, times = "utility_devices_history", "valid, recorded"
                values |= {"valid": TimestamptzRange(*valid), "recorded": TimestamptzRange(*recorded)}
            statement = (
                f"INSERT INTO city.{into} ({columns}, {times}) SELECT 'k', {given_}, :valid, :recorded"
            )
            connection.execute(sa.text(statement), values)


def told_to(database, level):
    query = f"""
        SELECT {SEEN}, lower(valid), upper(valid), lower(recorded), upper(recorded)
        FROM {level}_api.utility_devices_versions ORDER BY 2, 4, 1
    """
    with database.transaction() as connection:
        versions = [tuple(row) for row in connection.exec_driver_sql(query)]
        current = connection.exec_driver_sql(
            f"SELECT {SEEN}, valid_since, recorded_since FROM {level}_api.utility_devices"
        ).one()
        past = [tuple(row) for row in connection.exec_driver_sql(query.replace("_versions", "_past"))]
    assert past == [version for version in versions if version[2] or version[4]]
    return versions, tuple(current)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=beliefs, start=first)
def test_what_is_told_depends_on_the_visible_fields_alone(database, told, start):
    pieces = list(table_rows(told, start))
    keep(database, pieces)
    answers = told_to(database, "public")
    versions, current = answers
    for at in range(5):
        for known in range(len(told) + 1):
            moments = (day(at) + timedelta(hours=1), day(known) + timedelta(hours=1))
            held = {
                piece[0] for piece in pieces if inside(piece[2], moments[0]) and inside(piece[3], moments[1])
            }
            found = [v[0] for v in versions if inside(v[1:3], moments[0]) and inside(v[3:5], moments[1])]
            assert found == list(held)
    assert [(v[0], v[1], v[3]) for v in versions if v[2] is None and v[4] is None] == [current]
    # Touching versions of one look would be told as one, so there are none.
    for one in versions:
        assert not [v for v in versions if v[0] == one[0] and v[3:] == one[3:] and v[1] == one[2]]
        assert not [v for v in versions if v[:3] == one[:3] and v[3] == one[4]]
    # Without the hidden field, the same story told in the same pieces gives the same answer.
    keep(database, [(seen, "-", valid, recorded) for seen, _, valid, recorded in pieces])
    assert told_to(database, "public") == answers


def inside(span, moment):
    return span[0] <= moment and (span[1] is None or moment < span[1])


def test_who_sees_the_field_sees_every_version(database):
    keep(database, table_rows([{}, {1: ("a", "y")}], ("a", "x")))
    assert len(told_to(database, "public")[0]) == 1
    assert len(told_to(database, "internal")[0]) == 3


BENCH = "id;name;kind;seats;donor;height_cm;lon;lat\n1;{name};w;3;{donor};{height};16.9;52.4\n"


@pytest.fixture
def bench(vault, database, node, rows, tmp_path):
    """Deliver the only bench; get what each level's head counts."""

    def deliver(name="Ala", donor="Jan", height=45):
        path = tmp_path / "benches.csv"
        path.write_text(BENCH.format(name=name, donor=donor, height=height))
        load(Order("benches", (path,)), database, node)
        heads = "SELECT seq FROM {}_api.layer_heads WHERE layer = 'benches'"
        return tuple(rows(heads.format(level))[0][0] for level in LEVELS)

    migrate(database, all_layers().values(), node.srid)
    return deliver


def test_a_head_moves_for_those_who_see_the_change(bench):
    public, partner, internal = bench()
    assert bench(donor="Piotr") == (public, partner, internal + 1)
    assert bench(donor="Piotr", height=46) == (public, partner + 1, internal + 2)
    assert bench(name="Ola", donor="Piotr", height=46) == (public + 1, partner + 2, internal + 3)
    assert bench(name="Ola", donor="Adam", height=46) == (public + 1, partner + 2, internal + 4)
