"""A table that its first delivery filled is as the declaration says, under the views that read it."""

import sqlalchemy as sa

from layers.table import indexes, table


def test_a_filled_table_has_what_is_declared(layer, loaded, node):
    declared = table(layer, node.srid)
    inspector = sa.inspect(loaded.engine)
    columns = {each["name"]: each for each in inspector.get_columns(layer.name, "city")}
    assert set(columns) == {column.name for column in declared.columns}
    for column in declared.columns:
        assert columns[column.name]["nullable"] == column.nullable, column.name
        assert columns[column.name]["comment"] == column.comment
        assert columns[column.name]["default"] is None or column.computed is not None
    assert inspector.get_table_comment(layer.name, "city")["text"] == declared.comment
    assert inspector.get_pk_constraint(layer.name, "city")["constrained_columns"] == [layer.key]
    with loaded.transaction() as connection:
        query = "SELECT indexname FROM pg_indexes WHERE schemaname = 'city' AND tablename = %s"
        found = set(connection.exec_driver_sql(query, (layer.name,)).scalars())
        logged = "SELECT relpersistence FROM pg_class WHERE oid = %s::regclass"
        assert connection.exec_driver_sql(logged, (f"city.{layer.name}",)).scalar_one() == "p"
    assert found == {*indexes(layer), f"{layer.name}_pkey"}


def test_the_public_view_reads_the_filled_table(layer, loaded, rows):
    (count,) = rows(f"SELECT count(*) FROM city.{layer.name}")
    assert rows(f"SELECT count(*) FROM public_api.{layer.name}") == [count]
    assert count > (0,)
