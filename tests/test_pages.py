"""The pages of the API for people: both languages, nothing from other hosts, nothing a value could break."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from api import wording
from api.catalogues import compiled
from layers import all_layers, get_layer
from mesip.errors import DatabaseDownError

API = Path(__file__).resolve().parents[1] / "api"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
LOADS = re.compile(r'<(?:link|script|img|iframe)\b[^>]*\b(?:href|src)="([^"]*)"')
HOSTILE = "</script><img src=x onerror=alert(1)>{{7*7}}\"'&"

each_language = pytest.mark.parametrize("language", ["pl", "en"])
each_page = pytest.mark.parametrize("page", ["", "/items", "/schema", "/queryables", "/sortables"])


def page_of(client, address, language, **parameters):
    return client.get(address, params={"f": "html", "lang": language} | parameters)


def keys(client, layer, count=1):
    return [
        each["id"] for each in client.get(f"/collections/{layer.name}/items?limit={count}").json()["features"]
    ]


def fully_loaded(text):
    """Nothing of the page comes from another host, and no software names its version."""
    foreign = [address for address in LOADS.findall(text) if "//" in address]
    return not foreign and not re.search(r"pygeoapi|powered by", text, re.IGNORECASE)


@each_language
@each_page
def test_every_page_of_a_layer_speaks_its_language(client, layer, language, page):
    answer = page_of(client, f"/collections/{layer.name}{page}", language)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-language"] == language
    assert f'<html lang="{language}">' in answer.text
    assert layer.title[language] in answer.text
    assert fully_loaded(answer.text)


@each_language
@pytest.mark.parametrize("address", ["/", "/collections", "/conformance"])
def test_every_page_of_the_city_speaks_its_language(client, address, language):
    answer = page_of(client, address, language)
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert fully_loaded(answer.text)
    if address != "/conformance":
        assert all(layer.title[language] in answer.text for layer in all_layers().values())


@each_language
def test_a_feature_is_shown_with_titles_and_labels_of_the_declaration(client, layer, language):
    for key in keys(client, layer):
        address = f"/collections/{layer.name}/items/{quote(str(key), safe='')}"
        properties = client.get(address).json()["properties"]
        answer = page_of(client, address, language)
        assert answer.status_code == 200
        assert fully_loaded(answer.text)
        for field in layer.visible_fields("public"):
            if properties[field.name] not in (None, ""):
                assert f"<dt>{field.title[language]}</dt>" in answer.text
                assert wording.value(properties[field.name], field, language) in answer.text.replace(
                    "&#39;", "'"
                )


def test_columns_of_a_layer_are_its_fields_with_units(client, layer):
    text = page_of(client, f"/collections/{layer.name}/items", "pl").text
    if "<table>" in text:
        assert all(field.pl in text for field in layer.visible_fields("public"))
        assert all(
            f'<span class="unit">{wording.unit(field)}</span>' in text
            for field in layer.visible_fields("public")
            if wording.unit(field)
        )


def test_the_next_page_goes_on_where_the_first_ends(client):
    first = page_of(client, "/collections/trees/items", "en", limit="2")
    address = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert address is not None
    second = client.get("/collections/trees/items" + address[1].replace("&amp;", "&"))
    assert second.headers["content-type"].startswith("text/html")
    links = [set(re.findall(r'<th scope="row"><a href="([^"]+)"', page.text)) for page in (first, second)]
    assert len(links[0]) == len(links[1]) == 2
    assert not links[0] & links[1]


def test_a_page_says_by_what_it_is_narrowed(client):
    layer = get_layer("trees")
    text = page_of(client, "/collections/trees/items", "pl", tree_id="no such tree").text
    assert f"{layer.field('tree_id').pl}: <strong>no such tree</strong>" in text
    assert "Nie ma takich obiektów." in text


def test_a_map_is_drawn_in_degrees_whichever_system_is_asked_for(client):
    system = "http://www.opengis.net/def/crs/EPSG/0/2177"
    text = page_of(client, "/collections/trees/items", "pl", limit="1", crs=system).text
    lon, lat = map(float, re.search(r'"coordinates": \[([\d.]+), ([\d.]+)\]', text).groups())
    assert 14 < lon < 25
    assert 49 < lat < 55


def test_the_browser_gets_a_page_and_a_program_json(client):
    assert client.get("/collections", headers=BROWSER).headers["content-type"].startswith("text/html")
    assert client.get("/collections").headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("en-GB,en;q=0.9,pl;q=0.8", "en"),
        ("en;q=0.5,pl;q=0.9", "pl"),
        ("de,fr", "pl"),
        ("en;q=0", "pl"),
        ("en;q=x", "en"),
    ],
)
def test_the_browser_chooses_the_language(client, accepted, language):
    answer = client.get("/collections", headers=BROWSER | {"Accept-Language": accepted})
    assert f'<html lang="{language}">' in answer.text


def test_a_page_does_not_remember_the_host_of_another_reader(client):
    client.get("/", headers=BROWSER | {"Host": "evil.example"})
    assert "evil.example" not in client.get("/", headers=BROWSER).text


@pytest.mark.parametrize(
    ("address", "status"),
    [("/cats", 404), ("/collections/cats", 404), ("/collections/trees/items?limit=x", 400)],
)
def test_a_browser_meets_a_fault_as_a_page_and_a_program_as_a_problem(client, address, status):
    page, problem = client.get(address, headers=BROWSER), client.get(address)
    assert page.status_code == problem.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert problem.headers["content-type"] == "application/problem+json"
    assert fully_loaded(page.text)


def test_a_browser_meets_a_missing_database_as_a_page(client, monkeypatch):
    def down(*_):
        raise DatabaseDownError("The data cannot be read at the moment. Try again in a few seconds.")

    monkeypatch.setattr("api.callers.heads", down)
    answer = client.get("/collections?lang=pl", headers=BROWSER)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "Danych nie można teraz odczytać" in answer.text


def test_what_is_asked_for_comes_back_harmless(client):
    for address in (f"/collections/{quote(HOSTILE, safe='')}", f"/{quote(HOSTILE, safe='')}"):
        assert "<img src=x" not in client.get(address, headers=BROWSER).text
    answer = page_of(client, "/collections/trees/items", "pl", tree_id=HOSTILE)
    assert answer.status_code == 200
    assert "<img src=x" not in answer.text


@pytest.fixture
def hostile_tree(database):
    """A tree whose species is an attack, for the time of one test."""
    write = sa.text("UPDATE city.trees SET species = :species WHERE tree_id = :key")
    with database.transaction() as connection:
        key, kept = connection.execute(sa.text("SELECT tree_id, species FROM city.trees LIMIT 1")).one()
        connection.execute(write, {"species": HOSTILE, "key": key})
    yield key
    with database.transaction() as connection:
        connection.execute(write, {"species": kept, "key": key})


def test_a_hostile_value_is_shown_as_text(client, hostile_tree):
    one = page_of(client, f"/collections/trees/items/{quote(hostile_tree, safe='')}", "pl").text
    many = page_of(client, "/collections/trees/items", "pl", tree_id=hostile_tree).text
    for text in (one, many):
        assert "&lt;/script&gt;&lt;img src=x" in text
        assert "<img src=x" not in text
        assert "{{7*7}}" in text


def test_a_hostile_name_does_not_end_the_data_of_the_map(client):
    from api.configuration import frame, shown_to  # noqa: PLC0415
    from api.pages import rendered  # noqa: PLC0415
    from api.reading import readers  # noqa: PLC0415
    from mesip.settings import settings  # noqa: PLC0415

    layer = get_layer("trees")
    drawn = [{"type": "Feature", "geometry": None, "properties": {"name": HOSTILE}}]
    feature = {
        "id": HOSTILE,
        "properties": dict.fromkeys([field.name for field in layer.visible_fields("public")], HOSTILE),
    }
    feature["properties"] |= {
        field.name: None for field in layer.visible_fields("public") if field.kind != "text"
    }
    document = {"id": "trees", "title": "Drzewa", "title_field": "tree_id", "features": [feature]}
    document |= {"numberMatched": 1, "drawn": drawn, "narrowed": [], "query": {}, "first": {}, "next": None}
    filled = (frame(settings(), ""), "collections/items/index.html", document, "pl")
    text = shown_to(readers()["public"], rendered, *filled).body.decode()
    assert text.count("</script>") == 2
    assert "\\u003c/script\\u003e" in text
    assert "<img src=x" not in text


def test_every_word_of_the_templates_is_translated_into_polish():
    with (API / "locale" / "pl" / "LC_MESSAGES" / "messages.po").open("rb") as text:
        known = {message.id: message.string for message in read_po(text) if message.id}
    found = {
        message
        for _, _, message, _, _ in extract_from_dir(
            API / "templates", [("**.html", "jinja2")], {"**.html": {"silent": "false"}}
        )
    }
    assert {message for message in found if not known.get(message) or not all(known[message])} == set()
    assert {message for message in known if message not in found} == set()


@pytest.mark.parametrize(
    ("name", "found", "polish", "english"),
    [
        ("girth_cm", 12345.5, "12\xa0345,5", "12,345.5"),
        ("girth_cm", 1985, "1985", "1985"),
        ("girth_cm", None, "", ""),
    ],
)
def test_numbers_are_written_as_the_language_does(name, found, polish, english):
    field = get_layer("trees").field(name)
    assert (wording.value(found, field, "pl"), wording.value(found, field, "en")) == (polish, english)


def test_days_and_durations_are_written_as_the_language_does():
    assert wording.day("2026-01-01", "pl") == "1 stycznia 2026"
    assert wording.day("2026-01-01", "en") == "1 January 2026"
    assert wording.moment("2021-08-17T09:11:00+00:00", "pl") == "17 sierpnia 2021, 11:11"
    assert (wording.duration("P5Y", "pl"), wording.duration("P1M", "en")) == ("5 lat", "1 month")
    assert wording.duration("PT5M", "en") == "PT5M"


def test_translations_are_compiled_by_several_threads_at_once(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: compiled.__wrapped__(tmp_path), range(40)))
    assert set(made) == {tmp_path / "locale"}
    assert [path.name for path in (tmp_path / "locale" / "pl" / "LC_MESSAGES").iterdir()] == ["messages.mo"]
