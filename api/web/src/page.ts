/** What the parts of the page share: the city, the map, and the values that change. */
import type { Map as MapView } from "maplibre-gl";
import type { City, Language, Layer, Place } from "./contract";
import type { Frame } from "./frame";
import type { Notice } from "./notice";
import type { Watched } from "./watched";
import type { Sentences } from "./words";

export interface Page {
  frame: Frame;
  city: City;
  map: MapView;
  notice: Notice;
  language: Watched<Language>;
  visible: Watched<ReadonlySet<string>>;
  selected: Watched<Place | null>;
  /** The sentences in the language of the moment. */
  say(): Sentences;
}

export function findLayer({ city }: Page, name: string): Layer | undefined {
  return city.layers.find((layer) => layer.name === name && layer.state === "available");
}

export function shownLayers({ city, visible }: Page): Layer[] {
  return city.layers.filter((layer) => layer.state === "available" && visible.get().has(layer.name));
}

export function turn(page: Page, layer: Layer, on: boolean): void {
  const names = new Set(page.visible.get());
  if (on === names.has(layer.name)) return;
  if (on) names.add(layer.name);
  else names.delete(layer.name);
  page.visible.set(names);
}
