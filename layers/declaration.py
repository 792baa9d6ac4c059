"""What a layer is: the declaration, and what it refuses to say."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal, get_args

import pandas as pd
from pydantic import ConfigDict
from pydantic import Field as Default
from pydantic.dataclasses import dataclass

from layers.access import Access, Level, check_closure, may_see
from layers.kinds import UNITS, KindName, UnitName

STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

Language = Literal["pl", "en"]
Text = Mapping[Language, str]
Severity = Literal["error", "warning"]
GeometryName = Literal["Point", "LineString", "Polygon", "MultiPolygon", "Geometry"]
FrameStep = Callable[[pd.DataFrame], pd.DataFrame]

# Columns of every table that are ours.
OWN_COLUMNS = {"geom", "lonlat", "hash", "run", "stand", "valid", "valid_since", "recorded", "recorded_since"}
NAME = re.compile(r"[a-z][a-z0-9_]{1,48}")


@dataclass(frozen=True, config=STRICT)
class Code:
    """One value of a code list, its labels, and how older schemas or other suppliers write it."""

    value: str
    pl: str
    en: str
    also: tuple[str, ...] = ()

    @property
    def title(self) -> Text:
        """The label in both languages."""
        return {"pl": self.pl, "en": self.en}


@dataclass(frozen=True, config=STRICT)
class Field:
    """One property of a layer's features.

    ``source`` names the foreign column or element, several where schemas or suppliers differ (the first that
    holds a value wins). ``codes``, ``bounds`` (both ends included) and ``required`` are promises: checked
    before loading, published in the schema. ``expected`` is for what the law demands and real deliveries
    often lack: its absence is a warning. A field that is not public says why, and by which law.
    """

    name: str
    kind: KindName
    pl: str
    en: str
    source: str | tuple[str, ...] = ()
    unit: UnitName | None = None
    codes: tuple[Code, ...] = ()
    bounds: tuple[float | None, float | None] = (None, None)
    required: bool = False
    expected: bool = False
    access: Access = "public"
    reason: str | None = None
    legal_basis: str | None = None

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r}: a field's name is small Latin letters, digits and underscores")
        if self.kind == "number" and self.unit is None:
            raise ValueError(f"{self.name}: a number needs a unit, '1' if it is a pure number")
        if self.unit and not self.name.endswith(ending := UNITS[self.unit].ending):
            raise ValueError(f"{self.name}: a field in {self.unit} must end in {ending!r}")
        if self.codes and self.kind != "text":
            raise ValueError(f"{self.name}: only a text field has codes")
        if self.bounds != (None, None) and self.kind not in ("integer", "number"):
            raise ValueError(f"{self.name}: only an integer or a number has bounds")
        check_closure(self.name, self.access, self.reason, self.legal_basis)

    @property
    def title(self) -> Text:
        """The label in both languages."""
        return {"pl": self.pl, "en": self.en}

    @property
    def sources(self) -> tuple[str, ...]:
        """The foreign names, in order of preference; the field's own name where none is stated."""
        return (self.source,) if isinstance(self.source, str) else self.source or (self.name,)


@dataclass(frozen=True, config=STRICT)
class Points:
    """The columns in which a table without geometry keeps a point, and their coordinate system."""

    east: str
    north: str
    crs: str


@dataclass(frozen=True, config=STRICT)
class Source:
    """Where rows come from: classes of a national feed, or a table under the layer's own name."""

    feed: str | None = None
    classes: tuple[str, ...] = ()
    points: tuple[Points, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Rule:
    """A promise about rows that no single field can make. ``holds`` gives a column of truth."""

    field: str
    promise: str
    holds: Callable[[pd.DataFrame], pd.Series]
    severity: Severity = "error"


@dataclass(frozen=True, config=STRICT)
class Style:
    """How a layer is drawn: one colour, or one per code of the field ``by``. Sizes are in pixels."""

    colour: str
    by: str | None = None
    colours: Mapping[str, str] = Default(default_factory=dict)
    outline: str | None = None
    opacity: float = 1
    size_px: float = 1
    order: int = 0
    min_zoom: int = 0
    shown: bool = True


@dataclass(frozen=True, config=STRICT)
class Layer:
    """One layer of the city. Everything else about it is derived from this.

    A layer that is closed as a whole does not exist for lower levels. A field is never more open than its
    layer; what names, finds, draws or dates features is as open as the layer.
    """

    name: str
    title: Text
    about: Text
    owner: str
    licence: str
    cadence: str
    geometry: GeometryName
    key: str
    fields: tuple[Field, ...]
    style: Style
    source: Source = Default(default_factory=Source)
    rules: tuple[Rule, ...] = ()
    label: str | None = None
    search: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    valid_from: str | None = None
    valid_to: str | None = None
    prepare: FrameStep | None = None
    reject_limit: float = 0.2
    access: Access = "public"
    reason: str | None = None
    legal_basis: str | None = None

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r}: a layer's name is small Latin letters, digits and underscores")
        for text in (self.title, self.about):
            if set(text) != set(get_args(Language)):
                raise ValueError(f"{self.name}: titles and descriptions are in Polish and English")
        check_closure(self.name, self.access, self.reason, self.legal_basis)
        self._check_names()
        if not self.field(self.key).required:
            raise ValueError(f"{self.name}: the key {self.key} must be required")
        coloured = self.field(self.style.by).codes if self.style.by else ()
        if strange := set(self.style.colours) - {code.value for code in coloured}:
            raise ValueError(f"{self.name}: the style colours unknown codes: {', '.join(sorted(strange))}")

    def _check_names(self) -> None:
        names = [field.name for field in self.fields]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"{self.name}: declared twice: {', '.join(sorted(twice))}")
        spoken = {self.key, self.label, *self.search, self.style.by, self.valid_from, self.valid_to} - {None}
        if unknown := (spoken | set(self.unique)) - set(names):
            raise ValueError(f"{self.name}: no field is called {', '.join(sorted(unknown))}")
        if closed := {name for name in spoken if not may_see(self.access, self.field(name).access)}:
            raise ValueError(
                f"{self.name}: {', '.join(sorted(closed))} names, finds, draws or dates features, "
                "so it cannot be more closed than the layer"
            )
        if reserved := OWN_COLUMNS & set(names):
            raise ValueError(f"{self.name}: {', '.join(reserved)} is a column of our own")

    def field(self, name: str) -> Field:
        """The field of this name.

        Raises:
            KeyError: there is none.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def visible_fields(self, level: Level) -> tuple[Field, ...]:
        """The fields that somebody of ``level`` may see."""
        shown = may_see(level, self.access)
        return tuple(field for field in self.fields if shown and may_see(level, field.access))

    def seen_by(self, level: Level) -> "Layer":
        """The layer as somebody of ``level`` sees it: what is closed to them is not in it.

        How rows are loaded and checked is left out too, because it may speak of closed fields.
        """
        fields = self.visible_fields(level)
        return replace(self, fields=fields, source=Source(), rules=(), unique=(), prepare=None)


@dataclass(frozen=True, config=STRICT)
class Feed:
    """A national delivery whose one file fills several layers.

    ``namespaces`` are the XML namespaces of its classes, of every edition of the schema. ``version_end`` and
    ``object_end`` name the elements that say a version or the object itself is over.
    """

    name: str
    title: Text
    namespaces: tuple[str, ...]
    version_end: tuple[str, ...]
    object_end: str
