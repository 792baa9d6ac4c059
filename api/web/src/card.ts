/** The card of a feature: its name, its values, where the data come from. */
import type { Feature } from "geojson";
import type { Field, Language, Layer } from "./contract";
import { element } from "./element";
import { icon } from "./icons";
import { mark } from "./legend";
import { itemAddress } from "./server";
import { dayText, featureName, valueText } from "./values";
import type { Sentences } from "./words";

/** The content of the card, without its frame. */
export function featureCard(
  layer: Layer,
  feature: Feature,
  id: string,
  language: Language,
  say: Sentences,
  copy: () => void,
): HTMLElement[] {
  const properties = feature.properties ?? {};
  return [
    cardHead(layer, featureName(layer, properties, id, language), language, properties),
    facts(layer, properties, language),
    element("div", { class: "card-links" }, ...links(layer, id, language, say), copyButton(say, copy)),
    source(layer, language, say),
  ];
}

/** The layer above, the name of the feature below it. */
export function cardHead(
  layer: Layer,
  name: string,
  language: Language,
  properties: Record<string, unknown> = {},
): HTMLElement {
  return element(
    "header",
    { class: "card-head" },
    element("p", { class: "eyebrow" }, mark(layer, properties), layer.title[language]),
    // A long identifier may break at its dots and slashes, nowhere else.
    element("h2", { id: "card-title", tabindex: "-1" }, ...breakable(name)),
  );
}

function facts(layer: Layer, properties: Record<string, unknown>, language: Language): HTMLElement {
  const rows = inOrder(layer).flatMap((field) => {
    const text = valueText(properties[field.name], field, language);
    return text === null ? [] : [element("dt", {}, field.title[language]), element("dd", {}, ...value(text))];
  });
  return element("dl", { class: "facts" }, ...rows);
}

/** As declared, but a key that only machines use comes last. */
function inOrder({ fields, key, label, search }: Layer): Field[] {
  const last = ({ name }: Field): boolean => name === key && name !== label && !search.includes(name);
  return [...fields.filter((field) => !last(field)), ...fields.filter(last)];
}

function value(text: string): (HTMLElement | string)[] {
  const address = /^https?:\/\/\S+$/.test(text);
  return address ? [element("a", { href: text, rel: "noopener noreferrer" }, text)] : breakable(text);
}

function links(layer: Layer, id: string, language: Language, say: Sentences): HTMLElement[] {
  const address = itemAddress(layer, id);
  return [
    element("a", { class: "link", href: `${address}?f=html&lang=${language}` }, say.page),
    element("a", { class: "link", href: `${address}?f=json` }, say.json),
  ];
}

function copyButton(say: Sentences, click: () => void): HTMLElement {
  return element("button", { type: "button", class: "text-button copy", click }, icon("link"), say.copyLink);
}

function source(layer: Layer, language: Language, say: Sentences): HTMLElement {
  const stand = layer.stand && say.stand(dayText(layer.stand, language));
  return element(
    "footer",
    { class: "card-source" },
    element("p", {}, element("span", {}, `${say.source}: `), layer.owner),
    element("p", {}, [layer.licence, stand].filter(Boolean).join(" · ")),
  );
}

function breakable(name: string): (string | HTMLElement)[] {
  return name.split(/(?<=[./_])/).flatMap((part) => [part, element("wbr")]);
}
