"""The pages lead to each other, fit a phone, and name whatever can be used."""

import re

import pytest
from playwright.sync_api import expect

from layers import get_layer

pytestmark = pytest.mark.browser

DESKTOP, PHONE = (1000, 640), (390, 844)
each_language = pytest.mark.parametrize("language", ["pl", "en"])


def view(lon, lat, *layers, zoom=19):
    return f"/map#map={zoom}/{lat}/{lon}" + (f"&layers={','.join(layers)}" if layers else "")


def fits(page):
    """Nothing scrolls sideways."""
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_landing_page_leads_to_the_map_in_ones_language(visit):
    page = visit("/?f=html")
    expect(page.locator("html")).to_have_attribute("lang", "pl")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("link", name="Open the map").click()
    expect(page.get_by_role("checkbox", name="Trees")).to_be_checked()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_a_feature_page_draws_its_feature(visit, place):
    key, *_ = place(get_layer("parcels"))
    page = visit(f"/collections/parcels/items/{key}?f=html")
    expect(page.locator("#page-map canvas")).to_be_visible()


def test_the_documentation_lists_every_operation(visit):
    page = visit("/docs")
    defined = page.request.get("/openapi").json()["paths"]
    operations = {(verb, path) for path, verbs in defined.items() for verb in verbs if verb != "parameters"}
    expect(page.locator(".opblock")).to_have_count(len(operations))
    paths = page.locator(".opblock-summary-path").evaluate_all("all => all.map(each => each.dataset.path)")
    assert sorted(paths) == sorted(path for _, path in operations)


@pytest.mark.parametrize("address", ["/?f=html", "/collections/parcels?f=html", "/docs"])
def test_pages_fit_a_phone(visit, address):
    page = visit(address, PHONE)
    expect(page.get_by_role("heading").first).to_be_visible()
    assert fits(page)


NAMELESS = re.compile(
    r"^\s*- (?:button|link|checkbox|combobox|option|application|listbox)(?!\w| \")[^\n]*", re.M
)


def nameless(page):
    """Elements that one can use and that have no name to be told."""
    return NAMELESS.findall(page.locator("body").aria_snapshot())


@each_language
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_whatever_can_be_used_has_a_name_in_the_language_of_the_page(visit, place, language, size):
    key, lon, lat, _ = place(get_layer("trees"))
    page = visit(f"{view(lon, lat)}&lang={language}&feature=trees:{key}", size)
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator(".facts")).to_contain_text(key)
    page.get_by_role("combobox").fill(key)
    expect(page.get_by_role("option").first).to_be_visible()
    assert not nameless(page)
    if size == PHONE:
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.locator(".close-card").click()
        page.locator(".open-layers").click()
        assert not nameless(page)


@pytest.mark.parametrize("address", ["/?f=html", "/collections/trees/items?f=html"])
def test_pages_name_what_can_be_used(visit, address):
    page = visit(address)
    assert not nameless(page)
