"""Rejected rows go out as a GeoPackage, are corrected there, and come back."""

import json
from datetime import date

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesip.errors import SourceError, UsageError
from pipelines.load import Order, load
from pipelines.rejects import write_rejects

ANYWHERE = frozenset({"extent"})
LIFTED = frozenset({"rejects"})
HEADER = "NUMER,GATUNEK,OBWOD_PNIA_CM,ULICA,lon,lat"


@pytest.fixture(autouse=True)
def empty(database):
    """Each test begins with nothing published."""
    tables = (
        "city.trees, city.trees_history, city.parcels, city.parcels_history, registry.change, registry.head"
    )
    with database.transaction() as connection:
        connection.exec_driver_sql(f"TRUNCATE {tables}, registry.reject, registry.issue")


@pytest.fixture
def deliver(database, node, tmp_path):
    """Load lines of a table of trees; return the outcome."""

    def publish(*lines: str, name: str = "trees.csv"):
        path = tmp_path / name
        path.write_text("\n".join((HEADER, *lines)) + "\n")
        return load(Order("trees", (path,), accepted=LIFTED), database, node)

    return publish


@pytest.fixture
def resubmit(database, node):
    """Bring a file of corrected rows back; return the account of the layer and the run."""

    def bring(path, feed: str = "trees", accepted=frozenset()):
        outcome = load(Order(feed, (path,), accepted=accepted, resubmit=True), database, node)
        assert all(conserved(each.rows) for each in outcome.accounts.values())
        return outcome

    return bring


@pytest.fixture
def rejects(database, tmp_path):
    """Write the open rejects of a run; return the file and the frame of the layer."""

    def write(run: int, layer: str = "trees", name: str = "rejects.gpkg"):
        path = tmp_path / name
        path.unlink(missing_ok=True)
        return path, gpd.read_file(path, layer=layer) if write_rejects(database, run, path) else None

    return write


def corrected(frame, path, layer="trees"):
    path.unlink()
    pyogrio.write_dataframe(frame, path, layer=layer, driver="GPKG")
    return path


def conserved(rows):
    return rows.read == rows.added + rows.changed + rows.confirmed + rows.rejected and rows.removed == 0


def counted(outcome, layer="trees"):
    stated = outcome.accounts[layer].stated()
    return tuple(stated[name] for name in ("read", "added", "changed", "confirmed", "rejected"))


def open_rejects(rows):
    return rows("SELECT count(*) FROM registry.reject WHERE closed_by IS NULL AND original IS NULL")[0][0]


def tree(number, girth, east=16.9, street="Długa"):
    return f"{number},Tilia cordata,{girth},{street},{east},52.4"


def test_a_reject_goes_out_with_the_sources_columns_and_the_reasons(deliver, rejects):
    run = deliver(tree(1, 0), tree(2, 50)).run
    _, frame = rejects(run)
    (row,) = frame.to_dict("records")
    assert (row["NUMER"], row["OBWOD_PNIA_CM"], row["ULICA"]) == ("1", "0", "Długa")
    assert row["_reasons"] == "girth_cm '0' is not at least 1."
    assert row["_columns"] == "OBWOD_PNIA_CM"
    assert row["_origin"] == "line 2"
    assert frame.crs.to_epsg() == 4326
    assert (row["geometry"].x, row["geometry"].y) == (16.9, 52.4)


def test_a_corrected_row_is_published_and_closes_its_reject_and_issues(deliver, rejects, resubmit, rows):
    run = deliver(tree(1, 0), tree(2, 50)).run
    path, frame = rejects(run)
    outcome = resubmit(corrected(frame.assign(OBWOD_PNIA_CM="70"), path))
    assert counted(outcome) == (1, 1, 0, 0, 0)
    assert rows("SELECT tree_id, girth_cm FROM city.trees ORDER BY 1") == [("1", 70), ("2", 50)]
    assert rows("SELECT DISTINCT closed_by FROM registry.reject") == [(outcome.run,)]
    assert rows("SELECT DISTINCT closed_by FROM registry.issue WHERE reject IS NOT NULL") == [(outcome.run,)]
    assert rejects(run)[1] is None


def test_the_same_file_again_is_all_confirmed(deliver, rejects, resubmit, rows):
    path, frame = rejects(deliver(tree(1, 0), tree(2, 0)).run)
    path = corrected(frame.assign(OBWOD_PNIA_CM="70"), path)
    resubmit(path)
    again = resubmit(path)
    assert again.state == "unchanged"
    assert counted(again) == (2, 0, 0, 2, 0)


def test_what_is_not_corrected_stays_open_and_what_is_absent_too(deliver, rejects, resubmit, rows):
    run = deliver(*(tree(number, 0) for number in range(4)), tree(9, 50)).run
    path, frame = rejects(run)
    frame.loc[0, "OBWOD_PNIA_CM"] = "70"
    outcome = resubmit(corrected(frame.iloc[:3], path))
    assert counted(outcome) == (3, 1, 0, 0, 2)
    assert open_rejects(rows) == 3
    assert len(rejects(run)[1]) == 3
    assert rows("SELECT count(*) FROM city.trees") == [(2,)]


def test_rows_that_were_still_broken_come_back_from_either_run(deliver, rejects, resubmit, rows):
    run = deliver(tree(1, 0), tree(2, 0)).run
    path, frame = rejects(run)
    second = resubmit(corrected(frame.assign(OBWOD_PNIA_CM=["70", "-5"]), path))
    path, again = rejects(second.run)
    assert list(again["OBWOD_PNIA_CM"]) == ["-5"]
    resubmit(corrected(again.assign(OBWOD_PNIA_CM="80"), path))
    assert rejects(run)[1] is None
    assert rows("SELECT count(*) FROM registry.reject WHERE closed_by IS NULL") == [(0,)]
    assert rows("SELECT count(*) FROM city.trees") == [(2,)]


def test_rows_of_one_number_go_out_in_the_sources_words_and_may_part(deliver, rejects, resubmit, rows):
    run = deliver(tree(7, 30), tree(7, 40, street="Krótka"), tree(8, 50)).run
    path, frame = rejects(run)
    assert list(frame["ULICA"]) == ["Długa", "Krótka"]
    assert list(frame["OBWOD_PNIA_CM"]) == ["30", "40"]
    assert "stands in more than one row" in frame["_reasons"][0]
    still = resubmit(path)
    assert counted(still) == (2, 0, 0, 0, 2)
    frame.loc[1, "NUMER"] = "70"
    assert counted(resubmit(corrected(frame, path))) == (2, 2, 0, 0, 0)
    assert rows("SELECT tree_id, street FROM city.trees ORDER BY 1") == [
        ("7", "Długa"),
        ("70", "Krótka"),
        ("8", "Długa"),
    ]


def test_a_new_number_that_another_tree_has_is_refused(deliver, rejects, resubmit, rows):
    path, frame = rejects(deliver(tree(7, 30), tree(7, 40), tree(8, 50)).run)
    frame.loc[1, "NUMER"] = "8"
    outcome = resubmit(corrected(frame, path))
    assert counted(outcome) == (2, 1, 0, 0, 1)
    assert rows("SELECT girth_cm FROM city.trees WHERE tree_id = '8'") == [(50,)]
    (said,) = rows(f"SELECT code, message FROM registry.issue WHERE run = {outcome.run}")
    assert said[0] == "resubmitted"
    assert "another published row" in said[1]


def test_a_row_whose_number_nobody_knows_is_refused_in_a_sentence(deliver, rejects, resubmit, rows):
    path, frame = rejects(deliver(tree(1, 0), tree(2, 0), tree(3, 0)).run)
    frame = frame.assign(OBWOD_PNIA_CM="70", _reject=[frame["_reject"][0], 10**9, None])
    outcome = resubmit(corrected(frame, path))
    assert counted(outcome) == (3, 1, 0, 0, 2)
    said = [message for (message,) in rows(f"SELECT message FROM registry.issue WHERE run = {outcome.run}")]
    assert any("There is no reject 1000000000" in message for message in said)
    assert any("has no number in _reject" in message for message in said)


def test_a_closed_reject_does_not_come_back_with_other_content(deliver, rejects, resubmit, rows):
    path, frame = rejects(deliver(tree(1, 0)).run)
    resubmit(corrected(frame.assign(OBWOD_PNIA_CM="70"), path))
    outcome = resubmit(corrected(frame.assign(OBWOD_PNIA_CM="90"), path))
    assert counted(outcome) == (1, 0, 0, 0, 1)
    assert rows("SELECT girth_cm FROM city.trees") == [(70,)]
    assert (
        "was corrected and published by run"
        in rows(f"SELECT message FROM registry.issue WHERE run = {outcome.run}")[0][0]
    )


def test_a_row_that_stands_twice_is_refused_twice(deliver, rejects, resubmit):
    path, frame = rejects(deliver(tree(1, 0)).run)
    both = pd.concat([frame.assign(OBWOD_PNIA_CM="70"), frame.assign(OBWOD_PNIA_CM="71")])
    assert counted(resubmit(corrected(both, path))) == (2, 0, 0, 0, 2)


def test_a_wrong_coordinate_is_mended_in_its_column(deliver, rejects, resubmit, rows):
    path, frame = rejects(deliver("1,Tilia cordata,50,Długa,about here,52.4", tree(2, 50)).run)
    if "geometry" in frame:
        frame = frame.drop(columns="geometry")
    outcome = resubmit(corrected(pd.DataFrame(frame).assign(lon="16.9"), path))
    assert counted(outcome) == (1, 1, 0, 0, 0)
    assert rows("SELECT round(ST_X(lonlat)::numeric, 6)::float FROM city.trees WHERE tree_id = '1'") == [
        (16.9,)
    ]


def test_a_torn_row_that_nobody_touched_stays_torn(deliver, rejects, resubmit):
    path, _ = rejects(deliver("1,Tilia cordata,50,Długa,16.9,52.4,more", tree(2, 50)).run)
    assert counted(resubmit(path)) == (1, 0, 0, 0, 1)


def test_nothing_is_removed_whatever_the_layer_holds(deliver, rejects, resubmit, rows):
    path, frame = rejects(deliver(tree(1, 0), *(tree(n, 50) for n in range(10, 400))).run)
    resubmit(corrected(frame.assign(OBWOD_PNIA_CM=None), path))
    assert rows("SELECT count(*) FROM city.trees") == [(391,)]


def test_rejects_of_another_feed_and_files_of_something_else_are_refused(
    deliver, rejects, resubmit, tmp_path
):
    path, _ = rejects(deliver(tree(1, 0)).run)
    with pytest.raises(UsageError, match="mesip load trees"):
        resubmit(path, feed="stops")
    other = tmp_path / "other.gpkg"
    other.write_text("no GeoPackage")
    with pytest.raises(SourceError, match="no GeoPackage of rejected rows"):
        resubmit(other)


def test_a_damaged_file_of_rejects_is_refused_in_a_sentence(deliver, rejects, resubmit):
    path, frame = rejects(deliver(tree(1, 0)).run)
    whole = corrected(frame, path).read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(SourceError, match=r"rejects\.gpkg cannot be read as a GeoPackage"):
        resubmit(path)


def test_a_file_of_rejects_is_read_behind_the_wall(deliver, rejects, database, node):
    path, frame = rejects(deliver(tree(1, 0)).run)
    corrected(frame.assign(ULICA="x" * 200_000_000), path)
    stingy = node.model_copy(update={"reader_memory_mb": 512})
    with pytest.raises(SourceError, match=r"needs more memory than|made its reader exceed"):
        load(Order("trees", (path,), resubmit=True), database, stingy)


def test_a_file_that_is_there_is_not_overwritten(database, deliver, rejects):
    run = deliver(tree(1, 0)).run
    path, _ = rejects(run)
    with pytest.raises(UsageError, match="is there already"):
        write_rejects(database, run, path)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mended=st.sets(st.integers(0, 7)))
def test_exactly_the_rows_that_were_corrected_are_published_and_closed(  # noqa: PLR0917 - fixtures
    database, deliver, rejects, resubmit, rows, mended
):
    with database.transaction() as connection:
        connection.exec_driver_sql(
            "TRUNCATE city.trees, city.trees_history, registry.change, registry.head, "
            "registry.reject, registry.issue"
        )
    run = deliver(*(tree(number, 0) for number in range(8)), tree(99, 50)).run
    path, frame = rejects(run)
    frame["OBWOD_PNIA_CM"] = [str(60 + n) if n in mended else "0" for n in range(8)]
    outcome = resubmit(corrected(frame, path))
    assert counted(outcome) == (8, len(mended), 0, 0, 8 - len(mended))
    published = {int(number) for (number,) in rows("SELECT tree_id FROM city.trees WHERE tree_id <> '99'")}
    assert published == mended
    closed = rows("SELECT key FROM registry.reject WHERE closed_by IS NOT NULL AND original IS NULL")
    assert {int(key) for (key,) in closed} == mended


def test_all_rejected_trees_of_ljubljana_come_back_corrected(  # noqa: PLR0917 - fixtures
    shared, database, node, rejects, resubmit, rows
):
    source = shared / "trees" / "ljubljana_trees_2022.csv.gz"
    first = load(Order("trees", (source,), accepted=ANYWHERE), database, node)
    assert first.accounts["trees"].rows.read == 38_898
    assert first.accounts["trees"].rows.rejected == 1_209
    path, frame = rejects(first.run)
    zero = frame["_columns"].eq("Obseg")
    assert zero.sum() == 1_207
    frame.loc[zero, "Obseg"] = None
    frame.loc[frame.index[~zero][0], "ID_DREVESA"] = "9999999"
    outcome = resubmit(corrected(frame, path), accepted=ANYWHERE)
    assert counted(outcome) == (1_209, 1_209, 0, 0, 0)
    assert rows("SELECT count(*) FROM city.trees") == [(38_898,)]
    assert rows("SELECT count(*) FROM registry.reject WHERE closed_by IS NULL") == [(0,)]
    assert rows("SELECT DISTINCT stand FROM city.trees") == rows("SELECT stand FROM registry.head")
    again = resubmit(path, accepted=ANYWHERE)
    assert again.state == "unchanged"


PARCEL = """<gml:featureMember><egb:EGB_DzialkaEwidencyjna gml:id="PL.PZGiK.1.EGiB_{local}">
<egb:idIIP><egb:EGB_IdentyfikatorIIP><egb:lokalnyId>{local}</egb:lokalnyId></egb:EGB_IdentyfikatorIIP></egb:idIIP>
<egb:startWersjaObiekt>2024-01-01T10:00:00</egb:startWersjaObiekt>
<egb:idDzialki>306401_1.0051.AR_1.{number}</egb:idDzialki>
<egb:geometria><gml:Polygon gml:id="g{local}" srsName="urn:ogc:def:crs:EPSG::2177"><gml:exterior>
<gml:LinearRing><gml:posList>{ring}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></egb:geometria>
<egb:klasouzytek><egb:EGB_OznaczenieKlasouzytku><egb:OFU>B</egb:OFU><egb:powierzchnia>0.1</egb:powierzchnia>
</egb:EGB_OznaczenieKlasouzytku></egb:klasouzytek>
<egb:poleEwidencyjne uom="ha">0.1</egb:poleEwidencyjne></egb:EGB_DzialkaEwidencyjna></gml:featureMember>"""
SQUARE = "5808000 6430000 5808000 6430020 5808030 6430020 5808030 6430000 5808000 6430000"
BOW_TIE = "5808000 6430000 5808030 6430020 5808000 6430020 5808030 6430000 5808000 6430000"


def test_a_bow_tie_of_the_cadastre_is_mended_and_published_with_its_own_dates(  # noqa: PLR0917 - fixtures
    database, node, tmp_path, rejects, resubmit, rows
):
    path = tmp_path / "egib.gml"
    parcels = (
        PARCEL.format(local="a", number=1, ring=SQUARE),
        PARCEL.format(local="b", number=2, ring=BOW_TIE),
    )
    path.write_text(
        '<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml/3.2" '
        f'xmlns:egb="ewidencjaGruntowIBudynkow:1.0">{"".join(parcels)}</gml:FeatureCollection>'
    )
    first = load(Order("egib", (path,), accepted=LIFTED), database, node)
    file, frame = rejects(first.run, "parcels")
    assert frame.crs.to_epsg() == 2177
    assert frame["_columns"][0] == "geometry"
    assert frame["klasouzytek.OFU"][0] == "B"
    assert counted(resubmit(file, "egib"), "parcels") == (1, 0, 0, 0, 1)
    mended = frame.set_geometry(frame.geometry.convex_hull)
    outcome = resubmit(corrected(mended, file, "parcels"), "egib")
    assert counted(outcome, "parcels") == (1, 1, 0, 0, 0)
    assert rows("SELECT local_id, land_use, valid_since::date::text FROM city.parcels ORDER BY 1") == [
        ("a", "B", "2024-01-01"),
        ("b", "B", "2024-01-01"),
    ]
    assert rows("SELECT count(*) FROM registry.reject WHERE closed_by IS NULL") == [(0,)]


def test_what_a_newer_delivery_has_published_is_not_undone(database, node, tmp_path, rejects, resubmit, rows):  # noqa: PLR0917 - fixtures
    path = tmp_path / "trees.csv"
    runs = []
    for day, girths in ((date(2025, 1, 1), (0, 0)), (date(2026, 1, 1), (90, 0))):
        path.write_text("\n".join((HEADER, tree(1, girths[0]), tree(2, girths[1]))) + "\n")
        runs.append(load(Order("trees", (path,), day, LIFTED), database, node).run)
    file, frame = rejects(runs[0])
    outcome = resubmit(corrected(frame.assign(OBWOD_PNIA_CM="70"), file))
    assert counted(outcome) == (2, 1, 0, 0, 1)
    assert rows("SELECT tree_id, girth_cm, stand::text FROM city.trees ORDER BY 1") == [
        ("1", 90, "2026-01-01"),
        ("2", 70, "2025-01-01"),
    ]
    assert rows("SELECT stand::text FROM registry.head") == [("2026-01-01",)]
    (said,) = rows(f"SELECT message FROM registry.issue WHERE run = {outcome.run}")
    assert said[0] == "A delivery of 2026-01-01 has published a newer row of tree_id 1."


def test_a_dry_run_closes_nothing(database, node, deliver, rejects, rows):
    path, frame = rejects(deliver(tree(1, 0)).run)
    corrected(frame.assign(OBWOD_PNIA_CM="70"), path)
    outcome = load(Order("trees", (path,), dry_run=True, resubmit=True), database, node)
    assert (outcome.state, counted(outcome)) == ("dry", (1, 1, 0, 0, 0))
    assert open_rejects(rows) == 1
    assert rows("SELECT count(*) FROM city.trees") == [(0,)]


def test_columns_that_a_geopackage_knows_itself_come_through(  # noqa: PLR0917 - fixtures
    database, node, tmp_path, rejects, resubmit, rows
):
    path = tmp_path / "trees.csv"
    names = "NUMER,OBWOD_PNIA_CM,lon,lat,fid,geom,geometry,origin,_reasons,Lat"
    path.write_text(f"{names}\n1,0,16.9,52.4,a,b,c,d,e,f\n")
    file, frame = rejects(load(Order("trees", (path,), accepted=LIFTED), database, node).run)
    outcome = resubmit(corrected(frame.assign(OBWOD_PNIA_CM="70"), file))
    assert counted(outcome) == (1, 1, 0, 0, 0)
    assert set(rows("SELECT row FROM registry.reject")[0][0]) >= {"Lat", "lat", "fid", "geom", "_reasons"}


def test_columns_that_differ_in_capitals_only_come_back_under_their_names(
    database, deliver, rejects, resubmit, rows
):
    run = deliver(tree(1, 0), name="trees.csv").run
    row = json.dumps({"NUMER": "1", "GATUNEK": "Tilia cordata", "OBWOD_PNIA_CM": "0", "numer": "x"})
    with database.transaction() as connection:
        connection.exec_driver_sql("UPDATE registry.reject SET row = %s::jsonb", (row,))
    file, _ = rejects(run)
    assert counted(resubmit(file)) == (1, 0, 0, 0, 1)
    (first, second) = rows("SELECT row FROM registry.reject ORDER BY reject")
    assert first == second
