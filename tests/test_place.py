"""Coordinates must lie where their coordinate system says."""

import geopandas
import numpy as np
import pytest
import shapely
from geopandas import GeoDataFrame
from pyproj import Transformer

from mesip.errors import SourceError
from pipelines.place import check_place

# Longitude and latitude of a town in each zone.
TOWNS = {
    2176: (14.55, 53.43),
    2177: (16.93, 52.41),
    2178: (21.01, 52.23),
    2179: (22.75, 51.55),
    2180: (19.0, 50.3),
}


def near(srid: int, count: int = 10) -> np.ndarray:
    """Positions (x easting, y northing) within 500 m of the town, shape (count, 2), metres."""
    centre = Transformer.from_crs(4326, srid, always_xy=True).transform(*TOWNS[srid])
    return np.array(centre) + np.linspace(-500, 500, 2 * count).reshape(count, 2)


def frame(positions: np.ndarray, crs: int | str) -> GeoDataFrame:
    return GeoDataFrame({"n": range(len(positions))}, geometry=shapely.points(positions), crs=crs)


@pytest.mark.parametrize("srid", TOWNS)
def test_a_town_in_its_own_zone_is_in_place(srid: int):
    checked = check_place(frame(near(srid), srid), "town.gml")
    assert checked["fault"].isna().all()


@pytest.mark.parametrize("crs", ["EPSG:4326", "OGC:CRS84", "EPSG:4258"])
def test_degrees_in_poland_are_in_place_and_swapped_ones_are_not(crs: str):
    positions = np.array(list(TOWNS.values()))
    assert check_place(frame(positions, crs), "towns.gml")["fault"].isna().all()
    with pytest.raises(SourceError, match="axes are swapped"):
        check_place(frame(positions[:, ::-1], crs), "towns.gml")


def test_metres_of_web_maps_are_in_place_and_swapped_or_other_ones_are_not():
    towns = np.array(list(TOWNS.values())).T
    positions = np.column_stack(Transformer.from_crs(4326, 3857, always_xy=True).transform(*towns))
    assert check_place(frame(positions, 3857), "towns.gml")["fault"].isna().all()
    with pytest.raises(SourceError, match="axes are swapped: x is easting"):
        check_place(frame(positions[:, ::-1], 3857), "towns.gml")
    with pytest.raises(SourceError, match="numbers are those of EPSG:3857, but the file says EPSG:2177"):
        check_place(frame(positions, 2177), "towns.gml")


@pytest.mark.parametrize("srid", [2176, 2177, 2178, 2179])
def test_swapped_axes_are_named(srid: int):
    with pytest.raises(
        SourceError, match=rf"^town.gml: .*easting first; EPSG:{srid} is written northing first"
    ):
        check_place(frame(near(srid)[:, ::-1], srid), "town.gml")


def test_the_zone_that_the_numbers_belong_to_is_named():
    with pytest.raises(
        SourceError, match=r"Eastings begin with 7, that is EPSG:2178, but the file says EPSG:2177"
    ):
        check_place(frame(near(2178), 2177), "town.gml")


def test_a_wrong_zone_with_swapped_axes_is_named():
    with pytest.raises(SourceError, match=r"Eastings begin with 6, that is EPSG:2177.*swapped too"):
        check_place(frame(near(2177)[:, ::-1], 2178), "town.gml")


def test_numbers_of_the_national_system_are_named():
    with pytest.raises(SourceError, match=r"The numbers are those of EPSG:2180, but the file says EPSG:2177"):
        check_place(frame(near(2180), 2177), "town.gml")


def test_numbers_from_nowhere_are_outside_poland():
    with pytest.raises(SourceError, match="outside Poland"):
        check_place(frame(np.array([[1e8, 1e8]]), 2177), "town.gml")


def test_one_row_outside_is_a_fault_of_that_row():
    positions = near(2177)
    positions[3] = positions[3, ::-1]
    checked = check_place(frame(positions, 2177), "town.gml")
    assert list(np.flatnonzero(checked["fault"].notna())) == [3]
    assert "outside of EPSG:2177" in checked["fault"].iloc[3]


def test_half_of_the_rows_outside_is_not_yet_a_fault_of_the_file():
    positions = near(2177)
    positions[:5] = positions[:5, ::-1]
    assert check_place(frame(positions, 2177), "town.gml")["fault"].notna().sum() == 5


def test_a_line_that_runs_out_of_the_zone_is_a_fault():
    lines = [shapely.LineString(near(2177)) for _ in range(3)]
    lines[1] = shapely.LineString([*near(2177), (0, 0)])
    checked = check_place(GeoDataFrame(geometry=lines, crs=2177), "lines.gml")
    assert list(checked["fault"].notna()) == [False, True, False]


def test_an_earlier_fault_and_rows_without_geometry_are_left_as_they_are():
    rows = frame(near(2177, 4), 2177).assign(fault=["broken", None, None, None])
    rows = rows.set_geometry(
        geopandas.GeoSeries([shapely.Point(0, 0), None, *rows.geometry.iloc[2:]], crs=2177)
    )
    assert list(check_place(rows, "town.gml")["fault"].fillna("-")) == ["broken", "-", "-", "-"]


def test_a_county_across_the_border_of_two_zones_stays_in_one():
    x, y = Transformer.from_crs(4326, 2177, always_xy=True).transform(16.1, 52.4)
    assert check_place(frame(np.array([[x, y]]), 2177), "county.gml")["fault"].isna().all()


def test_what_cannot_be_told_is_not_told():
    swapped = near(2180)[:, ::-1]
    assert check_place(frame(swapped, 2180), "town.gml")["fault"].isna().all()
    assert check_place(frame(near(2177), "EPSG:25833"), "town.gml")["fault"].isna().all()
    assert check_place(GeoDataFrame({"n": []}, geometry=[]), "empty.gml")["fault"].isna().all()


def test_the_frame_that_was_given_is_not_changed():
    given = frame(near(2177), 2177)
    check_place(given, "town.gml")
    assert "fault" not in given.columns
