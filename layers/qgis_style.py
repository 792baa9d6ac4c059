"""The style of a layer as QGIS keeps it (QML): the colours of the map, and the titles of fields."""

from typing import Any
from xml.etree import ElementTree

from layers.declaration import Language, Layer
from layers.style import DRAWN

VERSION = "3.22"
# Per drawn type: the number that QGIS has for its geometry, its symbol and its symbol layer.
SYMBOLS = {
    "circle": ("0", "marker", "SimpleMarker"),
    "line": ("1", "line", "SimpleLine"),
    "fill": ("2", "fill", "SimpleFill"),
}
GEOMETRY_NAMES = {"circle": "point", "line": "line", "fill": "area"}


def qgis_styles(layer: Layer, language: Language) -> dict[str, str]:
    """QML documents by what they draw: one, or one each for points, lines and areas of a mixed layer.

    QGIS takes the first one by itself, and offers the others.
    """
    drawn = DRAWN[layer.geometry][::-1] if layer.geometry == "Geometry" else DRAWN[layer.geometry][:1]
    return {GEOMETRY_NAMES[type_]: _document(layer, type_, language) for type_ in drawn}


def _document(layer: Layer, type_: str, language: Language) -> str:
    number, _, _ = SYMBOLS[type_]
    root = ElementTree.Element("qgis", version=VERSION, styleCategories="Symbology|Fields|Labeling")
    root.append(_renderer(layer, type_, language))
    aliases = ElementTree.SubElement(root, "aliases")
    for index, field in enumerate(layer.fields):
        ElementTree.SubElement(
            aliases, "alias", index=str(index), field=field.name, name=field.title[language]
        )
    ElementTree.SubElement(root, "layerGeometryType").text = number
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>" + ElementTree.tostring(
        root, encoding="unicode"
    )


def _renderer(layer: Layer, type_: str, language: Language) -> Any:
    symbols = ElementTree.Element("symbols")
    if layer.style.by is None:
        renderer = ElementTree.Element("renderer-v2", type="singleSymbol")
        symbols.append(_symbol(layer, type_, layer.style.colour, "0"))
    else:
        renderer = ElementTree.Element("renderer-v2", type="categorizedSymbol", attr=layer.style.by)
        categories = ElementTree.SubElement(renderer, "categories")
        for number, (value, label, colour) in enumerate(_categories(layer, language)):
            name = str(number)
            ElementTree.SubElement(
                categories, "category", render="true", symbol=name, value=value, label=label
            )
            symbols.append(_symbol(layer, type_, colour, name))
    renderer.append(symbols)
    return renderer


def _categories(layer: Layer, language: Language) -> list[tuple[str, str, str]]:
    """Value, label and colour; what has no colour of its own comes last, without a value."""
    titles = {code.value: code.title[language] for code in layer.field(layer.style.by or "").codes}
    other = {"pl": "pozostałe", "en": "other"}[language]
    coloured = [(value, titles[value], colour) for value, colour in layer.style.colours.items()]
    return [*coloured, ("", other, layer.style.colour)]


def _symbol(layer: Layer, type_: str, colour: str, name: str) -> Any:
    _, kind, class_ = SYMBOLS[type_]
    symbol = ElementTree.Element("symbol", type=kind, name=name, alpha="1")
    drawn = ElementTree.SubElement(
        symbol, "layer", {"class": class_, "enabled": "1", "pass": "0", "locked": "0"}
    )
    for key, value in _properties(layer, type_, colour).items():
        ElementTree.SubElement(drawn, "prop", k=key, v=value)
    return symbol


def _properties(layer: Layer, type_: str, colour: str) -> dict[str, str]:
    stated = layer.style
    if type_ == "line":
        return {"line_color": _rgba(colour), "line_width": f"{stated.size_px:g}", "line_width_unit": "Pixel"}
    outline = {"outline_color": _rgba(stated.outline or ("#ffffff" if type_ == "circle" else colour))}
    if type_ == "circle":
        # A radius here, a diameter there.
        size = {"name": "circle", "size": f"{2 * stated.size_px:g}", "size_unit": "Pixel"}
        return {"color": _rgba(colour)} | size | outline
    width = {"outline_width": f"{stated.size_px:g}", "outline_width_unit": "Pixel"}
    return (
        {"color": _rgba(colour, stated.opacity), "style": "solid" if stated.opacity else "no"}
        | outline
        | width
    )


def _rgba(colour: str, opacity: float = 1) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"{red},{green},{blue},{round(255 * opacity)}"
