"""The language: what a layer is, and which exist."""

from layers.access import LEVELS, Level
from layers.catalogue import all_feeds, all_layers, feed_names, get_layer, layers_for, layers_of
from layers.declaration import Code, Feed, Field, Layer, Points, Rule, Source, Style

__all__ = [
    "LEVELS",
    "Code",
    "Feed",
    "Field",
    "Layer",
    "Level",
    "Points",
    "Rule",
    "Source",
    "Style",
    "all_feeds",
    "all_layers",
    "feed_names",
    "get_layer",
    "layers_for",
    "layers_of",
]
