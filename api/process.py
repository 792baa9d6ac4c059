"""What a process is: its inputs, what it makes of them, and how that is called."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from api.reading import Reader
from layers import Layer
from layers.declaration import Language, Text

Inputs = Mapping[str, Any]
# The layers that somebody may see, by name, as they see them.
Layers = Mapping[str, Layer]


@dataclass(frozen=True)
class Input:
    """One input: what it is called, and the JSON Schema of its values."""

    title: Text
    schema: Mapping[str, Any]
    about: Text | None = None
    required: bool = False


class File(NamedTuple):
    """What a process makes: one file."""

    name: str
    media_type: str


@dataclass(frozen=True)
class Work:
    """A process under way: who reads, what was asked, in which language, and where geometry is stored.

    ``told`` hears of rows that were dealt with, and raises an error when the work is not wanted any more.
    """

    reader: Reader
    inputs: Inputs
    language: Language
    srid: int
    told: Callable[[int], object]


@dataclass(frozen=True)
class Process:
    """A process. What can be asked of it depends on the layers that somebody may see.

    ``inputs``, given those layers and the system in which geometry is stored, are those that can be given, by
    name; ``faults`` says what no schema can say of inputs that keep to theirs; ``file`` names what is made of
    them; ``write`` makes it; ``example`` gives inputs to try.
    """

    name: str
    title: Text
    about: Text
    version: str
    inputs: Callable[[Layers, int], dict[str, Input]]
    faults: Callable[[Layers, Inputs, int], list[str]]
    output: Text
    media_types: tuple[str, ...]
    file: Callable[[Inputs], File]
    write: Callable[[Work, Path], None]
    example: Callable[[Layers], dict[str, Any]]
