"""A table that its first delivery filled is as the declaration says, under the views that read it."""

import threading
from datetime import date

import sqlalchemy as sa

from layers.table import indexes, table
from pipelines.load import Order, load


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


def test_a_first_load_and_those_who_read_the_empty_table_do_not_block_each_other(database, node, tmp_path):
    path = tmp_path / "stops.csv"
    lines = [f"{n};Rondo;52.4;16.9{n:04d};A;true\n" for n in range(1, 51)]
    path.write_text("stopId;stopName;latitude;longitude;zoneId;isForTram\n" + "".join(lines))
    seen, over = set(), threading.Event()

    def read(view: str) -> None:
        with database.engine.connect() as connection:
            while not over.is_set():
                seen.add(connection.exec_driver_sql(f"SELECT count(*) FROM {view}").scalar_one())
                connection.rollback()

    def empty() -> None:
        with database.transaction() as connection:
            tables = "city.stops, city.stops_history, registry.head, registry.change"
            connection.exec_driver_sql(f"TRUNCATE {tables}")

    empty()
    views = ["public_api.stops", "partner_api.stops", "internal_api.stops"] * 2
    threads = [threading.Thread(target=read, args=(view,)) for view in views]
    for thread in threads:
        thread.start()
    try:
        for day in range(1, 6):
            empty()
            load(Order("stops", (path,), date(2026, 1, day)), database, node)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert seen == {0, 50}
