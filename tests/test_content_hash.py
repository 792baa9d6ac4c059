"""Content is the same whoever exported it, and different when a thing of the world differs."""

import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas import GeoDataFrame
from hypothesis import given
from hypothesis import strategies as st
from shapely import affinity

from layers import get_layer
from pipelines.conform import conform
from pipelines.content import arrow_columns, content_hashes

PARCELS = get_layer("parcels")
ROW = {
    "lokalnyId": "a",
    "idDzialki": "306401_1.0051.AR_1.5",
    "poleEwidencyjne": "0.0350",
    "startWersjaObiekt": "2020-01-01T10:00:00",
    "class": "EGB_DzialkaEwidencyjna",
}
SQUARE = shapely.box(6_430_000, 5_808_000, 6_430_010, 5_808_035)


def hash_of(shape=SQUARE, **changed):
    source = GeoDataFrame(pd.DataFrame([ROW | changed]), geometry=[shape], crs=2177).assign(origin="row 1")
    frame, issues = conform(source, PARCELS, 2177)
    assert issues.empty
    return content_hashes(arrow_columns(frame, PARCELS), frame.geometry.to_numpy())[0].as_py()


def test_where_a_ring_starts_and_which_way_it_runs_does_not_count():
    corners = list(SQUARE.exterior.coords)[:-1]
    for start in range(4):
        turned = corners[start:] + corners[:start]
        assert hash_of(shapely.Polygon(turned)) == hash_of()
        assert hash_of(shapely.Polygon(turned[::-1])) == hash_of()


@given(st.permutations(range(3)))
def test_the_order_of_holes_does_not_count(order):
    holes = [
        list(shapely.box(6_430_001 + 3 * i, 5_808_002, 6_430_002 + 3 * i, 5_808_003).exterior.coords)
        for i in range(3)
    ]
    first = shapely.Polygon(SQUARE.exterior.coords, holes)
    other = shapely.Polygon(SQUARE.exterior.coords, [holes[i] for i in order])
    assert hash_of(first) == hash_of(other)


def test_how_a_number_is_written_does_not_count():
    assert hash_of(poleEwidencyjne="0,035") == hash_of(poleEwidencyjne=" 0.03500 ") == hash_of()


def test_how_a_letter_is_composed_does_not_count():
    composed, decomposed = "306401_1.0051.5\u0105", "306401_1.0051.5a\u0328"
    assert hash_of(idDzialki=composed) == hash_of(idDzialki=decomposed) != hash_of()


def test_below_a_tenth_of_a_millimetre_is_arithmetic():
    assert hash_of(affinity.translate(SQUARE, 0.00001, 0)) == hash_of()


@pytest.mark.parametrize(
    "change",
    [
        {"shape": affinity.translate(SQUARE, 0.01, 0)},
        {"poleEwidencyjne": "0.0351"},
        {"idDzialki": "306401_1.0051.AR_1.6"},
        {"startWersjaObiekt": "2020-01-01T10:00:01"},
        {"dokladnoscReprezentacjiPola": "1"},
    ],
)
def test_a_real_difference_counts(change):
    assert hash_of(**change) != hash_of()


def test_values_do_not_run_into_each_other():
    assert hash_of(obreb="x", arkusz="y") == hash_of()
    assert hash_of(lokalnyId="a", idDzialki="306401_1.0051.11") != hash_of(
        lokalnyId="a3", idDzialki="06401_1.0051.11"
    )


def test_the_hash_stays_what_it_was():
    """A stored hash that came out otherwise would make every row of a city look changed."""
    assert hash_of().hex() == "59af39ed60f6a7769b811dac681a54a9"


def test_equal_rows_in_one_frame_hash_equally_and_others_do_not():
    shapes = np.array([SQUARE, SQUARE, shapely.box(0, 0, 1, 1)], dtype=object)
    source = GeoDataFrame(pd.DataFrame([ROW] * 3), geometry=shapes, crs=2177).assign(origin="row")
    frame, _ = conform(source, PARCELS, 2177)
    hashes = content_hashes(arrow_columns(frame, PARCELS), frame.geometry.to_numpy()).to_pylist()
    assert hashes[0] == hashes[1] != hashes[2]
