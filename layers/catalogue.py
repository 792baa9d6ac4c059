"""Which layers and feeds exist: every ``LAYER`` and ``FEED`` declared in a room."""

import importlib
import pkgutil
from functools import cache
from types import ModuleType

from layers.access import Level, may_see
from layers.declaration import Feed, Layer
from mesip.errors import UnknownLayerError, UsageError

ROOMS = ("layers", "greenery_db", "utilities_network", "cadastre")


@cache
def all_layers() -> dict[str, Layer]:
    """Every declared layer by name, in the order of names.

    Raises:
        UsageError: a declaration contradicts itself, or two share a name; the file is named.
    """
    return _collect("LAYER")


@cache
def layers_for(level: Level) -> dict[str, Layer]:
    """The layers that somebody of ``level`` may see, as they see them, in the order of names."""
    shown = {name: layer for name, layer in all_layers().items() if may_see(level, layer.access)}
    return {name: layer.seen_by(level) for name, layer in shown.items()}


@cache
def all_feeds() -> dict[str, Feed]:
    """Every declared national feed by name."""
    return _collect("FEED")


def get_layer(name: str) -> Layer:
    """The layer of this name.

    Raises:
        UnknownLayerError: nobody declares it.
    """
    if name not in all_layers():
        raise UnknownLayerError(name, list(all_layers()))
    return all_layers()[name]


def layers_of(feed: str) -> list[Layer]:
    """The layers that a feed fills: those that name it, or the one layer whose name it is.

    Raises:
        UsageError: there is no such feed.
    """
    filled = [layer for layer in all_layers().values() if (layer.source.feed or layer.name) == feed]
    if not filled:
        raise UsageError(f"There is no feed {feed!r}. Known feeds: {', '.join(feed_names())}.")
    return filled


def feed_names() -> list[str]:
    """What ``mesip load`` takes as FEED."""
    return sorted({layer.source.feed or layer.name for layer in all_layers().values()})


def room_of(layer: Layer) -> str:
    """The room that declares the layer."""
    return next(room for room, module in _modules() if getattr(module, "LAYER", None) is layer)


def module_names() -> list[str]:
    """The modules of all rooms, for a process that imports them before they are needed."""
    return [module.__name__ for _, module in _modules()]


def _collect(constant: str) -> dict:
    found: dict = {}
    for _, module in _modules():
        declared = getattr(module, constant, None)
        if declared is None:
            continue
        if declared.name in found:
            raise UsageError(f"{module.__file__}: {declared.name} is declared a second time. Rename one.")
        found[declared.name] = declared
    return dict(sorted(found.items()))


@cache
def _modules() -> list[tuple[str, ModuleType]]:
    """Every module of every room, by room."""
    return [
        (room, _import(f"{room}.{module.name}"))
        for room in ROOMS
        for module in pkgutil.iter_modules(importlib.import_module(room).__path__)
    ]


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ValueError as cause:
        raise UsageError(f"{name.replace('.', '/')}.py: {_first_fault(cause)}") from cause


def _first_fault(cause: ValueError) -> str:
    """The sentence of ours inside a pydantic report."""
    errors = getattr(cause, "errors", None)
    if errors is None:
        return str(cause)
    fault = errors()[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}".removeprefix(": ").replace("Value error, ", "")
