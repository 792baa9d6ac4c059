from dataclasses import replace

import pytest

from layers import Field, all_layers, get_layer
from mesip.errors import PlatformError
from pipelines.migrate import migrate


def with_layer(changed):
    return (all_layers() | {changed.name: changed}).values()


def test_a_new_field_is_added_and_the_rows_stay(loaded, rows):
    before = rows("SELECT count(*) FROM city.trees")
    trees = get_layer("trees")
    grown = replace(trees, fields=(*trees.fields, Field("tag", "text", "Plakietka", "Tag")))
    assert migrate(loaded, with_layer(grown), 2177) == ["trees: field tag added."]
    assert rows("SELECT count(*) FROM city.trees WHERE tag IS NULL") == before
    assert rows("SELECT tag FROM public_api.trees LIMIT 1") == [(None,)]
    migrate(loaded, all_layers().values(), 2177)


def test_a_change_of_kind_is_refused_with_what_to_do(loaded):
    trees = get_layer("trees")
    fields = tuple(
        replace(field, kind="integer", unit="cm") if field.name == "girth_cm" else field
        for field in trees.fields
    )
    with pytest.raises(PlatformError, match=r"trees.girth_cm is declared as integer, but its column holds"):
        migrate(loaded, with_layer(replace(trees, fields=fields)), 2177)


def test_a_field_closed_later_leaves_the_public_view(loaded, rows):
    trees = get_layer("trees")
    closed = tuple(
        replace(field, access="internal", reason="A test", legal_basis="None")
        if field.name == "street"
        else field
        for field in trees.fields
    )
    migrate(loaded, with_layer(replace(trees, fields=closed)), 2177)
    columns = (
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = 'public_api' AND table_name = 'trees'"
    )
    assert ("street",) not in rows(columns)
    migrate(loaded, all_layers().values(), 2177)
    assert ("street",) in rows(columns)
