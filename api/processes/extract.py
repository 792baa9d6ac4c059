"""A layer, or what is asked of it, as a file."""

from pathlib import Path
from typing import Any

from api.asking import Asked, asked
from api.coordinates import offered
from api.exports import FORMATS, Export, write
from api.filters import LONGEST
from api.heads import heads
from api.process import File, Input, Inputs, Layers, Process, Work
from layers import Layer
from layers.collection import CRS84
from mesip.errors import UsageError

NUMBER, TEXT = {"type": "number"}, {"type": "string"}
LONGEST_TIME = 100
TIMES = ("datetime", "known-at")


def inputs(layers: Layers, srid: int) -> dict[str, Input]:
    """The inputs that somebody may give."""
    systems = TEXT | {"enum": offered(srid), "default": CRS84}
    corners = {"type": "array", "items": NUMBER, "minItems": 4, "maxItems": 6}
    box = {
        "type": "object",
        "properties": {"bbox": corners, "crs": systems},
        "required": ["bbox"],
        "additionalProperties": False,
        "format": "ogc-bbox",
    }
    time = TEXT | {"minLength": 1, "maxLength": LONGEST_TIME}
    return {
        "layer": Input({"pl": "Warstwa", "en": "Layer"}, TEXT | {"enum": list(layers)}, required=True),
        "format": Input(
            {"pl": "Format pliku", "en": "Format of the file"}, TEXT | {"enum": list(FORMATS)}, required=True
        ),
        "bbox": Input(
            {"pl": "Prostokąt", "en": "Box"},
            box,
            {
                "pl": "Dolny róg, potem górny; osie jak w układzie crs.",
                "en": "Lower corner, then upper; axes as in crs.",
            },
        ),
        "filter": Input(
            {"pl": "Filtr", "en": "Filter"},
            TEXT | {"minLength": 1, "maxLength": LONGEST},
            {
                "pl": "Warunek w CQL2, jako tekst lub JSON w tekście.",
                "en": "A condition in CQL2, as text or as JSON in a text.",
            },
        ),
        "datetime": Input(
            {"pl": "Czas w terenie", "en": "Valid time"},
            time,
            {
                "pl": "Dzień, chwila lub przedział, w którym wersje obowiązują.",
                "en": "Day, moment or interval in which versions are valid.",
            },
        ),
        "known-at": Input(
            {"pl": "Stan wiedzy", "en": "Recorded time"},
            time,
            {"pl": "Wersje, jakie były wtedy opublikowane.", "en": "Versions as they were published then."},
        ),
    }


def faults(layers: Layers, given: Inputs, srid: int) -> list[str]:
    """What is wrong with inputs that keep to their schemas."""
    if "layer" not in given:
        return []
    layer, found = layers[given["layer"]], []
    for parameters in _parameters(given):
        try:
            asked(parameters, layer, srid)
        except UsageError as fault:
            found.append(str(fault))
    return found


def file(given: Inputs) -> File:
    """The file that is made: named after its layer."""
    ending = given["format"]
    return File(f"{given['layer']}.{ending}", FORMATS[ending].media_type)


def extract(work: Work, path: Path) -> None:
    """Write the file."""
    layer = work.reader.layer(work.inputs["layer"])
    head = heads(work.reader).get(layer.name)
    wish = _asked(layer, work.inputs, work.srid)
    write(
        Export(work.reader, layer, head, work.srid, work.language, wish, work.told),
        path,
        work.inputs["format"],
    )


def _asked(layer: Layer, given: Inputs, srid: int) -> Asked:
    whole = {name: text for parameters in _parameters(given) for name, text in parameters.items()}
    return asked(whole, layer, srid)


def _parameters(given: Inputs) -> list[dict[str, str]]:
    """The parameters of features that the inputs mean, those together that are understood together."""
    stated: list[dict[str, str]] = [{name: given[name]} for name in ("filter", *TIMES) if name in given]
    if "bbox" in given:
        box = given["bbox"]
        stated.append({"bbox": ",".join(map(str, box["bbox"])), "bbox-crs": box.get("crs", CRS84)})
    return stated


def example(layers: Layers) -> dict[str, Any]:
    """Inputs to try it with."""
    return {"layer": next(iter(layers)), "format": next(iter(FORMATS))}


PROCESS = Process(
    name="extract",
    title={"pl": "Wyciąg z warstwy", "en": "Extract of a layer"},
    about={
        "pl": "Warstwa, w całości lub zawężona prostokątem, filtrem i czasem, jako plik.",
        "en": "A layer, whole or narrowed by a box, a filter and times, as a file.",
    },
    version="1.0.0",
    inputs=inputs,
    faults=faults,
    output={"pl": "Plik", "en": "The file"},
    media_types=tuple(form.media_type for form in FORMATS.values()),
    file=file,
    write=extract,
    example=example,
)
