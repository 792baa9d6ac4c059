"""A reader that crashes, or takes too much, ends alone: the load goes on to say so."""

import multiprocessing
import time
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from mesip.errors import SourceError
from pipelines.arrow_frames import from_bytes, layer_of, to_bytes, to_frame, to_table
from pipelines.confined import Limits, confined

READERS = """
import os, signal, socket, time
from geopandas import GeoDataFrame
from mesip.errors import SourceError
from shapely import Point

def rows(path, count):
    for n in range(count):
        yield "trees", GeoDataFrame({"n": [n]}, index=[n], geometry=[Point(n, n)], crs=2177)

def dies_after_two(path):
    yield from rows(path, 2)
    os.kill(os.getpid(), signal.SIGSEGV)

def greedy(path):
    yield "trees", bytearray(3 << 30)

def busy(path):
    while True:
        pass
    yield

def silent(path):
    time.sleep(60)
    yield

def writes(path):
    path.with_suffix(".out").write_bytes(bytes(64 << 20))
    yield

def refuses(path):
    raise SourceError(f"{path.name} is no table. Export it again.")
    yield
"""


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    """A module of readers that the other process can import as well."""
    folder = tmp_path_factory.mktemp("readers")
    (folder / "readers_on_trial.py").write_text(READERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield pytest.importorskip("readers_on_trial")


GENEROUS = Limits(2048, 60)
FILE = Path("/nowhere/a.gpkg")


def test_frames_arrive_whole_and_in_order(readers):
    found = list(confined(readers.rows, GENEROUS, FILE, 5))
    frames = [to_frame(rows) for rows in found]
    assert [layer_of(rows) for rows in found] == ["trees"] * 5
    assert [frame["n"].item() for frame in frames] == list(range(5))
    assert [frame.index[0] for frame in frames] == list(range(5))
    assert frames[3].crs == 2177
    assert frames[3].geometry.iloc[0] == shapely.Point(3, 3)


def test_a_reader_that_crashes_is_a_sentence_after_what_arrived(readers):
    arrived = []
    with pytest.raises(SourceError, match=r"a\.gpkg: its reader crashed \(SIGSEGV\).* Export it again"):
        for rows in confined(readers.dies_after_two, GENEROUS, FILE):
            arrived += rows["n"].to_pylist()
    assert arrived in ([], [0], [0, 1])


def test_memory_is_limited(readers):
    with pytest.raises(SourceError, match=r"a\.gpkg made its reader exceed 512 MB .* MESIP_READER_MEMORY_MB"):
        list(confined(readers.greedy, Limits(512, 60), FILE))


@pytest.mark.parametrize("reader", ["busy", "silent"])
def test_time_is_limited(readers, reader):
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"a\.gpkg kept its reader busy for more than 1 seconds"):
        list(confined(getattr(readers, reader), Limits(2048, 1), FILE))
    assert time.monotonic() - began < 10


def test_a_reader_cannot_fill_the_disk(readers, tmp_path):
    with pytest.raises(RuntimeError, match="File too large"):
        list(confined(readers.writes, GENEROUS, tmp_path / "a.gpkg"))
    assert (tmp_path / "a.out").stat().st_size <= 16 << 20


def test_a_refusal_keeps_its_words(readers):
    with pytest.raises(SourceError, match=r"^a\.gpkg is no table\. Export it again\.$"):
        list(confined(readers.refuses, GENEROUS, FILE))


def test_no_process_stays_when_the_rest_is_not_wanted(readers):
    found = confined(readers.rows, GENEROUS, FILE, 1_000_000)
    next(found)
    found.close()
    assert multiprocessing.active_children() == []


def test_a_frame_comes_back_as_it_was():
    frame = gpd.GeoDataFrame(
        {
            "text": pd.Series(["ł", None, ""], dtype="str"),
            "object": pd.Series(["a", None, "b"], dtype=object),
            "nothing": pd.Series([None, None, None], dtype=object),
            "number": [1.5, float("nan"), -0.0],
            "moment": pd.to_datetime(["1500-01-01", "", "2999-01-01"], format="%Y-%m-%d"),
        },
        geometry=shapely.from_wkt(["POINT Z (1 2 3)", None, "POLYGON EMPTY"]),
        crs="OGC:CRS84",
    ).set_axis(range(7, 10), axis=0)
    rows = from_bytes(to_bytes(to_table("trees", frame)).to_pybytes())
    layer, back = layer_of(rows), to_frame(rows)
    pd.testing.assert_frame_equal(pd.DataFrame(frame.iloc[:, :-1]), pd.DataFrame(back.iloc[:, :-1]))
    assert (layer, back.crs) == ("trees", frame.crs)
    assert back.geometry.to_wkb().equals(frame.geometry.to_wkb())
