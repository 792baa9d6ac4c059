"""Write the sample city in the formats of real deliveries: cadastre, networks, trees, stops, districts."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import TextIO

from pipelines.sample_city import egib_gml, gesut_gml, gml, tables
from pipelines.sample_city.defects import spoil
from pipelines.sample_city.districts import districts as first_districts
from pipelines.sample_city.ground import Point
from pipelines.sample_city.survey import BoundaryPoint, Survey, mark_out, survey

FILES = {
    "egib": ("egib.gml", "utf-8"),
    "gesut": ("gesut.gml", "utf-8"),
    "trees": ("trees.csv", "windows-1250"),
    "districts": ("districts.geojson", "utf-8"),
    "stops": ("stops.csv", "utf-8"),
}


def write_city(
    folder: Path, districts: int = 1, seed: int = 1, stand: date = date(2026, 1, 1)
) -> dict[str, Path]:
    """Write the sample city into ``folder``, one district at a time; the same arguments give the same bytes.

    Args:
        folder: made if absent; files of an earlier city there are overwritten.
        districts: how many cadastral districts, each of about 2,000 parcels, from the centre outwards.
        seed: another seed gives another city at the same place.
        stand: the day the registers stand for; nothing in them is later.

    Returns:
        The path of each file: ``egib``, ``gesut``, ``trees``, ``districts``, ``stops``.

    Raises:
        ValueError: there is no room for so many districts.
    """
    all_districts = first_districts(districts, seed)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {kind: folder / name for kind, (name, _) in FILES.items()}
    with ExitStack() as stack:
        files = {
            kind: stack.enter_context(path.open("w", encoding=FILES[kind][1], newline=""))
            for kind, path in paths.items()
        }
        _start(files, stand)
        shared: dict[Point, BoundaryPoint] = {}
        first_tree = first_stop = 1
        for district in all_districts:
            found = survey(district, seed, stand, first_tree)
            mark_out(found, shared, seed, stand)
            if district.place == 0:
                spoil(found)
            _write(files, found, first_stop)
            first_tree += len(found.trees)
            first_stop += len(found.stops)
        files["egib"].write(egib_gml.unit(all_districts, shared) + gml.END)
        files["gesut"].write(gml.END)
        json.dump(tables.housing(all_districts), files["districts"], ensure_ascii=False, indent=1)
    return paths


def _start(files: Mapping[str, TextIO], stand: date) -> None:
    files["egib"].write(egib_gml.start(stand.isoformat()))
    files["gesut"].write(gesut_gml.start(stand.isoformat()))
    files["trees"].write(tables.TREES)
    files["stops"].write(tables.STOPS)


def _write(files: Mapping[str, TextIO], found: Survey, first_stop: int) -> None:
    files["egib"].writelines(egib_gml.cadastre(found))
    files["gesut"].writelines(gesut_gml.networks(found))
    files["trees"].writelines(tables.tree_rows(found.trees))
    files["stops"].writelines(tables.stop_rows(found.stops, first_stop))
