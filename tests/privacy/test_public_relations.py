"""What the public role can read holds the same, row for row, whatever is hidden."""

import pytest

from layers import layers_for
from mesip.database import Database


def contents(database: Database) -> dict[str, str]:
    """The hash of all that anybody could read, by relation."""
    query = "SELECT md5(string_agg(row, '' ORDER BY row)) FROM ({}) AS rows"
    rows = "SELECT seen::text AS row FROM public_api.{} AS seen"
    with database.transaction() as connection:
        views = "SELECT viewname FROM pg_views WHERE schemaname = 'public_api'"
        names = connection.exec_driver_sql(views).scalars().all()
        return {
            name: connection.exec_driver_sql(query.format(rows.format(name))).scalar_one() for name in names
        }


def test_every_public_relation_holds_the_same_whatever_is_hidden(vaulted, other):
    one, two = contents(vaulted), contents(other)
    assert len(one) > 2 * len(layers_for("public"))
    assert one == two


def test_rows_chosen_by_a_hidden_field_would_be_noticed(vaulted, other, rows_chosen_by_a_hidden_field):
    assert contents(vaulted) != contents(other)


SEEN = "bench_id, name, kind, seats, geom, lonlat"


@pytest.mark.parametrize(
    "view",
    [
        # Versions that differ in hidden fields only.
        f"benches_past AS SELECT {SEEN}, valid, recorded FROM city.benches_history",
        # Heads that count changes of hidden fields.
        "layer_heads AS SELECT layer, seq, rows, stand, extent, published_at FROM registry.head "
        "WHERE layer = 'benches'",
    ],
    ids=["versions", "heads"],
)
@pytest.mark.usefixtures("mended")
def test_a_view_that_tells_of_what_is_hidden_would_be_noticed(vaulted, other, view):
    for database in (vaulted, other):
        with database.transaction() as connection:
            connection.exec_driver_sql(f"CREATE OR REPLACE VIEW public_api.{view}")
    assert contents(vaulted) != contents(other)
