/** The search box: asks the server while one types and hands over what was chosen. */
import { asking } from "./asking";
import type { City, FoundFeature, Language } from "./contract";
import { element, refill } from "./element";
import { icon } from "./icons";
import { suggestions } from "./suggestions";
import type { Sentences } from "./words";

/** Fill ``place`` with the search; ``choose`` receives the suggestion that was taken. */
export function fillSearchBox(
  place: HTMLElement,
  city: City,
  language: Language,
  say: Sentences,
  choose: (found: FoundFeature) => void,
): void {
  const input = inputOf(place, say);
  const clear = element("button", { type: "button", class: "search-clear", "aria-label": say.clear });
  const message = element("p", { class: "search-message", role: "status", hidden: true });
  const count = element("p", { class: "unseen", role: "status" });
  // Enter pressed before the answer came takes the first suggestion when it comes.
  let hurried = false;

  const tell = (sentence: string): void => {
    message.textContent = sentence;
    message.hidden = sentence === "";
  };
  const close = (): void => {
    question.cancel();
    hurried = false;
    list.close();
    tell("");
  };
  const take = (found: FoundFeature | undefined): void => {
    if (!found) return;
    input.value = found.properties.label;
    close();
    choose(found);
  };
  const list = suggestions(input, city, language, take);

  const show = (features: FoundFeature[], words: string): void => {
    list.show(features);
    count.textContent = say.found(String(features.length));
    tell(features.length ? "" : say.nothingFound(words));
    if (hurried) take(features[0]);
  };
  const question = asking(show, (trouble) => tell(say[trouble]));
  const typed = (): void => {
    close();
    list.show([]);
    clear.hidden = input.value === "";
    question.ask(input.value.trim());
  };
  const empty = (): void => {
    input.value = "";
    typed();
    input.focus();
  };
  const escape = (event: KeyboardEvent): void => {
    // The first Escape closes the list, the next empties the box; only a third reaches the card.
    const open = list.isOpen() || !message.hidden;
    if (open || input.value) event.stopPropagation();
    if (open) close();
    else if (input.value) empty();
  };
  const enter = (): void => {
    hurried = true;
    take(list.chosen());
  };
  const keys: Record<string, (event: KeyboardEvent) => void> = {
    ArrowDown: () => list.step(1),
    ArrowUp: () => list.step(-1),
    Enter: enter,
    Escape: escape,
  };
  input.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act(event);
  });
  input.addEventListener("input", typed);
  input.addEventListener("focus", () => input.value && list.open());
  input.addEventListener("blur", close);
  clear.addEventListener("click", empty);
  clear.hidden = input.value === "";
  clear.append(icon("close"));
  refill(place, icon("search"), input, clear, list.drop, message, count);
}

/** The input, keeping what was typed when the box is filled again in another language. */
function inputOf(place: HTMLElement, say: Sentences): HTMLInputElement {
  const input = element("input", {
    type: "text",
    id: "search",
    role: "combobox",
    inputmode: "search",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    placeholder: say.search,
    "aria-label": say.search,
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": "search-list",
  });
  input.value = place.querySelector("input")?.value ?? "";
  return input;
}
