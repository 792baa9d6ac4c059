"""The sample city is a town whose registers agree with each other, but for the defects it names."""

import csv
import json
import re
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from lxml import etree
from pyproj import Transformer

from pipelines.sample_city.defects import DEFECTS
from pipelines.sample_city.write import write_city

MODELS = Path(__file__).resolve().parents[2] / "shared" / "models"
EGB, GES = "{ewidencjaGruntowIBudynkow:1.0}", "{geodezyjnaEwidencjaSieciUzbrojeniaTerenu:1.0}"
GML = "{http://www.opengis.net/gml/3.2}"
HREF = "{http://www.w3.org/1999/xlink}href"
WEST, SOUTH, EAST, NORTH = 16.73, 52.29, 17.07, 52.51
CENTIMETRE = 0.01
SIZES = ("OBWOD_PNIA_CM", "WYSOKOSC_M", "SREDNICA_KORONY_M", "ROK_POSADZENIA")
VITALITIES = {"dobra", "srednia", "slaba", "martwe"}
PIPES = ("Wodociagowy", "Kanalizacyjny", "Gazowy", "Cieplowniczy", "Elektroenergetyczny", "Telekomunikacyjny")


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return write_city(tmp_path_factory.mktemp("city"), districts=2, seed=1)


@pytest.fixture(scope="module")
def cadastre(city):
    return members(city["egib"])


@pytest.fixture(scope="module")
def networks(city):
    return members(city["gesut"])


@pytest.fixture(scope="module")
def trees(city):
    with city["trees"].open(encoding="windows-1250", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def members(path):
    """The features of a file by class, with the prefix left off."""
    found = defaultdict(list)
    for member in etree.parse(path).getroot().iter(f"{GML}featureMember"):
        found[etree.QName(member[0]).localname].append(member[0])
    return found


def text(feature, name):
    return feature.findtext(f"{{{etree.QName(feature).namespace}}}{name}")


def moment(feature, name):
    return text(feature, name) or "9999"


def outline(feature):
    """The geometry of a feature, easting first, metres."""
    numbers = np.array(
        [each for node in feature.iter(f"{GML}posList", f"{GML}pos") for each in node.text.split()]
    )
    xy = numbers.astype(float).reshape(-1, 2)[:, ::-1]
    if feature.find(f".//{GML}Curve") is not None:
        return shapely.LineString(xy)
    return shapely.Point(xy[0]) if len(xy) == 1 else shapely.Polygon(xy)


def current(features):
    return [each for each in features if text(each, "koniecWersjaObiekt") is None]


def outlines(features):
    return np.array([outline(each) for each in features])


def test_the_same_arguments_give_the_same_bytes_and_another_seed_gives_others(tmp_path):
    first, again = (write_city(tmp_path / name) for name in ("first", "again"))
    other = write_city(tmp_path / "other", seed=2)
    for kind in ("egib", "gesut", "trees", "districts", "stops"):
        assert first[kind].read_bytes() == again[kind].read_bytes()
        assert first[kind].read_bytes() != other[kind].read_bytes()


def test_a_district_is_the_same_in_a_larger_city(tmp_path, city):
    alone = write_city(tmp_path)
    for kind in ("gesut", "trees", "stops"):
        assert (
            city[kind]
            .read_bytes()
            .startswith(alone[kind].read_bytes().removesuffix(b"</gml:FeatureCollection>\n"))
        )


def test_a_city_without_room_is_refused(tmp_path):
    for count in (0, 181):
        with pytest.raises(ValueError, match=r"has 1 to \d+ districts"):
            write_city(tmp_path, districts=count)


def test_a_district_has_the_promised_size(cadastre, networks, trees):
    counts = {kind: len(features) / 2 for kind, features in {**cadastre, **networks}.items()}
    assert 1_700 < counts["EGB_DzialkaEwidencyjna"] < 2_300
    assert 1_000 < counts["EGB_Budynek"] < 1_400
    assert 3_000 < counts["EGB_PunktGraniczny"] < 6_000
    assert 4_500 < sum(counts[f"GES_Przewod{kind}"] for kind in PIPES) < 10_000
    assert 3_000 < sum(counts[kind] for kind in counts if "Urzadzenia" in kind) < 8_000
    assert 5_000 < len(trees) / 2 < 7_500
    assert len(cadastre["EGB_JednostkaEwidencyjna"]) == 1


def test_parcels_tile_their_district_and_districts_tile_the_city(cadastre):
    districts = outlines(cadastre["EGB_ObrebEwidencyjny"])
    assert [text(each, "idObrebu") for each in cadastre["EGB_ObrebEwidencyjny"]] == [
        "306401_1.0051",
        "306401_1.0021",
    ]
    parcels = outlines(current(cadastre["EGB_DzialkaEwidencyjna"]))
    assert shapely.coverage_is_valid(parcels)
    assert shapely.coverage_is_valid(districts)
    assert shapely.union_all(parcels).equals(shapely.union_all(districts))
    assert shapely.union_all(districts).equals(outline(cadastre["EGB_JednostkaEwidencyjna"][0]))


def test_parcels_state_their_area_and_their_land_uses_add_up_to_it(cadastre):
    parcels = current(cadastre["EGB_DzialkaEwidencyjna"])
    areas = shapely.area(outlines(parcels))
    stated = np.array([float(text(each, "poleEwidencyjne")) for each in parcels]) * 10_000
    used = np.array([sum(float(node.text) for node in each.iter(f"{EGB}powierzchnia")) for each in parcels])
    assert np.abs(areas - stated).max() < 0.51
    assert np.abs(used * 10_000 - stated).max() < 0.01
    plots = stated[[text(each, f"klasouzytek/{EGB}EGB_Klasouzytek/{EGB}OFU") == "B" for each in parcels]]
    assert 300 < np.percentile(plots, 2) < np.percentile(plots, 95) < 1_500


def test_identifiers_follow_the_grammar_and_are_unique(cadastre):
    grammar = {
        "EGB_DzialkaEwidencyjna": ("idDzialki", r"306401_1\.\d{4}\.AR_\d+\.\d+(/\d+)?"),
        "EGB_Budynek": ("idBudynku", r"306401_1\.\d{4}\.AR_\d+\.\d+(/\d+)?\.\d+_BUD"),
        "EGB_PunktGraniczny": ("idPunktu", r"306401_1\.\d{4}\.\d+"),
    }
    for kind, (name, pattern) in grammar.items():
        values = [value for each in current(cadastre[kind]) if (value := text(each, name))]
        assert all(re.fullmatch(pattern, value) for value in values)
        assert len(set(values)) == len(values)


def test_buildings_stand_inside_their_parcel_and_apart(cadastre):
    parcels = {text(each, "idDzialki"): outline(each) for each in cadastre["EGB_DzialkaEwidencyjna"]}
    buildings = cadastre["EGB_Budynek"]
    houses = outlines(buildings)
    sound = shapely.is_valid(houses)
    assert (~sound).sum() == DEFECTS["building_bow_tie"][0]
    grounds = np.array([parcels[text(each, "idBudynku").rsplit(".", 1)[0]] for each in buildings])
    assert shapely.contains(grounds[sound], houses[sound]).all()
    one, other = shapely.STRtree(houses[sound]).query(houses[sound], predicate="intersects")
    assert (one == other).all()
    footprints = np.array([float(text(each, "powZabudowy")) for each in buildings])
    assert np.abs(footprints[sound] - shapely.area(houses[sound])).max() < 0.51
    assert 10 < footprints.min() < footprints.max() < 3_000


def test_every_corner_of_a_parcel_is_one_boundary_point(cadastre):
    points = cadastre["EGB_PunktGraniczny"]
    places = {tuple(node.text.split()) for each in points for node in each.iter(f"{GML}pos")}
    assert len(places) == len(points)
    numbers = [
        node.text.split()
        for each in cadastre["EGB_DzialkaEwidencyjna"]
        for node in each.iter(f"{GML}posList")
    ]
    assert {pair for row in numbers for pair in zip(row[::2], row[1::2], strict=True)} == places


def test_references_lead_to_objects_of_the_file(cadastre):
    features = [each for group in cadastre.values() for each in group]
    names = [node.get(f"{GML}id") for each in features for node in each.iter() if node.get(f"{GML}id")]
    assert len(set(names)) == len(names)
    wanted = {node.get(HREF) for each in features for node in each.iter() if node.get(HREF)}
    assert wanted <= {f"#{name}" for name in names}


def test_nobody_can_be_told_from_the_cadastre(city, cadastre):
    assert {"EGB_OsobaFizyczna", "EGB_Instytucja", "EGB_AdresPodmiotu"}.isdisjoint(cadastre)
    assert b"numerKW" not in city["egib"].read_bytes()


@pytest.mark.parametrize(
    ("kind", "feature"), [("egib", "EGB_DzialkaEwidencyjna"), ("gesut", "GES_PrzewodGazowy")]
)
def test_coordinates_are_northing_first_and_gdal_finds_them_in_the_city(city, kind, feature):
    first = etree.parse(city[kind]).find(f".//{{*}}{feature}//{GML}posList").text.split()
    assert 5_790_000 < float(first[0]) < 5_825_000
    assert 6_413_000 < float(first[1]) < 6_437_000
    frame = pyogrio.read_dataframe(city[kind], layer=feature)
    assert frame.crs.to_epsg() == 2177
    assert shapely.get_coordinates(frame.geometry.iloc[0])[0] == pytest.approx(
        [float(first[1]), float(first[0])]
    )
    west, south, east, north = frame.to_crs(4326).total_bounds
    assert WEST < west < east < EAST
    assert SOUTH < south < north < NORTH


def test_connections_lead_from_a_point_of_a_main_to_a_wall(cadastre, networks):
    houses = shapely.STRtree(outlines(cadastre["EGB_Budynek"]))
    for kind in PIPES:
        pipes = networks[f"GES_Przewod{kind}"]
        lines = {
            function: [outline(each) for each in pipes if text(each, "funkcja") == function]
            for function in "gp"
        }
        corners = set(map(tuple, shapely.get_coordinates(lines["g"])))
        assert len(lines["p"]) > 100
        assert all(line.coords[0] in corners for line in lines["p"])
        walls = [shapely.Point(line.coords[-1]) for line in lines["p"]]
        assert shapely.dwithin(houses.geometries[houses.nearest(walls)], walls, CENTIMETRE).all()


@pytest.mark.parametrize(
    ("kind", "code"), [("Wodociagowy", "o"), ("Kanalizacyjny", "s"), ("Elektroenergetyczny", "n")]
)
def test_every_line_of_a_network_can_be_reached_from_every_other(networks, kind, code):
    pipes = [each for each in networks[f"GES_Przewod{kind}"] if text(each, "typPrzewodu") == code]
    root = {}

    def find(place):
        while root.setdefault(place, place) != place:
            place = root[place]
        return place

    for line in outlines(pipes):
        for one, after in zip(line.coords, line.coords[1:], strict=False):
            root[find(one)] = find(after)
    assert len({find(place) for place in root}) == 1


def test_projected_lines_come_from_coordination_meetings(networks):
    pipes = [each for kind in PIPES for each in networks[f"GES_Przewod{kind}"]]
    projected = [each for each in pipes if text(each, "status") == "p"]
    assert 0 < len(projected) < 0.1 * len(pipes)
    assert {text(each, "zrodlo") for each in projected} == {"K"}
    assert len({text(each, "zrodlo") for each in pipes}) > 5


def test_trees_are_published_as_cities_do(city, trees):
    raw = city["trees"].read_bytes()
    assert raw.decode("windows-1250").split("\r\n")[0] == (
        "NUMER;GATUNEK;NAZWA_POLSKA;OBWOD_PNIA_CM;WYSOKOSC_M;SREDNICA_KORONY_M;ZYWOTNOSC;ROK_POSADZENIA;"
        "DATA_PRZEGLADU;ULICA;NR_DRZEWA;SIEDLISKO;WSP_E;WSP_N"
    )
    assert len({tree["GATUNEK"] for tree in trees}) > 24
    assert {tree["SIEDLISKO"] for tree in trees} == {"pas drogowy", "park", "zieleniec"}
    assert all(
        bool(tree["ULICA"]) == bool(tree["NR_DRZEWA"]) == (tree["SIEDLISKO"] == "pas drogowy")
        for tree in trees
    )
    assert all(re.fullmatch(r"\d{7},\d{2}", tree[name]) for tree in trees for name in ("WSP_E", "WSP_N"))


def test_trees_have_the_size_of_trees(trees):
    sizes = [
        [float(tree[name].replace(",", ".")) for name in SIZES]
        for tree in trees
        if tree["OBWOD_PNIA_CM"] != "0"
    ]
    girths, heights, crowns, years = np.array(sizes).T
    assert 10 < girths.min() < 80 < np.median(girths) < 110 < girths.max() < 550
    assert 2 < heights.min() < heights.max() < 36
    assert 0.5 < crowns.min() < crowns.max() < 27
    assert 1_899 < years.min() < years.max() < 2_026
    assert np.corrcoef(girths, heights)[0, 1] > 0.7
    assert np.corrcoef(girths, years)[0, 1] < -0.6


def test_trees_stand_on_the_ground_of_their_habitat_and_in_no_house(cadastre, trees):
    places = shapely.points(
        [[float(tree[name].replace(",", ".")) for name in ("WSP_E", "WSP_N")] for tree in trees]
    )
    houses = shapely.STRtree(outlines(cadastre["EGB_Budynek"]))
    assert houses.query(places, predicate="dwithin", distance=2.9).size == 0
    parcels = current(cadastre["EGB_DzialkaEwidencyjna"])
    tree_rows, parcel_rows = shapely.STRtree(outlines(parcels)).query(places, predicate="within")
    assert (np.sort(tree_rows) == np.arange(len(trees))).all()
    for tree, parcel in zip(tree_rows, parcel_rows, strict=True):
        use = text(parcels[parcel], f"klasouzytek/{EGB}EGB_Klasouzytek/{EGB}OFU")
        assert (trees[tree]["SIEDLISKO"] == "pas drogowy") == (use == "dr")


def test_stops_stand_along_main_streets_on_both_sides(city, cadastre):
    rows = list(csv.DictReader(city["stops"].open(encoding="utf-8")))
    assert list(rows[0]) == ["stopId", "stopName", "latitude", "longitude", "zoneId", "isForTram"]
    assert 30 < len(rows) < 90
    assert {row["isForTram"] for row in rows} == {"true", "false"}
    lons, lats = ([float(row[name]) for row in rows] for name in ("longitude", "latitude"))
    places = shapely.points(*Transformer.from_crs(4326, 2177, always_xy=True).transform(lons, lats))
    streets = [each for each in cadastre["EGB_DzialkaEwidencyjna"] if each.findtext(f".//{EGB}OFU") == "dr"]
    assert len(np.unique(shapely.STRtree(outlines(streets)).query(places, predicate="within")[0])) == len(
        rows
    )
    assert max(Counter(row["stopName"] for row in rows).values()) < 9


def test_housing_districts_lie_on_the_cadastral_ones_in_degrees(city, cadastre):
    features = json.loads(city["districts"].read_text("utf-8"))["features"]
    assert [each["properties"]["name"] for each in features] == ["Stare Miasto", "Jeżyce"]
    degrees = shapely.get_coordinates([shapely.geometry.shape(each["geometry"]) for each in features])
    metres = np.array(Transformer.from_crs(4326, 2177, always_xy=True).transform(*degrees.T)).T
    assert (
        np.abs(metres - shapely.get_coordinates(outlines(cadastre["EGB_ObrebEwidencyjny"]))).max()
        < CENTIMETRE
    )


def test_nothing_is_later_than_the_stand(tmp_path):
    city = write_city(tmp_path, stand=date(2019, 6, 1))
    moments = re.findall(
        rb"<\w+:start\w+>(\d{4}-\d\d-\d\d)", city["egib"].read_bytes() + city["gesut"].read_bytes()
    )
    assert b"1995" < min(moments) < max(moments) < b"2019-06-01"
    inspected = re.findall(rb";(\d{4}-\d\d-\d\d);", city["trees"].read_bytes())
    assert max(inspected) <= b"2019-06-01"


def test_the_defects_are_those_listed_and_no_others(cadastre, networks, trees):
    lines = [each for kind, group in networks.items() if "Przewod" in kind for each in group]
    numbers = Counter(tree["NUMER"] for tree in trees)
    parcels = cadastre["EGB_DzialkaEwidencyjna"]
    found = {
        "building_bow_tie": int((~shapely.is_valid(outlines(cadastre["EGB_Budynek"]))).sum()),
        "tree_number_twice": sum(count for count in numbers.values() if count > 1),
        "tree_girth_zero": sum(tree["OBWOD_PNIA_CM"] == "0" for tree in trees),
        "tree_vitality_unknown": sum(tree["ZYWOTNOSC"] not in VITALITIES for tree in trees),
        "line_source_empty": sum(not text(each, "zrodlo") for each in lines),
        "point_number_empty": sum(not text(each, "idPunktu") for each in cadastre["EGB_PunktGraniczny"]),
        "parcel_superseded": len(parcels) - len(current(parcels)),
    }
    assert found == {kind: count for kind, (count, _) in DEFECTS.items()}
    geometry = [*outlines(parcels), *outlines(lines)]
    assert shapely.is_valid(geometry).all()
    assert shapely.is_simple(geometry).all()


def test_the_superseded_parcel_ends_when_the_next_version_starts(cadastre):
    versions = defaultdict(list)
    for parcel in cadastre["EGB_DzialkaEwidencyjna"]:
        versions[parcel.findtext(f".//{EGB}lokalnyId")].append(parcel)
    (pair,) = [each for each in versions.values() if len(each) > 1]
    old, new = sorted(pair, key=lambda each: moment(each, "koniecWersjaObiekt"))
    assert text(old, "koniecWersjaObiekt") == text(new, "startWersjaObiekt") > text(old, "startWersjaObiekt")
    assert text(old, "idDzialki") == text(new, "idDzialki")


@pytest.mark.parametrize(
    ("dump", "kind", "allowed"),
    [("EGIB_2021_1.11.txt", "egib", {"idPunktu"}), ("GESUT_2021_1.3tech.txt", "gesut", {"zrodlo"})],
)
def test_elements_follow_the_schema_in_order_and_codes(city, dump, kind, allowed):
    if not (MODELS / dump).exists():
        pytest.skip(f"the description of the schema, {dump}, is not on this machine")
    types, codes = schema((MODELS / dump).read_text("utf-8"))
    for name, features in members(city[kind]).items():
        order = {field: place for place, (field, _, _) in enumerate(types[name])}
        required = {field for field, _, needed in types[name] if needed}
        coded = {field: codes[type_] for field, type_, _ in types[name] if type_ in codes}
        for feature in features:
            given = [child.tag.rpartition("}")[2] for child in feature]
            places = [order[each] for each in given]
            assert places == sorted(places), name
            assert required <= set(given), name
            for field, child in zip(given, feature, strict=True):
                assert (
                    field not in coded or child.text in coded[field] or (field in allowed and not child.text)
                )


def schema(dump):
    """Of every class the fields (name, type, whether required) in order, and of every code list the codes."""
    types, parents, codes, here = {}, {}, {}, ""
    for line in dump.splitlines():
        if heading := re.match(
            r"## (?:simple )?(\w+?)(?:Type)?(?: +ext (?:\w+:)?(\w*?)(?:Type)?)? *(?:\[.*)?$", line
        ):
            here = heading[1]
            types[here], parents[here], codes[f"{here}Type"] = [], heading[2], set()
        elif field := re.match(r"  (\w+) : (\S+?)(\(.*\))?( <.*>)?(\[.*\])?$", line):
            name, type_ = field[1], field[2].split("[")[0].split(":")[-1]
            types[here].append((name, type_, "[0.." not in line))
        elif code := re.match(r"    (\w+) = ", line):
            codes[f"{here}Type"].add(code[1])

    def fields(name):
        return (fields(parents[name]) if parents.get(name) in types else []) + types[name]

    return {name: fields(name) for name in types}, {name: found for name, found in codes.items() if found}
