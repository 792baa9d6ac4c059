/** Choosing a feature: by click, by Enter, from the search, from a link; its card and highlight. */
import type { Feature } from "geojson";
import { flyTo, uncover } from "./camera";
import { cardHead, featureCard } from "./card";
import { type Choice, choiceList } from "./choices";
import type { Language, Layer, Place } from "./contract";
import { element, refill } from "./element";
import { highlight } from "./highlight";
import { icon } from "./icons";
import { findLayer, type Page, shownLayers, turn } from "./page";
import { featuresAt, type Picked } from "./pick";
import { fetchFeature, type Trouble, troubleOf } from "./server";
import { counted, type Sentences } from "./words";

/** An answer that comes within this time shows no word of waiting. */
const QUICK_MS = 250;

/** What the card shows. */
type Shown =
  | { kind: "nothing" }
  | { kind: "choices"; choices: Choice[] }
  | { kind: "loading"; layer: Layer }
  | { kind: "feature"; layer: Layer; id: string; feature: Feature }
  | { kind: "trouble"; layer: Layer; place: Place; trouble: Trouble };

export interface Selection {
  /** Show the feature; ``fly`` brings it into view. */
  choose(place: Place, fly: boolean): Promise<void>;
  /** Open the topmost feature; where several of one layer lie together, the list of all. */
  pickAt(point: { x: number; y: number }): number;
  close(): void;
  /** Write the card again, in the language of the moment. */
  render(): void;
}

export function workSelection(page: Page): Selection {
  const { frame, map } = page;
  let shown: Shown = { kind: "nothing" };
  let list: Choice[] = [];
  let asking = new AbortController();
  let before: HTMLElement | null = null;

  const show = (next: Shown): void => {
    if (shown.kind === "nothing" && next.kind !== "nothing")
      before = document.activeElement as HTMLElement | null;
    shown = next;
    render();
    if (next.kind === "nothing") return;
    frame.cardBody.scrollTop = 0;
    frame.cardBody.querySelector<HTMLElement>("h2")?.focus({ preventScroll: true });
  };

  const ask = async (place: Place, fly: boolean): Promise<void> => {
    const layer = findLayer(page, place.layer);
    if (!layer) return;
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    page.selected.set(place);
    turn(page, layer, true);
    const slow = window.setTimeout(() => !signal.aborted && show({ kind: "loading", layer }), QUICK_MS);
    try {
      const feature = await fetchFeature(layer, place.id, signal);
      window.clearTimeout(slow);
      show({ kind: "feature", layer, id: place.id, feature });
      highlight(map, feature.geometry);
      if (fly && feature.geometry) flyTo(page, feature.geometry);
    } catch (error) {
      if (signal.aborted) return;
      highlight(map, null);
      show({ kind: "trouble", layer, place, trouble: troubleOf(error) });
    } finally {
      window.clearTimeout(slow);
    }
  };

  const close = (): void => {
    asking.abort();
    list = [];
    highlight(map, null);
    page.selected.set(null);
    const held = frame.card.contains(document.activeElement);
    show({ kind: "nothing" });
    if (held) (before?.isConnected ? before : map.getCanvas()).focus({ preventScroll: true });
  };

  const pickAt = (point: { x: number; y: number }): number => {
    const layers = shownLayers(page);
    const picks = featuresAt(map, layers, point);
    list = picks.flatMap((picked) => withLayer(picked, layers));
    const [first, ...below] = list;
    if (!first) close();
    else if (below.some(({ layer }) => layer === first.layer)) offer(point);
    else void ask(first.picked, false).then(() => uncover(page, point));
    return list.length;
  };

  const offer = (point?: { x: number; y: number }): void => {
    asking.abort();
    highlight(map, null);
    page.selected.set(null);
    show({ kind: "choices", choices: list });
    if (point) uncover(page, point);
  };

  const render = (): void => {
    frame.card.hidden = shown.kind === "nothing";
    const from = list.length > 1 && shown.kind !== "choices";
    refill(frame.cardBody, from && listButton(page, list.length, offer), ...content(page, shown, ask));
  };

  const choose = (place: Place, fly: boolean): Promise<void> => {
    list = [];
    return ask(place, fly);
  };

  frame.closeCard.addEventListener("click", close);
  return { choose, pickAt, close, render };
}

function content(page: Page, shown: Shown, ask: Selection["choose"]): HTMLElement[] {
  const language = page.language.get();
  const say = page.say();
  switch (shown.kind) {
    case "nothing":
      return [];
    case "choices":
      return choiceList(shown.choices, language, say, (picked) => void ask(picked, false));
    case "loading":
      return [cardHead(shown.layer, say.loading, language)];
    case "feature":
      return featureCard(shown.layer, shown.feature, shown.id, language, say, () => void copyLink(page));
    case "trouble":
      return troubleCard(shown, language, say, () => void ask(shown.place, false));
  }
}

function troubleCard(
  { layer, place, trouble }: Extract<Shown, { kind: "trouble" }>,
  language: Language,
  say: Sentences,
  again: () => void,
): HTMLElement[] {
  const retry = element("button", { type: "button", class: "text-button", click: again }, say.again);
  // Asking again does not help where there is nothing.
  const body = element(
    "div",
    { class: "empty", role: "alert" },
    element("p", {}, say[trouble]),
    trouble !== "missing" && retry,
  );
  return [cardHead(layer, place.id, language), body];
}

function listButton(page: Page, count: number, offer: () => void): HTMLElement {
  const text = page.say().several(counted(count, page.language.get()));
  const attributes = { type: "button", class: "text-button to-list", click: () => offer() };
  return element("button", attributes, icon("list"), text);
}

function withLayer(picked: Picked, layers: Layer[]): Choice[] {
  const layer = layers.find((known) => known.name === picked.layer);
  return layer ? [{ layer, picked }] : [];
}

async function copyLink(page: Page): Promise<void> {
  try {
    await navigator.clipboard.writeText(location.href);
    page.notice.remark(page.say().copied);
  } catch {
    page.notice.remark(page.say().copyFailed);
  }
}
