"""The map draws what is declared, shares its state by a link, and outlives an absent server."""

import base64
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from api import wording
from layers import get_layer
from layers.style import legend

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("no_complaints")]

PAPER = "#f4f1ea"


def at_rest(page):
    """The page, when its map is complete."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(page.locator(".view canvas")).to_have_attribute("aria-busy", "false", timeout=15_000)
    return page


def name(page):
    """The name on the card."""
    return page.locator(".card h2")


def view(lon, lat, *layers, zoom=19):
    return f"/map#map={zoom}/{lat}/{lon}" + (f"&layers={','.join(layers)}" if layers else "")


def colours(page):
    """The colours in the middle of the map, as red, green, blue."""
    box = at_rest(page).locator(".view").bounding_box()
    middle = {"x": box["x"] + box["width"] / 2 - 12, "y": box["y"] + box["height"] / 2 - 12}
    picture = page.screenshot(clip=middle | {"width": 24, "height": 24})
    decoded = page.evaluate(
        """async written => {
            const bytes = Uint8Array.from(atob(written), letter => letter.charCodeAt(0));
            const image = await createImageBitmap(new Blob([bytes]));
            const drawn = new OffscreenCanvas(image.width, image.height).getContext("2d");
            drawn.drawImage(image, 0, 0);
            return [...drawn.getImageData(0, 0, image.width, image.height).data];
        }""",
        base64.b64encode(picture).decode(),
    )
    return np.array(decoded).reshape(-1, 4)[:, :3]


def rgb(colour):
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])


def declared_colour(layer, value):
    """What a feature of this value looks like on paper."""
    colour, opacity = layer.style.colours.get(value, layer.style.colour), layer.style.opacity
    if "Polygon" not in layer.geometry:
        return rgb(colour)
    return (
        rgb(colour) * opacity + rgb(PAPER) * (1 - opacity) if opacity else rgb(layer.style.outline or colour)
    )


def shows(page, colour):
    return bool((np.abs(colours(page) - colour).max(axis=1) <= 6).any())


def test_every_layer_is_drawn_in_its_declared_colour(one_page, place, layer):
    _, lon, lat, value = place(layer)
    page = one_page
    page.goto(view(lon, lat, layer.name))
    assert shows(page, declared_colour(layer, value))


def test_every_layer_stands_in_the_list_in_both_languages(one_page, place, rows, layer):
    _, lon, lat, _ = place(layer)
    page = one_page
    page.goto(view(lon, lat, layer.name))
    row = page.locator("li.layer", has=page.locator(f"#layer-{layer.name}"))
    for language in ("pl", "en"):
        page.get_by_role("button", name=wording.LANGUAGE_NAMES[language]).click()
        expect(row.get_by_role("checkbox", name=layer.title[language], exact=True)).to_be_checked()
        count, _, stand = row.locator(".layer-state").inner_text().partition(" · ")
        assert int(re.sub(r"\D", "", count)) == rows(f"SELECT count(*) FROM city.{layer.name}")[0][0]
        assert "2026" in stand
        labels = [entry["label"][language] for entry in legend(layer)]
        if layer.style.by:
            expect(row.locator(".legend li")).to_have_text(labels)
            expect(row.locator(".legend p")).to_have_text(layer.field(layer.style.by).title[language])


def test_a_layer_is_switched_off_and_on(visit, place):
    trees = get_layer("trees")
    _, lon, lat, value = place(trees)
    page = visit(view(lon, lat, "trees"))
    green = declared_colour(trees, value)
    assert shows(page, green)
    page.get_by_role("checkbox", name="Drzewa").uncheck()
    assert not shows(page, green)
    page.get_by_role("checkbox", name="Drzewa").check()
    assert shows(page, green)


def test_a_shared_link_restores_view_layers_language_and_feature(visit, place):
    key, lon, lat, _ = place(get_layer("trees"))
    page = visit(view(lon, lat, zoom=18.25))
    page.get_by_role("checkbox", name="Przewody").uncheck()
    page.get_by_role("checkbox", name="Punkty graniczne").check()
    page.get_by_role("button", name="English").click()
    page.locator(".view canvas").click()
    expect(name(page)).to_have_text(key)
    shared = at_rest(page).url
    other = visit(shared.partition("/map")[1] + shared.partition("/map")[2])
    expect(name(other)).to_have_text(key)
    assert other.url == shared
    assert other.locator("html").get_attribute("lang") == "en"
    expect(other.get_by_role("checkbox", name="Utility lines")).not_to_be_checked()
    expect(other.get_by_role("checkbox", name="Boundary points")).to_be_checked()


def test_without_a_server_the_map_says_so_and_begins_when_it_is_back(visit):
    page = visit("/map", cut="**/map/layers.json")
    expect(page.get_by_role("alert")).to_contain_text("Nie można połączyć się z serwerem")
    page.unroute_all()
    page.get_by_role("button", name="Spróbuj ponownie").click()
    expect(page.get_by_role("checkbox", name="Drzewa")).to_be_checked()
    at_rest(page)


def test_tiles_and_cards_come_again_after_the_server_was_away(visit, place):
    key, lon, lat, value = place(get_layer("trees"))
    page = visit(f"{view(lon, lat, 'trees')}&feature=trees:{key}", cut="**/collections/**")
    for alert in (page.locator(".notice"), page.locator(".card")):
        expect(alert).to_contain_text("Nie można połączyć się z serwerem")
    page.get_by_role("combobox").fill(key)
    expect(page.get_by_role("option").first).to_be_visible()
    page.unroute_all()
    page.locator(".card").get_by_role("button", name="Spróbuj ponownie").click()
    expect(page.locator(".facts")).to_contain_text(key)
    page.get_by_role("button", name="Zamknij kartę obiektu").click()
    page.locator(".notice").get_by_role("button", name="Spróbuj ponownie").click()
    expect(page.locator(".notice")).to_be_empty()
    assert shows(page, declared_colour(get_layer("trees"), value))
