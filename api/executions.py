"""What a request to run a process asks: its inputs, and the form in which the result is wanted."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import orjson
from jsonschema import Draft202012Validator, ValidationError

from api.process import Layers, Process
from mesip.errors import UsageError

# The longest filter, each of its signs escaped, and room for the rest.
MOST_BYTES = 250_000
MOST_FAULTS = 20
OUTPUT = "file"


class Execution(NamedTuple):
    """A run of a process.

    ``raw``: the result itself is wanted, else a document about it; ``by_reference``: its address.
    """

    inputs: dict[str, Any]
    raw: bool = True
    by_reference: bool = False


def execution(body: bytes, process: Process, layers: Layers, srid: int) -> Execution:
    """Read the body of a request.

    Raises:
        UsageError: it is no JSON, or something of it is not understood; all faults are told at once.
    """
    document = _document(body)
    told = _unwrapped(document)
    found = list(_schema_faults(told, process, layers, srid))
    faulty = {name for name, _ in found}
    sound = {
        name: value for name, value in _inputs(told).items() if name not in faulty and None not in faulty
    }
    sentences = [sentence for _, sentence in found] + process.faults(layers, sound, srid)
    if sentences:
        more = len(sentences) - MOST_FAULTS
        raise UsageError(
            " ".join(sentences[:MOST_FAULTS]) + (f" And {more} faults more." if more > 0 else "")
        )
    return _read(told)


def read(text: str) -> Execution:
    """An execution as it was written down."""
    return Execution(*orjson.loads(text))


def write(asked: Execution) -> str:
    """The execution as it is written down."""
    return orjson.dumps(list(asked)).decode()


def schema(process: Process, layers: Layers, srid: int) -> dict[str, Any]:
    """The JSON Schema of the body of a request."""
    inputs = process.inputs(layers, srid)
    needed = [name for name, each in inputs.items() if each.required]
    mode = {"type": "string", "enum": ["value", "reference"], "default": "value"}
    one = _object({"transmissionMode": mode})
    return _object(
        {
            "inputs": _object({name: dict(each.schema) for name, each in inputs.items()}, needed),
            "outputs": _object({OUTPUT: one}),
            "response": {"type": "string", "enum": ["raw", "document"], "default": "raw"},
        },
        ["inputs"],
    )


def _object(properties: dict[str, Any], needed: list[str] | None = None) -> dict[str, Any]:
    stated = {"type": "object", "properties": properties, "additionalProperties": False}
    return stated | ({"required": needed} if needed else {})


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as cause:
        raise UsageError(f"The request is no JSON: {cause.msg}, at character {cause.pos + 1}.") from cause
    if not isinstance(document, dict):
        raise UsageError('The request is a JSON object: {"inputs": {…}}.')
    if "subscriber" in document:
        raise UsageError(
            "This server calls nobody back: leave subscriber out, and ask /jobs how the job is going."
        )
    return document


def _unwrapped(document: dict[str, Any]) -> dict[str, Any]:
    """The request with each input as its plain value; the standard also writes ``{"value": …}``."""
    inputs = document.get("inputs")
    if not isinstance(inputs, dict):
        return document
    plain = {
        name: given["value"] if isinstance(given, dict) and given.keys() == {"value"} else given
        for name, given in inputs.items()
    }
    return document | {"inputs": plain}


def _inputs(document: dict[str, Any]) -> dict[str, Any]:
    inputs = document.get("inputs")
    return inputs if isinstance(inputs, dict) else {}


def _schema_faults(
    document: dict[str, Any], process: Process, layers: Layers, srid: int
) -> Iterator[tuple[str | None, str]]:
    """The inputs, and what is wrong with each; what is wrong elsewhere has no name."""
    for name, given in _inputs(document).items():
        if isinstance(given, dict) and "href" in given:
            yield name, f"{name} is given by its value: this server fetches nothing from other addresses."
    told = dict.fromkeys(
        (_input_of(fault), _sentence(fault))
        for fault in Draft202012Validator(schema(process, layers, srid)).iter_errors(document)
        if not _fetched(document, fault)
    )
    yield from told


def _fetched(document: dict[str, Any], fault: ValidationError) -> bool:
    given = _inputs(document).get(_input_of(fault) or "")
    return isinstance(given, dict) and "href" in given


def _input_of(fault: ValidationError) -> str | None:
    path = list(fault.absolute_path)
    return str(path[1]) if path[:1] == ["inputs"] and len(path) > 1 else None


def _sentence(fault: ValidationError) -> str:
    """What is wrong, in our words: those of the library show the caller's values at any length."""
    path = [str(part) for part in fault.absolute_path]
    place = ".".join(path[1:] if path[:1] == ["inputs"] else path) or "The request"
    place = "inputs" if path == ["inputs"] else place[:80]
    wanted: Any = fault.validator_value
    given: Any = fault.instance
    stated = cast("dict[str, Any]", fault.schema)
    if fault.validator == "required":
        absent = [name for name in wanted if name not in given]
        return f"{place} lacks {', '.join(absent)}."
    if fault.validator == "additionalProperties":
        known = stated["properties"]
        strange = sorted(str(name)[:60] for name in given if name not in known)
        return f"{place} has {', '.join(map(repr, strange[:5]))}. Known here: {', '.join(known)}."
    return f"{place} {WORDS.get(str(fault.validator), _plainly)(wanted)}."


def _plainly(wanted: Any) -> str:
    return f"does not keep to its schema, see the description of the process ({str(wanted)[:60]})"


KINDS = {"object": "an object", "array": "an array", "string": "a text", "number": "a number"}
WORDS = {
    "type": lambda wanted: f"is {KINDS.get(wanted, wanted)}",
    "enum": lambda wanted: f"is one of {', '.join(map(str, wanted))}",
    "minItems": lambda wanted: f"has {wanted} values at least",
    "maxItems": lambda wanted: f"has {wanted} values at most",
    "minLength": lambda wanted: f"has {wanted} signs at least",
    "maxLength": lambda wanted: f"has {wanted} signs at most",
}


def _read(document: Mapping[str, Any]) -> Execution:
    mode = document.get("outputs", {}).get(OUTPUT, {}).get("transmissionMode", "value")
    return Execution(document["inputs"], document.get("response", "raw") == "raw", mode == "reference")
