/** The list of layers: switch on and off, legend, count, stand date, about, and a way to go there. */
import type { City, Language, Layer } from "./contract";
import { element, refill } from "./element";
import { visibleFrom } from "./extent";
import { icon } from "./icons";
import { legend, onlySwatch } from "./legend";
import { dayText, shortDay } from "./values";
import { counted, type Sentences } from "./words";

export interface LayerActions {
  toggle(layer: Layer, on: boolean): void;
  goTo(layer: Layer): void;
  zoomTo(layer: Layer): void;
}

/** The list as shown: ``update`` follows the map without rebuilding, so the focus stays. */
export interface LayerList {
  update(visible: ReadonlySet<string>, zoom: number): void;
}

/** Fill ``place`` with one row a layer, the topmost first, those without data last. */
export function fillLayerList(
  place: HTMLElement,
  city: City,
  language: Language,
  say: Sentences,
  actions: LayerActions,
): LayerList {
  const layers = [...city.layers]
    .reverse()
    .sort((a, b) => Number(a.state === "empty") - Number(b.state === "empty"));
  const rows = layers.map((layer) => row(layer, language, say, actions));
  const empty = element("p", { class: "empty" }, say.noLayers);
  refill(
    place,
    rows.length ? element("ul", { class: "layer-rows" }, ...rows.map((made) => made.item)) : empty,
  );
  return { update: (visible, zoom) => rows.forEach((made) => made.update(visible, zoom)) };
}

interface Row extends LayerList {
  item: HTMLLIElement;
}

function row(layer: Layer, language: Language, say: Sentences, actions: LayerActions): Row {
  const title = layer.title[language];
  const id = `layer-${layer.name}`;
  const has = layer.state === "available";
  const box = element("input", { type: "checkbox", id, disabled: !has, "aria-describedby": `${id}-state` });
  box.addEventListener("change", () => actions.toggle(layer, box.checked));
  const zoomButton = element("button", {
    type: "button",
    class: "text-button",
    click: () => actions.zoomTo(layer),
  });
  zoomButton.append(say.zoomToSee);
  const item = element(
    "li",
    { class: has ? "layer" : "layer layer-empty" },
    element(
      "div",
      { class: "layer-head" },
      box,
      element("label", { for: id }, title, has && onlySwatch(layer)),
      tools(layer, title, say, actions),
    ),
    element("p", { class: "layer-state", id: `${id}-state` }, state(layer, language, say)),
    layer.legend.length > 1 && has && legend(layer, language),
    element("p", { class: "layer-zoom" }, zoomButton),
    about(layer, language, say),
  );
  const update = (visible: ReadonlySet<string>, zoom: number): void => {
    const on = has && visible.has(layer.name);
    box.checked = on;
    item.classList.toggle("is-on", on);
    item.classList.toggle("is-too-far", on && zoom < visibleFrom(layer));
  };
  return { item, update };
}

function state(layer: Layer, language: Language, say: Sentences): string {
  if (layer.state === "empty") return say.noData;
  const count = layer.count === null ? null : counted(layer.count, language);
  const stand = layer.stand ? say.stand(shortDay(layer.stand, language)) : null;
  return [count, stand].filter((part) => part !== null).join(" · ");
}

function tools(layer: Layer, title: string, say: Sentences, actions: LayerActions): HTMLElement {
  const label = say.aboutLayer(title);
  const more = {
    type: "button",
    class: "tool",
    "aria-expanded": "false",
    "aria-controls": `about-${layer.name}`,
  };
  const info = element("button", { ...more, "aria-label": label, title: label }, icon("info"));
  info.addEventListener("click", () => {
    const open = info.getAttribute("aria-expanded") === "true";
    info.setAttribute("aria-expanded", String(!open));
    document.getElementById(`about-${layer.name}`)?.toggleAttribute("hidden", open);
  });
  const go = say.goTo(title);
  const there = {
    type: "button",
    class: "tool",
    "aria-label": go,
    title: go,
    click: () => actions.goTo(layer),
  };
  return element(
    "div",
    { class: "tools" },
    layer.bounds !== null && element("button", there, icon("target")),
    info,
  );
}

function about(layer: Layer, language: Language, say: Sentences): HTMLElement {
  const facts: [string, string | null][] = [
    [say.owner, layer.owner],
    [say.licence, layer.licence],
    [say.standTerm, layer.stand && dayText(layer.stand, language)],
  ];
  const rows = facts.flatMap(([term, fact]) =>
    fact ? [element("dt", {}, term), element("dd", {}, fact)] : [],
  );
  const address = `${layer.items.replace(/\/items$/, "")}?f=html&lang=${language}`;
  const dataset = element("a", { href: address }, say.dataset);
  return element(
    "div",
    { class: "about", id: `about-${layer.name}`, hidden: true },
    element("p", {}, layer.about[language]),
    element("dl", {}, ...rows),
    dataset,
  );
}
