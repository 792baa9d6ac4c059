"""The map style of a layer (MapLibre Style Specification) and its legend."""

from typing import Any

from layers.declaration import Layer

# Per geometry: the MapLibre type and the shape of a legend's swatch.
DRAWN = {
    "Point": ("circle",),
    "LineString": ("line",),
    "Polygon": ("fill", "line"),
    "MultiPolygon": ("fill", "line"),
    "Geometry": ("fill", "line", "circle"),
}
GEOMETRY_OF = {"circle": "Point", "line": "LineString", "fill": "Polygon"}


def style(layer: Layer) -> list[dict[str, Any]]:
    """The style layers that draw ``layer``; their source is called as the layer is."""
    return [
        {
            "id": f"{layer.name}-{type_}",
            "type": type_,
            "source": layer.name,
            "source-layer": layer.name,
            "minzoom": layer.style.min_zoom,
            "paint": _paint(layer, type_),
        }
        | _only(layer, type_)
        for type_ in DRAWN[layer.geometry]
        if not (type_ == "fill" and layer.style.opacity == 0)
    ]


def legend(layer: Layer) -> list[dict[str, Any]]:
    """What each colour means, in both languages: shape of the swatch, colour, label."""
    shape = DRAWN[layer.geometry][-1 if layer.geometry == "Geometry" or layer.style.opacity == 0 else 0]
    if layer.style.by is None:
        return [{"shape": shape, "colour": layer.style.outline or layer.style.colour, "label": layer.title}]
    codes = {code.value: code.title for code in layer.field(layer.style.by).codes}
    other = {"pl": "pozostałe", "en": "other"}
    coloured = [
        {"shape": shape, "colour": colour, "label": codes[value]}
        for value, colour in layer.style.colours.items()
    ]
    rest = [{"shape": shape, "colour": layer.style.colour, "label": other}]
    return coloured + (rest if set(codes) - set(layer.style.colours) else [])


def _paint(layer: Layer, type_: str) -> dict[str, Any]:
    stated, area = layer.style, "fill" in DRAWN[layer.geometry]
    if type_ == "fill":
        return {"fill-color": _colour(layer), "fill-opacity": stated.opacity}
    if type_ == "line":
        colour = stated.outline if area and stated.outline else _colour(layer)
        return {"line-color": colour, "line-width": _growing(stated.size_px)}
    return {
        "circle-color": _colour(layer),
        "circle-radius": _growing(stated.size_px),
        "circle-stroke-color": stated.outline or "#ffffff",
        "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], 14, 0, 17, 1],
    }


def _growing(size_px: float) -> list[Any]:
    """Full size at street zoom (17), a third of it over the whole city (11)."""
    return ["interpolate", ["exponential", 1.4], ["zoom"], 11, size_px / 3, 17, size_px, 20, size_px * 2]


def _colour(layer: Layer) -> Any:
    if layer.style.by is None:
        return layer.style.colour
    pairs = [part for pair in layer.style.colours.items() for part in pair]
    return ["match", ["get", layer.style.by], *pairs, layer.style.colour]


def _only(layer: Layer, type_: str) -> dict[str, Any]:
    """A layer of mixed geometry draws each type from its own features."""
    if layer.geometry != "Geometry":
        return {}
    single = GEOMETRY_OF[type_]
    return {"filter": ["match", ["geometry-type"], [single, f"Multi{single}"], True, False]}
