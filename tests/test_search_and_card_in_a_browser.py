"""People search, click, press keys and touch, and get the card of what they mean."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from api import wording
from layers import get_layer

pytestmark = pytest.mark.browser

PHONE = (390, 844)


def name(page):
    """The name on the card."""
    return page.locator(".card h2")


def view(lon, lat, *layers, zoom=19):
    return f"/map#map={zoom}/{lat}/{lon}" + (f"&layers={','.join(layers)}" if layers else "")


def facts(page):
    """The card's table: title → value."""
    titles, values = page.locator(".facts dt"), page.locator(".facts dd")
    return dict(zip(titles.all_text_contents(), map(spaced, values.all_text_contents()), strict=True))


def spaced(text):
    return re.sub(r"\s", " ", text)


def promised(page, layer, key, language):
    """What the card of a feature has to say, by the declaration."""
    found = page.request.get(f"/collections/{layer.name}/items/{quote(key, safe='')}").json()["properties"]
    told = {
        field: wording.value(found[field.name], field, language) for field in layer.visible_fields("public")
    }
    with_unit = {field: f"{text} {wording.unit(field)}" for field, text in told.items() if text}
    return {field.title[language]: spaced(text).strip() for field, text in with_unit.items()}


def choose(page, words):
    page.get_by_role("combobox").fill(words)
    page.get_by_role("option").first.click()


each_language = pytest.mark.parametrize("language", ["pl", "en"])
searched = pytest.mark.parametrize(
    ("layer_name", "field"), [("parcels", "parcel_number"), ("trees", "street_number")]
)


@searched
def test_a_number_is_found_and_the_card_says_all_that_is_known(visit, place, rows, layer_name, field):
    layer = get_layer(layer_name)
    once = f"SELECT {field} FROM city.{layer_name} GROUP BY 1 HAVING count(*) = 1 ORDER BY 1 LIMIT 1"
    number = rows(once)[0][0]
    key, lon, lat, _ = place(layer, f"{field} = '{number}'")
    page = visit("/map")
    choose(page, number)
    expect(name(page)).not_to_have_text("")
    expect(page).to_have_url(re.compile(r"map=1[678]"))
    _, seen_lat, seen_lon = map(float, re.search(r"map=([\d./]+)", page.url)[1].split("/"))
    assert (seen_lat, seen_lon) == pytest.approx((lat, lon), abs=0.002)
    for language in ("pl", "en"):
        page.get_by_role("button", name=wording.LANGUAGE_NAMES[language]).click()
        expect(page.locator(".eyebrow")).to_have_text(layer.title[language])
        assert facts(page) == promised(page, layer, key, language)


def test_the_identifier_that_only_machines_use_stands_last(visit, place):
    key, lon, lat, _ = place(get_layer("parcels"))
    page = visit(f"{view(lon, lat, 'parcels')}&feature=parcels:{key}")
    expect(page.locator(".facts dd").last).to_have_text(key)
    expect(page.locator(".facts dt").first).to_have_text("Identyfikator działki")


@each_language
def test_a_click_opens_the_card_that_leads_to_data_and_page(visit, place, rows, language):
    key, lon, lat, _ = place(get_layer("parcels"))
    ((identifier,),) = rows(f"SELECT parcel_id FROM city.parcels WHERE local_id = '{key}'")
    page = visit(f"{view(lon, lat, 'parcels', 'districts')}&lang={language}")
    page.locator(".view canvas").click()
    expect(name(page)).to_have_text(identifier)
    data = page.request.get(page.get_by_role("link", name="GeoJSON").get_attribute("href")).json()
    assert (data["id"], data["properties"]["parcel_id"]) == (key, identifier)
    page.get_by_role("link", name={"pl": "Strona obiektu", "en": "Feature page"}[language]).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(identifier)
    expect(page.locator("html")).to_have_attribute("lang", language)


def test_what_lies_below_is_one_click_away(visit, place):
    _, lon, lat, _ = place(get_layer("buildings"))
    page = visit(view(lon, lat, "buildings", "parcels"))
    page.locator(".view canvas").click()
    expect(page.locator(".eyebrow")).to_have_text("Budynki")
    page.get_by_role("button", name="2 obiekty w tym miejscu").click()
    page.locator(".choice", has_text="Działki").click()
    expect(page.locator(".eyebrow")).to_have_text("Działki ewidencyjne")


def test_lines_are_called_by_what_they_are(visit, place):
    key, lon, lat, _ = place(get_layer("utility_lines"), "network = 'w' AND line_type = 'w_o'")
    page = visit(f"{view(lon, lat)}&feature=utility_lines:{key}")
    expect(name(page)).to_have_text("Wodociągowa · wodociąg ogólny")


def press_until(page, target):
    """Press Tab until ``target`` has the focus."""
    for _ in range(60):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the tab key does not lead there")


def test_the_map_is_used_without_a_mouse(visit, place):
    key, lon, lat, _ = place(get_layer("trees"))
    page = visit(view(lon, lat, "trees", "stops"))
    press_until(page, page.get_by_role("combobox"))
    page.keyboard.type(key)
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(name(page)).to_be_focused()
    expect(name(page)).to_have_text(key)
    page.keyboard.press("Escape")
    expect(page.locator(".card")).to_be_hidden()
    stops = page.get_by_role("checkbox", name="Przystanki")
    press_until(page, stops)
    page.keyboard.press("Space")
    expect(stops).not_to_be_checked()
    page = visit(view(lon, lat, "trees"))
    press_until(page, page.locator(".view canvas"))
    expect(page.locator(".crosshair")).to_be_visible()
    page.keyboard.press("Enter")
    expect(name(page)).to_have_text(key)


def fits(page):
    """Nothing scrolls sideways."""
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_on_a_phone_layers_lie_in_a_drawer_and_the_card_below(visit, place):
    key, lon, lat, _ = place(get_layer("parcels"))
    page = visit(view(lon, lat, "parcels"), PHONE)
    layers, box = (
        page.get_by_role("button", name="Warstwy", exact=True),
        page.get_by_label("Drzewa", exact=True),
    )
    expect(box).to_be_hidden()
    assert fits(page)
    layers.click()
    expect(box).to_be_in_viewport()
    box.check()
    assert fits(page)
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    page.locator(".view canvas").click()
    expect(page.locator(".facts")).to_contain_text(key)
    sheet = page.locator(".card").bounding_box()
    assert (sheet["x"], sheet["width"], sheet["y"] + sheet["height"]) == (0, *PHONE)
    assert sheet["y"] > 0.4 * PHONE[1]
    assert fits(page)
    page.get_by_role("button", name="Zamknij kartę obiektu").click()
    expect(page.locator(".card")).to_be_hidden()
