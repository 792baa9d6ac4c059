/** The list under the search box: suggestions to step through and take, or a sentence instead. */
import type { City, FoundFeature, Language } from "./contract";
import { element, refill } from "./element";
import { mark } from "./legend";

export interface Suggestions {
  drop: HTMLElement;
  show(found: FoundFeature[]): void;
  open(): void;
  close(): void;
  isOpen(): boolean;
  step(by: 1 | -1): void;
  /** The suggestion stepped to, else the first one, else nothing. */
  chosen(): FoundFeature | undefined;
}

/** Suggestions that belong to the combobox ``input``; ``take`` is called when one is clicked. */
export function suggestions(
  input: HTMLInputElement,
  city: City,
  language: Language,
  take: (found: FoundFeature) => void,
): Suggestions {
  const list = element("ul", {
    id: "search-list",
    role: "listbox",
    "aria-label": input.placeholder,
    hidden: true,
  });
  let found: FoundFeature[] = [];
  let active = -1;

  const activate = (index: number): void => {
    active = index;
    [...list.children].forEach((row, i) => row.setAttribute("aria-selected", String(i === index)));
    const row = list.children[index];
    row?.scrollIntoView({ block: "nearest" });
    if (row) input.setAttribute("aria-activedescendant", row.id);
    else input.removeAttribute("aria-activedescendant");
  };
  const unfold = (yes: boolean): void => {
    list.hidden = !yes;
    input.setAttribute("aria-expanded", String(yes));
    activate(-1);
  };
  const show = (features: FoundFeature[]): void => {
    found = features;
    refill(
      list,
      ...features.map((feature, index) => row(feature, index, city, language, () => take(feature))),
    );
    unfold(features.length > 0);
  };
  const step = (by: 1 | -1): void => {
    if (found.length === 0) return;
    const next = active < 0 && by < 0 ? found.length - 1 : (active + by + found.length) % found.length;
    if (list.hidden) unfold(true);
    activate(next);
  };
  // Pressing on a suggestion must not take the focus away before the click arrives.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  return {
    drop: list,
    show,
    step,
    open: () => unfold(found.length > 0),
    close: () => unfold(false),
    isOpen: () => !list.hidden,
    chosen: () => found[Math.max(active, 0)],
  };
}

function row(
  found: FoundFeature,
  index: number,
  city: City,
  language: Language,
  click: () => void,
): HTMLElement {
  const { label, detail, layer: name } = found.properties;
  const layer = city.layers.find((known) => known.name === name);
  return element(
    "li",
    { id: `search-option-${index}`, role: "option", "aria-selected": "false", click },
    layer ? mark(layer, {}) : null,
    element("span", { class: "option-label" }, label),
    element("span", { class: "option-detail" }, [layer?.title[language], detail].filter(Boolean).join(" · ")),
  );
}
