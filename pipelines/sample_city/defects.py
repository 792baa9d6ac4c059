"""The defects that every delivery of the sample city has, as real ones do; nothing else in it is wrong."""

from dataclasses import replace

from pipelines.sample_city.parcels import Parcel
from pipelines.sample_city.survey import Survey

DEFECTS: dict[str, tuple[int, str]] = {
    "building_bow_tie": (1, "A building's outline crosses itself."),
    "tree_number_twice": (2, "Two trees bear one inventory number."),
    "tree_girth_zero": (3, "A tree has a girth of 0 cm."),
    "tree_vitality_unknown": (1, "A tree's vitality is a word that is not on the list."),
    "line_source_empty": (1, "A utility line has an empty zrodlo."),
    "point_number_empty": (1, "A boundary point has an empty idPunktu."),
    "parcel_superseded": (1, "An ended version of a parcel is delivered beside the current one."),
}


def spoil(found: Survey) -> None:
    """Put the defects into the first district of a delivery."""
    _cross_outline(found)
    trees = found.trees[100:]
    trees[1].number = trees[0].number
    for tree in trees[50 : 50 + DEFECTS["tree_girth_zero"][0]]:
        tree.girth_cm = 0
    trees[90].vitality = "świetna"
    found.pipes[40][0].source = ""
    found.points[70].identifier = ""
    found.parcels.append(_earlier_version(found.parcels))


def _cross_outline(found: Survey) -> None:
    building = next(each for each in found.buildings[len(found.buildings) // 2 :] if len(each.ring) == 4)  # noqa: PLR2004 - a rectangle
    a, b, c, d = building.ring
    building.ring = [a, b, d, c]  # its street wall stays, where it is connected


def _earlier_version(parcels: list[Parcel]) -> Parcel:
    """A built-up parcel as it was when it still was a field."""
    now = next(each for each in parcels if each.kind == "villa" and each.stamp.version > each.stamp.started)
    stamp = replace(now.stamp, version=now.stamp.started, ended=now.stamp.version)
    return replace(now, stamp=stamp, uses=(("R", "R", "IVb", now.area_m2),))
