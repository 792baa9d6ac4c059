"""Two times of every row: when it was so in the world, and when we said so."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.load import Order, load

DAYS = [date(2024, 1, 1) + timedelta(days=30 * number) for number in range(5)]
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


@pytest.fixture
def stops_at(database):
    """The stops valid on a day, as published at a moment: ``{number: name}``; each at most once."""

    def ask(day: date, known: datetime) -> dict[int, str]:
        noon = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)
        with database.transaction() as connection:
            found = connection.exec_driver_sql(
                "SELECT stop_id, name FROM city.stops_at(%s, %s)", (noon, known)
            ).all()
        assert len({number for number, _ in found}) == len(found)
        return {int(number): name for number, name in found}

    return ask


def forget(database):
    with database.transaction() as connection:
        for table in ("city.stops", "city.stops_history", "registry.change", "registry.head"):
            connection.exec_driver_sql(f"TRUNCATE {table}")


deliveries = st.lists(
    st.tuples(
        st.integers(0, len(DAYS) - 1),
        st.dictionaries(st.integers(1, 4), st.sampled_from(["Rondo", "Most", "Rynek"]), max_size=4),
    ),
    min_size=1,
    max_size=5,
).map(lambda given: list(zip(sorted(day for day, _ in given), [stops for _, stops in given], strict=True)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries)
def test_every_day_is_told_as_the_last_delivery_known_then_that_speaks_of_it(
    database, deliver, stops_at, told
):
    """The oracle: of the deliveries published by then, the last one whose day is not after the day asked."""
    forget(database)
    moments = [deliver(stops, DAYS[day]) for day, stops in told]
    assert moments == sorted(moments)
    for published, known in enumerate(moments, start=1):
        for number, day in enumerate(DAYS):
            spoken = [stops for stand, stops in told[:published] if stand <= number]
            expected = spoken[-1] if spoken else {}
            assert stops_at(day, known) == expected, (published, day)


def test_what_was_believed_before_is_still_known(database, deliver, stops_at):
    forget(database)
    first = deliver({1: "Rondo"}, DAYS[0])
    deliver({1: "Most"}, DAYS[0])
    assert stops_at(DAYS[1], first) == {1: "Rondo"}
    assert stops_at(DAYS[1], FOREVER) == {1: "Most"}


@pytest.mark.parametrize(
    ("second", "stand", "kind"),
    [
        ({1: "Rondo", 2: "Most"}, DAYS[1], ("add", "new")),
        ({1: "Most"}, DAYS[1], ("change", "real")),
        ({1: "Most"}, DAYS[0], ("change", "correction")),
        ({}, DAYS[1], ("remove", "gone")),
    ],
)
def test_the_kind_of_a_change_is_recorded(database, deliver, rows, *, second, stand, kind):
    forget(database)
    deliver({1: "Rondo"}, DAYS[0])
    deliver(second, stand)
    assert rows("SELECT op, kind FROM registry.change ORDER BY seq OFFSET 1") == [kind]


PARCEL = """<gml:featureMember><egb:EGB_DzialkaEwidencyjna gml:id="PL.PZGiK.1.EGiB_{local}_{start}">
<egb:idIIP><egb:EGB_IdentyfikatorIIP><egb:lokalnyId>{local}</egb:lokalnyId>
<egb:przestrzenNazw>PL.PZGiK.1.EGiB</egb:przestrzenNazw></egb:EGB_IdentyfikatorIIP></egb:idIIP>
<egb:startObiekt>2020-01-01T10:00:00</egb:startObiekt><egb:startWersjaObiekt>{start}</egb:startWersjaObiekt>
{end}<egb:idDzialki>306401_1.0051.AR_1.{number}</egb:idDzialki>
<egb:geometria><gml:Polygon gml:id="g{local}{start}" srsName="urn:ogc:def:crs:EPSG::2177"><gml:exterior>
<gml:LinearRing><gml:posList>5808000 6430000 5808000 {east} 5808030 {east} 5808030 6430000 5808000 6430000
</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></egb:geometria>
<egb:poleEwidencyjne uom="ha">{area}</egb:poleEwidencyjne></egb:EGB_DzialkaEwidencyjna></gml:featureMember>"""


def parcel(start, area, end=None, *, local="a", number=5, east=6430020.0, gone=False):
    ends = f"<egb:koniecWersjaObiekt>{end}</egb:koniecWersjaObiekt>" if end else ""
    ends += f"<egb:koniecObiekt>{end}</egb:koniecObiekt>" if gone else ""
    return PARCEL.format(local=local, start=start, area=area, end=ends, number=number, east=east)


@pytest.fixture
def deliver_parcels(database, node, tmp_path):
    """Publish parcels written as national GML; return the outcome's account and run."""

    def publish(*parcels: str, stand: date = DAYS[4]):
        path = tmp_path / "egib.gml"
        path.write_text(
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml/3.2" '
            f'xmlns:egb="ewidencjaGruntowIBudynkow:1.0">{"".join(parcels)}</gml:FeatureCollection>'
        )
        outcome = load(Order("egib", (path,), stand), database, node)
        return outcome.accounts["parcels"].stated() | {"run": outcome.run}

    with database.transaction() as connection:
        for table in ("city.parcels", "city.parcels_history", "registry.change", "registry.head"):
            connection.exec_driver_sql(f"TRUNCATE {table}")
    return publish


@pytest.fixture
def areas(database):
    """The area of parcel ``a`` valid at a moment, as known now; the valid span."""

    def ask(moment: str) -> list[float]:
        with database.transaction() as connection:
            query = "SELECT area_ha FROM city.parcels_at(%s, 'infinity') WHERE local_id = 'a'"
            return [area for (area,) in connection.exec_driver_sql(query, (moment,))]

    return ask


OLD, MIDDLE, NEW = "2020-01-01T10:00:00", "2022-01-01T10:00:00", "2024-01-01T10:00:00"


def test_versions_of_one_delivery_become_valid_one_after_another(deliver_parcels, areas):
    done = deliver_parcels(parcel(OLD, 0.1, MIDDLE), parcel(MIDDLE, 0.2, NEW), parcel(NEW, 0.3))
    assert (done["read"], done["added"], done["archival"], done["warnings"]) == (1, 1, 2, 0)
    assert areas("2019-06-01") == []
    assert [areas(year) for year in ("2021-06-01", "2023-06-01", "2025-06-01")] == [[0.1], [0.2], [0.3]]


def test_the_moment_of_change_belongs_to_the_new_version(deliver_parcels, areas):
    deliver_parcels(parcel(OLD, 0.1, MIDDLE), parcel(MIDDLE, 0.2))
    assert areas("2022-01-01 09:59:59 Europe/Warsaw") == [0.1]
    assert areas("2022-01-01 10:00:00 Europe/Warsaw") == [0.2]


def test_a_delivery_with_the_old_version_agrees_with_what_was_loaded_before(deliver_parcels, areas, rows):
    deliver_parcels(parcel(OLD, 0.1))
    deliver_parcels(parcel(OLD, 0.1, NEW), parcel(NEW, 0.3))
    assert [areas(year) for year in ("2021-06-01", "2025-06-01")] == [[0.1], [0.3]]
    believed = "SELECT count(*) FROM city.parcels_history WHERE upper_inf(recorded)"
    assert rows(believed) == [(1,)]
    assert deliver_parcels(parcel(OLD, 0.1, NEW), parcel(NEW, 0.3))["confirmed"] == 1
    assert rows(believed) == [(1,)]


def test_an_older_version_told_later_is_put_in_its_place(deliver_parcels, areas):
    deliver_parcels(parcel(OLD, 0.1))
    deliver_parcels(parcel(MIDDLE, 0.2, NEW), parcel(NEW, 0.3))
    assert [areas(year) for year in ("2021-06-01", "2023-06-01", "2025-06-01")] == [[0.1], [0.2], [0.3]]


def test_an_object_that_ended_is_gone_since_then(deliver_parcels, areas):
    deliver_parcels(parcel(OLD, 0.1), parcel(OLD, 0.5, local="b", number=6))
    done = deliver_parcels(parcel(OLD, 0.1, MIDDLE, gone=True), parcel(OLD, 0.5, local="b", number=6))
    assert (done["removed"], done["confirmed"], done["archival"]) == (1, 1, 1)
    assert areas("2021-06-01") == [0.1]
    assert areas("2023-06-01") == []


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("2021-06-01T00:00:00", "versions.gap"),
        ("2022-06-01T00:00:00", "versions.overlap"),
        ("2019-06-01T00:00:00", "versions.backwards"),
    ],
)
def test_versions_that_do_not_follow_one_another_are_a_warning(deliver_parcels, areas, rows, end, code):
    done = deliver_parcels(parcel(OLD, 0.1, end), parcel(MIDDLE, 0.2))
    assert (done["added"], done["warnings"]) == (1, 1)
    assert rows(f"SELECT code FROM registry.issue WHERE run = {done['run']}") == [(code,)]
    assert len(areas("2022-03-01")) == 1


def test_the_same_parcel_measured_again_is_re_digitised_only(deliver_parcels, rows):
    deliver_parcels(parcel(OLD, 0.1))
    deliver_parcels(parcel(NEW, 0.1, east=6430020.2))
    deliver_parcels(parcel("2024-02-01T10:00:00", 0.1, east=6430025.0))
    deliver_parcels(parcel("2024-03-01T10:00:00", 0.2, east=6430025.1))
    kinds = [
        kind for (kind,) in rows("SELECT kind FROM registry.change WHERE layer = 'parcels' ORDER BY seq")
    ]
    assert kinds == ["new", "redigitised", "real", "real"]


def test_today_is_read_from_the_slim_table_alone(deliver_parcels, rows):
    deliver_parcels(parcel(OLD, 0.1, MIDDLE), parcel(MIDDLE, 0.2))
    plan = " ".join(line for (line,) in rows("EXPLAIN SELECT * FROM public_api.parcels"))
    assert "history" not in plan
