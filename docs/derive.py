"""Write what is derived: the catalogue of layers, the codes of issues, and the tables of README.md.

    python docs/derive.py [--check]

With ``--check`` nothing is written; the exit code says whether everything is as it would be written.
"""

import re
import sys
from pathlib import Path

from layers import Field, Layer, all_layers
from layers.catalogue import room_of
from layers.kinds import UNITS
from mesip.settings import Settings
from pipelines.issue_codes import CODES

PROJECT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Write the pages, or compare them."""
    readme, tables = PROJECT / "README.md", {"layers": layers_table(), "settings": settings_table()}
    pages = {
        PROJECT / "docs" / "layers.md": layers_page(),
        PROJECT / "docs" / "issues.md": issues_page(),
        readme: with_tables(readme.read_text(), tables),
    }
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        sys.exit(
            f"Run `make docs`: {', '.join(path.name for path in stale)} is not up to date." if stale else 0
        )
    for path in stale:
        path.write_text(pages[path])


def with_tables(text: str, tables: dict[str, str]) -> str:
    """``text`` with each table between its markers ``<!-- name -->`` and ``<!-- /name -->``."""
    for name, table in tables.items():
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda marks, table=table: f"{marks[1]}{table}{marks[2]}",
            text,
            flags=re.DOTALL,
        )
    return text


def layers_table() -> str:
    """One line per layer."""
    lines = ["| layer | | geometry | loaded with | room |", "|---|---|---|---|---|"]
    for layer in all_layers().values():
        feed = layer.source.feed or layer.name
        titles = f"{layer.title['en']} · {layer.title['pl']}"
        lines.append(
            f"| `{layer.name}` | {titles} | {layer.geometry} | `mesip load {feed}` | `{room_of(layer)}/` |"
        )
    return "\n".join(lines) + "\n"


def settings_table() -> str:
    """One line per setting."""
    lines = ["| variable | default | |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "`var/`" if name == "home" else _default(field.default)
        lines.append(f"| `MESIP_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def layers_page() -> str:
    """The catalogue: each layer with its fields, codes and rules."""
    parts = ["# Layers\n\nDerived from the declarations by `make docs`; edit those.\n"]
    parts += [_layer_section(layer) for layer in all_layers().values()]
    return "\n".join(parts)


def issues_page() -> str:
    """The codes of issues: how bad each is, who mends it, what it says."""
    lines = [
        "# Issues\n\nDerived from `pipelines/issue_codes.py` by `make docs`; edit that.",
        "An error rejects the row, a warning does not. `mesip issues RUN` tells those of a run.\n",
        "| code | severity | to be mended by | | |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{name}` | {code.severity} | {code.responsible} | {code.en} | {code.pl} |"
        for name, code in CODES.items()
    ]
    return "\n".join(lines) + "\n"


def _layer_section(layer: Layer) -> str:
    fields = "\n".join(_field_line(field) for field in layer.fields)
    rules = "".join(f"- {rule.severity}: `{rule.field}` {rule.promise}\n" for rule in layer.rules)
    return (
        f"## {layer.name}\n\n{layer.title['en']} – {layer.title['pl']}. {layer.about['en']}\n\n"
        f"{layer.owner} · {layer.licence} · {layer.geometry} · key `{layer.key}` · "
        f"`{room_of(layer)}/{layer.name}.py`\n\n{_closure(layer)}"
        f"| field | kind | | in the source | promises |\n|---|---|---|---|---|\n{fields}\n"
    ) + (f"\n{rules}" if rules else "")


def _closure(layer: Layer) -> str:
    return "" if layer.access == "public" else f"{layer.access}: {layer.reason} ({layer.legal_basis})\n\n"


def _field_line(field: Field) -> str:
    unit = f" [{UNITS[field.unit].symbol}]" if field.unit and field.unit != "1" else ""
    codes = ", ".join(f"{code.value} = {code.en}" for code in field.codes)
    closed = f"{field.access}: {field.reason}" if field.access != "public" else ""
    said = [_promise(field), codes, closed]
    sources = ", ".join(f"`{source}`" for source in field.sources)
    promises = "; ".join(part for part in said if part)
    return f"| `{field.name}` | {field.kind}{unit} | {field.en} · {field.pl} | {sources} | {promises} |"


def _promise(field: Field) -> str:
    lowest, highest = field.bounds
    said = ["required"] if field.required else ["expected"] if field.expected else []
    said += [f"≥ {lowest:g}"] if lowest is not None else []
    said += [f"≤ {highest:g}"] if highest is not None else []
    return ", ".join(said)


def _default(value: object) -> str:
    if value is None or value == "":
        return "–"
    return f"`{','.join(map(str, value))}`" if isinstance(value, tuple) else f"`{value}`"


if __name__ == "__main__":
    main()
