/** The fixed parts of the page, made once; their content is filled by others. */
import { element } from "./element";
import { icon } from "./icons";

/** In the order of the tab key: search, layers, map, card. */
export function makeFrame() {
  const name = element("h1");
  const tagline = element("p", { class: "tagline" });
  const mark = element("img", { src: `${import.meta.env.BASE_URL}mark.svg`, alt: "", width: 34, height: 34 });
  const brand = element("header", { class: "brand" }, mark, element("div", {}, name, tagline));
  const search = element("div", { class: "search", role: "search" });
  const openLayers = element("button", { type: "button", class: "open-layers", "aria-expanded": "false" });
  const layersTitle = element("h2");
  const closeLayers = element("button", { type: "button", class: "tool close-layers" }, icon("close"));
  const layerRows = element("div", { class: "layer-scroll" });
  const layersHead = element("div", { class: "layers-head" }, layersTitle, closeLayers);
  const layers = element("section", { class: "layers", id: "layers" }, layersHead, layerRows);
  const languages = element("div", { class: "languages", role: "group" });
  openLayers.setAttribute("aria-controls", layers.id);

  const view = element("div", { class: "view" });
  const crosshair = element("div", { class: "crosshair", "aria-hidden": "true" });
  const hint = element("div", { class: "hint", role: "status" });
  const message = element("div", { class: "notice", role: "alert" });
  const controls = element("div", { class: "controls" });
  const credit = element("p", { class: "credit" });
  const map = element("main", { class: "map" }, view, crosshair, hint, message, controls, credit);

  const closeCard = element("button", { type: "button", class: "tool close-card" }, icon("close"));
  const cardBody = element("div", { class: "card-body" });
  const card = element(
    "section",
    { class: "card", "aria-labelledby": "card-title", hidden: true },
    cardBody,
    closeCard,
  );

  const panel = element("aside", { class: "panel" }, brand, search, openLayers, layers, languages);
  const veil = element("div", { class: "veil", hidden: true });
  document.getElementById("page")?.replaceChildren(panel, map, card, veil);
  const inPanel = {
    panel,
    name,
    tagline,
    search,
    openLayers,
    closeLayers,
    layersTitle,
    layers,
    layerRows,
    languages,
  };
  const onMap = { view, hint, message, controls, credit, card, cardBody, closeCard, veil };
  return { ...inPanel, ...onMap };
}

export type Frame = ReturnType<typeof makeFrame>;
