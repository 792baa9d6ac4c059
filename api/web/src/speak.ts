/** Write everything on the page in the language of the moment. */
import type { FoundFeature, Language, Layer } from "./contract";
import { flyTo, goTo, zoomTo } from "./camera";
import { fillControls, locator } from "./controls";
import { element, refill } from "./element";
import { startBounds } from "./extent";
import { icon } from "./icons";
import { fillLayerList, type LayerList } from "./layer_list";
import { closeDrawer } from "./drawer";
import { type Page, turn } from "./page";
import { fillSearchBox } from "./search_box";
import type { Selection } from "./selection";
import { highlight } from "./highlight";
import type { Sentences } from "./words";

const NAMES: Record<Language, string> = { pl: "Polski", en: "English" };

/** Fill the page; the returned list of layers follows the map until the next language. */
export function speak(page: Page, selection: Selection): LayerList {
  const { frame, city, map } = page;
  const language = page.language.get();
  const say = page.say();
  document.documentElement.lang = language;
  document.title = `${say.mapOf(city.city.name)} · mesip`;
  refill(frame.name, city.city.name);
  refill(frame.tagline, say.tagline);
  frame.panel.setAttribute("aria-label", say.tagline);
  refill(frame.layersTitle, say.layers);
  refill(frame.openLayers, icon("layers"), say.layers);
  frame.closeLayers.setAttribute("aria-label", say.closeLayers);
  frame.closeCard.setAttribute("aria-label", say.closeCard);
  frame.closeCard.title = say.closeCard;
  nameCanvas(page, say);
  writeLanguages(page, say);
  writeCredit(page, say);
  fillSearchBox(frame.search, city, language, say, (found) => takeFound(page, selection, found));
  fillControls(frame.controls, map, startBounds(city), say, locator(page));
  selection.render();
  return fillLayerList(frame.layerRows, city, language, say, {
    toggle: (layer, on) => turn(page, layer, on),
    goTo: (layer) => away(page, layer, goTo),
    zoomTo: (layer) => away(page, layer, zoomTo),
  });
}

function away(page: Page, layer: Layer, move: (page: Page, layer: Layer) => void): void {
  closeDrawer(page.frame);
  move(page, layer);
}

function nameCanvas({ map, city }: Page, say: Sentences): void {
  const canvas = map.getCanvas();
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", say.map(city.city.name));
}

function takeFound(page: Page, selection: Selection, { geometry, properties }: FoundFeature): void {
  void selection.choose({ layer: properties.layer, id: String(properties.id) }, false);
  if (!geometry) return;
  highlight(page.map, geometry);
  flyTo(page, geometry);
}

function writeLanguages({ frame, city, language }: Page, say: Sentences): void {
  if (frame.languages.childElementCount === 0) {
    refill(
      frame.languages,
      ...city.languages.map((offered) => languageButton(offered, () => language.set(offered))),
    );
  }
  frame.languages.setAttribute("aria-label", say.language);
  for (const button of frame.languages.children) {
    button.setAttribute("aria-pressed", String(button.getAttribute("lang") === language.get()));
  }
}

function languageButton(language: Language, click: () => void): HTMLElement {
  const attributes = {
    type: "button",
    lang: language,
    "aria-label": NAMES[language],
    title: NAMES[language],
    click,
  };
  return element("button", attributes, language.toUpperCase());
}

function writeCredit({ frame, city, language }: Page, say: Sentences): void {
  const base = city.baseMap.url && city.baseMap.credit;
  const links = [element("a", { href: `/?f=html&lang=${language.get()}` }, say.api), " · ", element("a", { href: "/docs" }, say.docs)];
  refill(frame.credit, base ? `${base} · ` : "", "mesip · ", ...links);
}
