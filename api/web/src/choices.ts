/** The list to choose from when several features lie at one place. */
import type { Language, Layer } from "./contract";
import { element } from "./element";
import { icon } from "./icons";
import { mark } from "./legend";
import type { Picked } from "./pick";
import { fetchFeature } from "./server";
import { featureName } from "./values";
import { counted, type Sentences } from "./words";

/** Tiles carry few fields, so the names of this many features are asked from the server. */
const NAMED = 12;

export interface Choice {
  layer: Layer;
  picked: Picked;
}

export function choiceList(
  choices: Choice[],
  language: Language,
  say: Sentences,
  choose: (picked: Picked) => void,
): HTMLElement[] {
  const rows = choices.map((choice, index) => row(choice, index < NAMED, language, choose));
  return [
    element(
      "header",
      { class: "card-head" },
      element("h2", { id: "card-title", tabindex: "-1" }, say.several(counted(choices.length, language))),
    ),
    element("ul", { class: "choices" }, ...rows),
  ];
}

function row(
  { layer, picked }: Choice,
  ask: boolean,
  language: Language,
  choose: (picked: Picked) => void,
): HTMLElement {
  const known = layer.label !== null && picked.properties[layer.label] !== undefined;
  const name = element(
    "span",
    { class: "choice-name" },
    known ? featureName(layer, picked.properties, picked.id, language) : "…",
  );
  if (!known && ask) void fillName(name, layer, picked, language);
  else if (!known) name.textContent = picked.id;
  return element(
    "li",
    {},
    element(
      "button",
      { type: "button", class: "choice", click: () => choose(picked) },
      mark(layer, picked.properties),
      element("span", { class: "choice-layer" }, layer.title[language]),
      name,
      icon("next"),
    ),
  );
}

async function fillName(
  name: HTMLElement,
  layer: Layer,
  picked: Picked,
  language: Language,
): Promise<void> {
  try {
    const feature = await fetchFeature(layer, picked.id);
    name.textContent = featureName(layer, feature.properties ?? {}, picked.id, language);
  } catch {
    // The id is a poorer name, but the choice still works; the card will say what is wrong.
    name.textContent = picked.id;
  }
}
