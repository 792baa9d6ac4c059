"""Hop 2: the national GML, as a stream of frames in the words of the source.

An object becomes a row, and each element of it that holds text a column named as the element. A structured
property is flattened: below ``idIIP`` and ``cyklZyciaObiektu`` an element keeps its own name (``lokalnyId``),
below any other it is named after the property too (``klasouzytek.OFU``, ``wladajacy.nazwaPelna``). Repeated
values are joined with ``;`` in the order of the document; where a structured property repeats, an absent
value leaves its place empty (``R;;R``), so that the n-th values of its columns belong together.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from geopandas import GeoDataFrame
from lxml import etree
from pyproj import CRS

from mesip.errors import SourceError
from pipelines.gml_document import check_opening, line_of, stream_objects
from pipelines.gml_drawing import draw
from pipelines.gml_geometry import Shape, coordinate_system, local_name, read_shape

GML_ID = "{http://www.opengis.net/gml/3.2}id"
HREF = "{http://www.w3.org/1999/xlink}href"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
GEOMETRY = "geometria"
WITHOUT_PREFIX = frozenset({"idIIP", "cyklZyciaObiektu"})

Pair = tuple[str, str | None]


@dataclass(slots=True)
class Batch:
    """Objects of one layer that wait to become a frame: their columns, and their geometries as written.

    A column may be shorter than ``shapes``; the rows it does not reach hold None.
    """

    columns: dict[str, list[str | None]] = field(default_factory=lambda: defaultdict(list))
    shapes: list[Shape | None] = field(default_factory=list)

    def add(self, pairs: list[Pair], shape: Shape | None) -> None:
        """One object more: its values, by name and in order, and its geometry."""
        row, columns = len(self.shapes), self.columns
        for name, value in pairs:
            column = columns[name]
            if len(column) == row:
                column.append(value)
            elif len(column) < row:
                column += [None] * (row - len(column))
                column.append(value)
            elif value is not None:
                column[row] = value if column[row] is None else f"{column[row]};{value}"
        self.shapes.append(shape)


def read_gml(
    path: Path, classes: Mapping[str, str], namespaces: Collection[str], batch_rows: int = 20_000
) -> Iterator[tuple[str, GeoDataFrame]]:
    """The objects of ``classes`` in ``namespaces``: name of the layer and frame, batch by batch.

    Beside the columns of the source a frame has ``class``, ``gml_id``, ``origin`` (``line 812``), ``fault``
    (None, or why the geometry cannot be used) and ``geometry``, x easting and y northing.

    Args:
        path: the file.
        classes: layer by local name of the feature class; several classes may go to one layer.
        namespaces: the namespaces of the feed, of every schema family.
        batch_rows: the most rows a frame may have.

    Raises:
        SourceError: the file cannot be read, holds nothing of the feed, or its coordinate system is unclear.
    """
    layers = {f"{{{uri}}}{name}": layer for uri in namespaces for name, layer in classes.items()}
    batches: dict[str, Batch] = defaultdict(Batch)
    declared, tags, crs = check_opening(path), set[str](), None
    for element in stream_objects(path):
        tags.add(element.tag)
        if (layer := layers.get(element.tag)) is None:
            continue
        batch = batches[layer]
        pairs, shape = _read_object(element)
        crs = _settle_crs(crs, shape, path, element)
        batch.add(pairs, shape)
        if len(batch.shapes) >= batch_rows:
            yield layer, _frame(batches.pop(layer), crs, path)
    for layer, batch in batches.items():
        yield layer, _frame(batch, crs, path)
    _check_namespaces({_namespace(tag) for tag in tags} or declared, namespaces, path)


def target(href: str) -> str:
    """The ``lokalnyId`` that a reference points at, whichever way it is written.

    >>> target("#PL.PZGiK.179.EGiB_93aa6dae-11a5-470f-b417-5c6a4f5137ed_2005-03-12T14-25-58")
    '93aa6dae-11a5-470f-b417-5c6a4f5137ed'
    >>> target("urn:pzgik:id:PL.PZGiK.1385.EGiB:5815ff62-e62b-4172-bd70-c1b8442aa65f")
    '5815ff62-e62b-4172-bd70-c1b8442aa65f'
    """
    if href.startswith("urn:pzgik:id:"):
        return href.split(":", 5)[4] if href.count(":") > 3 else href  # noqa: PLR2004 - urn:pzgik:id:ns:id
    pieces = href.strip().lstrip("#").split("_")
    return pieces[1] if len(pieces) in (2, 3) and "/" not in href else "_".join(pieces)


def _read_object(element: etree._Element) -> tuple[list[Pair], Shape | None]:
    """The values of ``element``, by name and in order, and its geometry as written."""
    pairs: list[Pair] = [
        ("class", local_name(element.tag)),
        ("gml_id", element.get(GML_ID)),
        ("origin", f"line {line_of(element)}"),
    ]
    shape = None
    structured: dict[str, list[list[Pair]]] = {}
    for child in element:
        name = local_name(child.tag)
        if not len(child) and name != GEOMETRY:
            pairs.append((name, _value(child)))
        elif name == GEOMETRY:
            shape = _read_geometry(child, shape)
        elif name in WITHOUT_PREFIX:
            pairs += _leaves(child)
        else:
            structured.setdefault(name, []).append(_leaves(child, f"{name}."))
    for repeats in structured.values():
        pairs += repeats[0] if len(repeats) == 1 else _aligned(repeats)
    return pairs, shape


def _leaves(parent: etree._Element, prefix: str = "") -> list[Pair]:
    return [(prefix + local_name(leaf.tag), _value(leaf)) for leaf in parent.iter() if not len(leaf)]


def _aligned(repeats: list[list[Pair]]) -> Iterator[Pair]:
    """The values of a property that repeats, with an empty place where one of them has none."""
    columns: dict[str, list[str]] = {}
    for place, pairs in enumerate(repeats):
        for name, value in pairs:
            column = columns.setdefault(name, [""] * len(repeats))
            column[place] = f"{column[place]};{value}" if value and column[place] else value or column[place]
    for name, column in columns.items():
        yield name, ";".join(column) if any(column) else None


def _value(leaf: etree._Element) -> str | None:
    if attributes := leaf.keys():
        if HREF in attributes:
            return target(leaf.get(HREF, "")) or None
        if "nilReason" in attributes or leaf.get(NIL) in ("true", "1"):
            return None
    return (leaf.text or "").strip() or None


def _read_geometry(element: etree._Element, before: Shape | None) -> Shape | None:
    if not len(element):
        return before
    shape = read_shape(element[0])
    if before is not None or len(element) > 1:
        shape.fault = "The object has more than one geometry."
    return shape


def _settle_crs(crs: CRS | None, shape: Shape | None, path: Path, element: etree._Element) -> CRS | None:
    """The coordinate system of the file, now that ``shape`` of ``element`` is known too."""
    if shape is None:
        return crs
    if shape.srs_name is None:
        shape.fault = shape.fault or "The geometry names no coordinate system (srsName)."
        return crs
    found = coordinate_system(shape.srs_name)
    if found is None:
        raise SourceError(
            f"{path}, line {line_of(element)}: the coordinate system {shape.srs_name!r} is not known. "
            "Name it by its EPSG code, such as urn:ogc:def:crs:EPSG::2177."
        )
    if crs is not None and found is not crs and found != crs:
        raise SourceError(
            f"{path}, line {line_of(element)}: the object is in EPSG:{found.to_epsg()}, the objects before "
            f"it in EPSG:{crs.to_epsg()}. Split the file by coordinate system and deliver each part."
        )
    return crs or found


def _frame(batch: Batch, crs: CRS | None, path: Path) -> GeoDataFrame:
    if crs is None and any(batch.shapes):
        raise SourceError(
            f"{path}, {batch.columns['origin'][0]}: no geometry names its coordinate system. Add srsName, "
            "such as urn:ogc:def:crs:EPSG::2177."
        )
    northing_first = crs is not None and crs.axis_info[0].direction == "north"
    geometries, faults = draw(batch.shapes, northing_first)
    columns = {name: column + [None] * (len(faults) - len(column)) for name, column in batch.columns.items()}
    frame = pd.DataFrame(columns | {"fault": faults}, dtype=object)
    return GeoDataFrame(frame, geometry=geometries, crs=crs)


def _namespace(tag: str) -> str:
    return tag[1:].rpartition("}")[0]


def _check_namespaces(found: set[str], expected: Collection[str], path: Path) -> None:
    if not found & set(expected):
        raise SourceError(
            f"{path} has no object of this feed. Its namespaces are {', '.join(sorted(found)) or '(none)'}; "
            f"expected is one of {', '.join(sorted(expected))}. Check that the file belongs to this feed."
        )
