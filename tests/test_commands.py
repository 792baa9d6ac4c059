import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mesip import cli, errors
from mesip.settings import Settings, settings


def commands(group: click.Group, name: str = "mesip") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None, word
        yield f"{name} {word}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {word}")


@pytest.mark.parametrize(("name", "command"), list(commands(cli.mesip)))
def test_every_command_has_help_with_an_example_of_itself(name, command):
    assert "Example:" in command.help
    assert name in command.help


def every_error(root: type[errors.PlatformError]) -> Iterator[type[errors.PlatformError]]:
    yield root
    for child in root.__subclasses__():
        yield from every_error(child)


def test_every_error_stands_in_the_drawn_tree_with_its_exit_code_and_status():
    drawn = errors.__doc__ or ""
    for each in every_error(errors.PlatformError):
        line = next(line for line in drawn.splitlines() if each.__name__ in line.split())
        assert f"exit {each.exit_code} " in line + " "
        assert line.endswith(str(each.status))


def test_the_documentation_is_as_derived_from_the_declarations():
    project = Path(cli.__file__).parents[2]
    command = [sys.executable, "docs/derive.py", "--check"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_layers_are_listed(run, layer):
    code, out, _ = run("layers")
    assert code == 0
    assert layer.name in out


def test_a_layer_is_shown_with_every_field(run, layer):
    code, out, _ = run("layer", "show", layer.name)
    assert code == 0
    assert all(field.name[:20] in out for field in layer.fields)


def test_a_layer_is_shown_as_json_with_record_and_schema(run):
    code, out, _ = run("layer", "show", "trees", "--json")
    assert code == 0
    assert json.loads(out)["schema"]["properties"]["girth_cm"]["x-ogc-unit"] == "cm"


def test_an_unknown_layer_is_wrong_usage(run):
    code, _, err = run("layer", "show", "treez")
    assert code == 2
    assert "There is no layer 'treez'" in err


def test_an_unknown_feed_is_wrong_usage_and_names_the_known_ones(run, tmp_path):
    code, _, err = run("load", "egip", str(tmp_path / "x.gml"))
    assert code == 2
    assert "egib" in err
    assert "Traceback" not in err


def test_a_load_prints_one_json_document(run, city):
    code, out, _ = run("load", "stops", str(city["stops"]), "--json")
    said = json.loads(out)
    assert code == 0
    assert set(said) == {"run", "delivery", "state", "layers"}
    stops = said["layers"]["stops"]
    wanted = {"read", "added", "changed", "confirmed", "removed", "rejected", "warnings", "head", "seconds"}
    assert wanted <= set(stops)
    assert stops["read"] == stops["added"] == stops["head"] > 0


def test_a_second_load_of_the_same_file_is_unchanged(run, city):
    run("load", "stops", str(city["stops"]))
    code, out, _ = run("load", "stops", str(city["stops"]), "--json")
    stops = json.loads(out)["layers"]["stops"]
    assert code == 0
    assert json.loads(out)["state"] == "unchanged"
    assert stops["confirmed"] == stops["read"]
    assert stops["added"] == stops["changed"] == stops["removed"] == 0


def test_a_dry_run_publishes_nothing_and_says_what_it_would(run, city, rows):
    before = rows("SELECT count(*) FROM city.districts")
    code, out, _ = run("load", "districts", str(city["districts"]), "--dry-run", "--json")
    assert code == 0
    assert json.loads(out)["state"] == "dry"
    assert json.loads(out)["layers"]["districts"]["added"] > 0
    assert rows("SELECT count(*) FROM city.districts") == before
    assert rows("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'") == []


def test_the_report_for_people_names_rejected_rows_with_reason_and_place(run, city):
    code, out, _ = run("load", "trees", str(city["trees"]))
    assert code == 0
    assert "girth_cm" in out
    assert "first at line" in out


def test_the_doctor_finds_a_healthy_node(run):
    code, out, _ = run("doctor")
    assert code == 0
    assert "wrong" not in out


def test_a_database_that_is_not_there_is_exit_6_with_a_remedy(run, monkeypatch):
    monkeypatch.setenv("MESIP_DATABASE_URL", "postgresql+psycopg://nobody:secret@127.0.0.1:1/nothing")
    settings.cache_clear()
    code, _, err = run("migrate")
    settings.cache_clear()
    assert code == 6
    assert "mesip doctor" in err
    assert "secret" not in err


def test_migrating_twice_has_nothing_to_do(run):
    run("migrate")
    code, out, _ = run("migrate")
    assert code == 0
    assert "Nothing to do" in out


def test_a_fault_of_the_program_is_a_sentence_and_a_log(run, monkeypatch, node):
    monkeypatch.setattr(sys.modules["mesip.cli.layers"], "all_layers", lambda: 1 / 0)
    code, _, err = run("layers")
    assert code == 1
    assert "a fault of the program (ZeroDivisionError)" in err
    assert "Traceback" not in err
    assert "ZeroDivisionError" in (node.home / "logs" / "faults.log").read_text()


def test_settings_are_read_from_the_environment_and_frozen(monkeypatch):
    monkeypatch.setenv("MESIP_EXTENT", "21.0, 52.1, 21.3, 52.4")
    monkeypatch.setenv("MESIP_LANGUAGES", "en,pl")
    read = Settings()  # pyright: ignore[reportCallIssue]
    assert read.extent == (21.0, 52.1, 21.3, 52.4)
    assert read.languages == ("en", "pl")
    with pytest.raises(ValueError, match="frozen"):
        read.srid = 2180
