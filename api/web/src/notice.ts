/** One short message over the map, with what can be done about it. */
import { element, refill } from "./element";
import { icon } from "./icons";
import type { Sentences } from "./words";

const STAYS_MS = 7000;

export interface Notice {
  /** A passing remark. */
  remark(sentence: string): void;
  /** A fault, which stays until it is mended or closed. */
  fault(sentence: string, again?: () => void): void;
  clear(): void;
}

export function notice(place: HTMLElement, say: () => Sentences): Notice {
  let timer = 0;
  const clear = (): void => {
    window.clearTimeout(timer);
    place.classList.remove("is-shown", "is-fault");
    refill(place);
  };
  const show = (sentence: string, again?: () => void): void => {
    clear();
    const retry = (): void => {
      clear();
      again?.();
    };
    const label = say().dismiss;
    refill(
      place,
      element("p", {}, sentence),
      again ? element("button", { type: "button", class: "text-button", click: retry }, say().again) : null,
      element(
        "button",
        { type: "button", class: "tool", "aria-label": label, title: label, click: clear },
        icon("close"),
      ),
    );
    place.classList.add("is-shown");
  };
  return {
    clear,
    remark: (sentence) => {
      show(sentence);
      timer = window.setTimeout(clear, STAYS_MS);
    },
    fault: (sentence, again) => {
      if (place.firstChild?.textContent === sentence) return;
      show(sentence, again);
      place.classList.add("is-fault");
    },
  };
}
