import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from jsonschema import Draft202012Validator

from layers import Code, Field, Style, all_layers, get_layer
from layers.catalogue import ROOMS, room_of
from layers.record import record
from layers.schema import schema
from layers.style import legend, style
from layers.table import table
from mesip.errors import UnknownLayerError

PROJECT = Path(__file__).resolve().parents[1]


def test_the_catalogue_finds_every_file_that_declares_a_layer():
    declaring = {
        path.stem
        for room in ROOMS
        for path in (PROJECT / room).glob("*.py")
        if "\nLAYER = " in path.read_text()
    }
    assert set(all_layers()) == declaring
    assert len(declaring) >= 9


def test_a_layer_is_declared_in_the_file_of_its_name(layer):
    assert (PROJECT / room_of(layer) / f"{layer.name}.py").exists()


def test_the_table_has_a_column_for_every_field_with_its_titles_in_the_comment(layer):
    columns = table(layer, 2177).columns
    for field in layer.fields:
        assert field.en in (columns[field.name].comment or "")
        assert field.pl in (columns[field.name].comment or "")
    assert columns["geom"].type.srid == 2177
    assert columns["lonlat"].type.srid == 4326


def test_the_table_stands_in_the_database_as_declared(layer, database):
    with database.transaction() as connection:
        found = {column["name"]: column for column in sa.inspect(connection).get_columns(layer.name, "city")}
    for field in layer.fields:
        assert found[field.name]["nullable"] is not field.required


def test_the_schema_is_a_valid_json_schema_that_names_no_closed_field(layer):
    stated = schema(layer)
    Draft202012Validator.check_schema(stated)
    assert set(stated["properties"]) - {"geometry"} == {field.name for field in layer.fields}


def test_titles_are_in_both_languages(layer):
    assert schema(layer, "pl")["title"] == layer.title["pl"] != schema(layer, "en")["title"]
    for field in layer.fields:
        assert field.pl
        assert field.en
        for code in field.codes:
            assert code.pl
            assert code.en


def test_the_record_names_owner_licence_and_every_public_field(layer):
    said = record(layer)["properties"]
    assert said["license"] == layer.licence
    assert [field["name"] for field in said["fields"]] == [field.name for field in layer.fields]


def test_every_colour_of_the_map_stands_in_the_legend(layer):
    assert {row["colour"] for row in legend(layer)} >= set(layer.style.colours.values())
    assert all(drawn["source-layer"] == layer.name for drawn in style(layer))


def test_an_unknown_layer_is_refused_with_the_known_ones():
    with pytest.raises(
        UnknownLayerError, match=r"There is no layer 'treez'. Known layers: boundary_points, .*trees"
    ):
        get_layer("treez")


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"name": "girth", "kind": "number", "unit": "cm"}, "a field in cm must end in '_cm'"),
        ({"name": "girth", "kind": "number"}, "a number needs a unit"),
        ({"name": "Girth", "kind": "text"}, "small Latin letters"),
        ({"name": "planted", "kind": "date", "codes": (Code("a", "a", "a"),)}, "only a text field has codes"),
        ({"name": "note", "kind": "text", "bounds": (0, 1)}, "only an integer or a number has bounds"),
        ({"name": "owner", "kind": "text", "access": "internal"}, "states a reason and a legal basis"),
    ],
)
def test_a_field_that_contradicts_itself_cannot_be_declared(fault, sentence):
    with pytest.raises(ValueError, match=sentence):
        Field(pl="Pole", en="Field", **fault)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"key": "number"}, "no field is called number"),
        ({"label": "nothing"}, "no field is called nothing"),
        ({"key": "species"}, "the key species must be required"),
        ({"title": {"pl": "Drzewa"}}, "in Polish and English"),
        ({"style": Style("#000000", by="vitality", colours={"great": "#ffffff"})}, "unknown codes: great"),
        ({"name": "My Trees"}, "small Latin letters"),
    ],
)
def test_a_layer_that_contradicts_itself_cannot_be_declared(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(get_layer("trees"), **change)


def test_a_new_layer_is_one_file(tmp_path):
    room = tmp_path / "layers"
    script = f"""
import shutil, sys
shutil.copytree({str(PROJECT / "layers")!r}, {str(room)!r})
text = open({str(room / "stops.py")!r}).read().replace('name="stops"', 'name="benches"', 1)
open({str(room / "benches.py")!r}, "w").write(text)
sys.path[:0] = [{str(tmp_path)!r}, {str(PROJECT)!r}]
import layers
print("benches" in layers.all_layers(), layers.__file__.startswith({str(tmp_path)!r}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


def test_no_installed_package_owns_one_of_our_names():
    ours = [*ROOMS, "mesip", "pipelines", "api"]
    script = f"import importlib.util as u; print([u.find_spec(n) and u.find_spec(n).origin for n in {ours}])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.count(str(PROJECT)) == len(ours) or done.stdout.count("None") == len(ours)
