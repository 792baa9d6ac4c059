"""Real deliveries become layers, and every row is accounted for."""

import pytest

from pipelines.load import Order, load

FOREIGN = frozenset({"extent"})


def account(outcome):
    return {name: each.stated() for name, each in outcome.accounts.items()}


def conserved(outcome):
    for each in outcome.accounts.values():
        rows = each.rows
        assert rows.read == rows.added + rows.changed + rows.confirmed + rows.rejected
        assert rows.previous + rows.added - rows.removed == rows.current
    return True


def test_the_county_of_leszno_loads_whole(database, node, shared, rows):
    order = Order("egib", (shared / "egib" / "leszno_2021.gml",), accepted=FOREIGN)
    outcome = load(order, database, node)
    added = {name: each["added"] for name, each in account(outcome).items()}
    assert added == {"parcels": 14, "buildings": 7, "boundary_points": 92, "cadastral_districts": 3}
    assert outcome.state == "published"
    assert conserved(outcome)
    (area,) = rows("SELECT area_ha FROM city.parcels WHERE parcel_id = '143204_2.0015.26/35'")
    assert area == (0.1895,)


def test_the_same_file_again_changes_nothing(database, node, shared, rows):
    before = rows("SELECT * FROM registry.change ORDER BY layer, seq")
    outcome = load(Order("egib", (shared / "egib" / "leszno_2021.gml",), accepted=FOREIGN), database, node)
    assert outcome.state == "unchanged"
    assert {each["confirmed"] for each in account(outcome).values()} == {14, 7, 92, 3}
    assert rows("SELECT * FROM registry.change ORDER BY layer, seq") == before
    assert conserved(outcome)


def test_utility_lines_and_devices_of_the_same_file_load_with_their_networks(database, node, shared, rows):
    outcome = load(Order("gesut", (shared / "egib" / "leszno_2021.gml",), accepted=FOREIGN), database, node)
    assert {name: each["added"] for name, each in account(outcome).items()} == {
        "utility_lines": 24,
        "utility_devices": 20,
    }
    networks = dict(rows("SELECT network, count(*) FROM city.utility_lines GROUP BY network"))
    assert networks == {"e": 11, "t": 8, "w": 4, "k": 1}
    assert rows("SELECT DISTINCT diameter_mm FROM city.utility_lines WHERE line_type = 'w_o'") != []


def test_a_point_lies_where_the_surveyor_measured_it(database, node, shared, rows):
    """EPSG:2178, 5792590.04 N 7469370.41 E, in the city's own zone and back."""
    ((east, north),) = rows(
        "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_Transform(geom, 2178) AS p FROM city.boundary_points "
        "WHERE point_id = 'O.143204_2.301164') AS back"
    )
    # PostGIS gives easting first whatever the authority says.
    assert (east, north) == pytest.approx((7469370.41, 5792590.04), abs=0.005)


def test_superseded_and_ended_versions_are_counted_apart(database, node, shared, rows):
    order = Order("egib", (shared / "egib" / "cgeo_training_2021.gml",), accepted=FOREIGN)
    outcome = load(order, database, node)
    parcels = account(outcome)["parcels"]
    assert parcels["read"] + parcels["archival"] == 47
    assert parcels["archival"] == 18
    assert conserved(outcome)
    assert rows("SELECT count(*) FROM city.parcels") == [(parcels["added"],)]


def test_an_absent_layer_of_a_feed_is_left_alone(database, node, shared, rows):
    before = rows("SELECT count(*) FROM city.boundary_points")
    files = tuple(sorted((shared / "egib" / "parcels_2015").glob("*.gml")))
    outcome = load(Order("egib", files, accepted=FOREIGN), database, node)
    assert account(outcome)["parcels"]["added"] == 10
    assert set(account(outcome)) == {"parcels"}
    assert rows("SELECT count(*) FROM city.boundary_points") == before


def test_utilities_of_the_training_file_load_with_their_oddities_as_warnings(database, node, shared):
    outcome = load(
        Order("gesut", (shared / "gesut" / "cgeo_training_2021.gml",), accepted=FOREIGN), database, node
    )
    lines, devices = account(outcome)["utility_lines"], account(outcome)["utility_devices"]
    assert lines["read"] + lines["archival"] == 85
    assert devices["read"] + devices["archival"] == 85
    assert devices["warnings"] == 2
    assert conserved(outcome)


def test_foreign_trees_load_with_every_doubtful_row_kept_aside(database, node, shared, rows):
    order = Order("trees", (shared / "trees" / "ljubljana_trees_2022.csv.gz",), accepted=FOREIGN)
    outcome = load(order, database, node)
    trees = account(outcome)["trees"]
    assert (trees["read"], trees["rejected"], trees["added"]) == (38898, 1209, 37689)
    reasons = rows(
        f"SELECT field, code, count(*) FROM registry.issue WHERE run = {outcome.run} AND severity = 'error' "
        "GROUP BY field, code ORDER BY field"
    )
    assert reasons == [("girth_cm", "bounds", 1207), ("tree_id", "repeated", 2)]
    assert rows(f"SELECT count(*) FROM registry.reject WHERE run = {outcome.run}") == [(1209,)]


def test_a_tree_table_of_paris_loads_from_its_own_columns(database, node, shared, rows):
    order = Order(
        "trees", (shared / "trees" / "paris_sample.csv",), accepted=frozenset({"extent", "removals"})
    )
    outcome = load(order, database, node)
    assert account(outcome)["trees"]["added"] == 2948 - account(outcome)["trees"]["rejected"]
    (tree,) = rows(
        "SELECT species, girth_cm, round(ST_X(lonlat)::numeric, 4) FROM city.trees WHERE tree_id = '149725'"
    )
    assert tree[:2] == ("Aesculus hippocastanum", 135)
    assert float(tree[2]) == pytest.approx(2.4010)


def test_stops_of_a_json_list_and_districts_of_geojson_load(database, node, shared, rows):
    stops = load(Order("stops", (shared / "poznan" / "ztm_stops.json",), accepted=FOREIGN), database, node)
    assert account(stops)["stops"]["added"] == 2686
    districts = load(Order("districts", (shared / "poznan" / "districts_18_jetlag.geojson",)), database, node)
    assert account(districts)["districts"]["added"] == 18
    assert rows("SELECT count(*) FROM city.districts WHERE ST_SRID(geom) = 2177 AND ST_IsValid(geom)") == [
        (18,)
    ]


def test_a_delivery_is_kept_byte_for_byte(database, node, shared):
    path = shared / "poznan" / "districts_18_jetlag.geojson"
    outcome = load(Order("districts", (path,)), database, node)
    kept = node.home / "deliveries" / outcome.delivery[:2] / outcome.delivery / path.name
    assert kept.read_bytes() == path.read_bytes()
