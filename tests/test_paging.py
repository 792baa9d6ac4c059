"""Pages in any order hold every feature once, of one version of the layer, however long the chain is."""

import time
from datetime import date
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from api.asking import asked
from api.features import rows_sql, values
from api.reading import readers
from api.sorting import beyond_sql
from layers import all_layers, get_layer

DAY = date(2024, 5, 1)


def chain(client, url):
    """One page after the other, as the `next` links lead."""
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, answer.text[:300]
        page = answer.json()
        yield page
        url = following(page)


def following(page):
    return next((each["href"] for each in page["links"] if each["rel"] == "next"), None)


def ids(pages):
    return [each["id"] for page in pages for each in page["features"]]


def in_order(database, layer, sortby, where="true"):
    """Keys as the database sorts them: absent values last, texts by the Polish alphabet, the key at last."""
    columns = []
    for term in sortby:
        name = term.lstrip("+-")
        polish = ' COLLATE "pl-x-icu"' if layer.field(name).kind == "text" else ""
        columns.append(f"{name}{polish} {'DESC' if term[0] == '-' else 'ASC'} NULLS LAST")
    order = ", ".join([*columns, layer.key])
    query = f"SELECT {layer.key} FROM city.{layer.name} WHERE {where} ORDER BY {order}"
    with database.transaction() as connection:
        return list(connection.execute(sa.text(query)).scalars())


# Orders


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_chain_in_any_order_holds_every_feature_once(client, loaded, data):
    layer = data.draw(
        st.sampled_from([get_layer(name) for name in ("stops", "utility_lines", "trees", "buildings")])
    )
    names = [field.name for field in layer.visible_fields("public")]
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))
    sortby = [data.draw(st.sampled_from(["", "-", "+"])) + name for name in chosen]
    text = data.draw(st.sampled_from(["true", f"{layer.key} > 'D' OR {names[1]} IS NULL"]))
    condition = "true" if text == "true" else f"({layer.key} COLLATE \"C\" > 'D' OR {names[1]} IS NULL)"
    expected = in_order(loaded, layer, sortby, condition)
    limit = data.draw(st.integers(max(1, len(expected) // 6), len(expected) + 2))
    asked_for = urlencode({"sortby": ",".join(sortby), "limit": limit, "filter": text})
    pages = list(chain(client, f"/collections/{layer.name}/items?{asked_for}"))
    assert ids(pages) == expected
    assert {page["numberMatched"] for page in pages} == {len(expected)}


def test_pages_of_one_pass_over_absent_values_in_either_direction(client, loaded):
    some = "SELECT stop_id FROM city.stops ORDER BY 1 LIMIT 3"
    with loaded.transaction() as connection:
        connection.execute(sa.text(f"UPDATE city.stops SET zone = NULL WHERE stop_id IN ({some})"))
    for sortby in (["zone"], ["-zone"], ["zone", "-name"], ["-zone", "name"]):
        expected = in_order(loaded, get_layer("stops"), sortby)
        pages = chain(client, f"/collections/stops/items?limit=1&sortby={','.join(sortby)}")
        assert ids(pages) == expected


def test_texts_follow_the_polish_alphabet(client, no_stops, deliver):
    names = [
        "Lutycka",
        "Ławica",
        "Ogrody",
        "Łacina",
        "Osiedle",
        "Ósmego Maja",
        "Zamek",
        "Żegrze",
        "Źródlana",
        "las",
        "Las",
    ]
    deliver(dict(enumerate(names)), DAY)
    found = ids(chain(client, "/collections/stops/items?sortby=name&limit=4"))
    assert [names[int(each)] for each in found] == [
        "las",
        "Las",
        "Lutycka",
        "Łacina",
        "Ławica",
        "Ogrody",
        "Osiedle",
        "Ósmego Maja",
        "Zamek",
        "Źródlana",
        "Żegrze",
    ]


# Tokens


def test_a_token_answers_only_the_question_it_was_made_for(client):
    page = client.get("/collections/trees/items?limit=2&sortby=species&filter=girth_cm>10").json()
    token = following(page).partition("after=")[2]
    here = f"/collections/trees/items?after={token}"
    good = "&sortby=species&filter=girth_cm>10"
    for same in (
        "&limit=7",
        "&limit=2&crs=http://www.opengis.net/def/crs/EPSG/0/2177",
        "&properties=species",
        "&lang=en",
    ):
        assert client.get(f"{here}{good}{same}").status_code == 200
    for other in (
        "",
        "&sortby=-species&filter=girth_cm>10",
        "&sortby=species",
        "&sortby=species&filter=girth_cm>11",
        f"{good}&bbox=16,52,17,53",
        f"{good}&datetime=2024-05-01",
        f"{good}&known-at=2024-05-01",
        f"{good}&species=Tilia",
    ):
        answer = client.get(f"{here}{other}")
        assert (answer.status_code, answer.json()["title"]) == (400, "Bad Request"), other
        assert "token of another question" in answer.json()["detail"]
    for elsewhere in ("stops", "trees@2024-05-01"):
        assert client.get(f"/collections/{elsewhere}/items?after={token}").status_code == 400


# A layer that changes meanwhile


def test_a_chain_reads_the_version_it_began_with_while_others_are_published(client, no_stops, deliver):
    deliver({number: f"A{number}" for number in range(10)}, DAY)
    url, pages = "/collections/stops/items?limit=2&sortby=-name", []
    for turn, page in enumerate(chain(client, url)):
        pages.append(page)
        # Some go, some change their place in the order, some are new.
        deliver({number: f"{'BCDEF'[turn]}{number}" for number in range(turn, 20) if number % 3}, DAY)
    assert [each["properties"]["name"] for page in pages for each in page["features"]] == [
        f"A{number}" for number in reversed(range(10))
    ]
    assert {page["numberMatched"] for page in pages} == {10}
    again = ids(chain(client, url))
    assert again == [
        str(number)
        for number in sorted((n for n in range(4, 20) if n % 3), key=lambda n: f"F{n}", reverse=True)
    ]


def test_a_chain_of_another_time_is_as_stable(client, no_stops, deliver):
    deliver({number: f"A{number}" for number in range(6)}, DAY)
    pages = []
    for page in chain(client, "/collections/stops/items?limit=2&datetime=2024-06-01T00:00:00Z"):
        pages.append(page)
        deliver({number: f"B{number}" for number in range(2, 9)}, DAY)
    assert [each["properties"]["name"] for page in pages for each in page["features"]] == [
        f"A{n}" for n in range(6)
    ]


# Speed


def test_a_deep_page_is_found_by_the_index_as_the_first_is(client, loaded):
    layer, reader = get_layer("trees"), readers()["public"]
    wish = asked({}, layer, 2177)
    plans = []
    for beyond in ([], [beyond_sql(wish.order, ["D003000"])]):
        query = rows_sql(layer, wish, 2177, beyond=beyond, limit="LIMIT 10")
        with reader.connections.one() as connection:
            told = connection.execute(f"EXPLAIN {query}".encode(), values(wish, 2177) | {"last_0": "D003000"})
            plans.append("\n".join(line for (line,) in told))
    assert all("Index Scan using trees_pkey" in plan and "Sort" not in plan for plan in plans), plans
    assert "Index Cond: (tree_id > 'D003000'" in plans[1]


@pytest.mark.parametrize("sortby", ["", "sortby=-girth_cm,species&"])
def test_the_last_page_takes_no_longer_than_the_first(client, sortby):
    url = f"/collections/trees/items?{sortby}limit=50"
    pages = list(chain(client, url))
    last = next(following(page) for page in reversed(pages) if following(page))

    def fastest(address):
        took = []
        for _ in range(15):
            began = time.perf_counter()
            client.get(address)
            took.append(time.perf_counter() - began)
        return min(took)

    assert len(pages) > 100
    assert fastest(last) < 1.5 * fastest(url)


# Fields


def test_only_the_fields_asked_for_are_told(client, layer):
    names = [field.name for field in layer.visible_fields("public")]
    for chosen in ([names[0]], names[:3], [names[-1], names[0]]):
        page = client.get(f"/collections/{layer.name}/items?limit=3&properties={','.join(chosen)}").json()
        one = client.get(
            f"/collections/{layer.name}/items/{page['features'][0]['id']}?properties={','.join(chosen)}"
        )
        for feature in [*page["features"], one.json()]:
            assert set(feature["properties"]) == set(chosen)
            assert feature["geometry"]
    assert len(all_layers()) > 5


def test_a_field_that_is_not_there_can_be_neither_told_nor_sorted_by(client):
    for parameter in ("properties", "sortby"):
        for name in (
            "hash",
            "run",
            "nothing",
            "",
            "species,",
            "species;girth_cm",
            "species desc",
            "--species",
        ):
            answer = client.get(f"/collections/trees/items?{urlencode({parameter: name})}")
            assert answer.status_code == 400, (parameter, name)
    assert client.get("/collections/trees/items?sortby=species,-species").status_code == 400
    assert client.get("/collections/utility_lines/items?sortby=operator").status_code == 400
