/** Keep the address in step with the page, and follow an address that is typed or pasted in. */
import { type Address, readAddress, writeAddress } from "./address";
import { available } from "./extent";
import type { Page } from "./page";
import type { Selection } from "./selection";

/** Write the address whenever the map stops, or layers, language or feature change. */
export function keepAddress(page: Page, selection: Selection): void {
  const write = (): void => history.replaceState(null, "", writeAddress(currentAddress(page)));
  page.map.on("moveend", write);
  page.visible.watch(write);
  page.language.watch(write);
  page.selected.watch(write);
  window.addEventListener("hashchange", () => follow(page, selection, readAddress(location.hash)));
}

/** The names of the layers to show: those of the link, else those declared to be shown. */
export function firstVisible({ city }: Pick<Page, "city">, address: Address): ReadonlySet<string> {
  const { layers } = address;
  const wanted = available(city).filter((layer) => layers?.includes(layer.name) ?? layer.shown);
  return new Set(wanted.map((layer) => layer.name));
}

function currentAddress({ map, city, visible, language, selected }: Page): Address {
  const { lng: lon, lat } = map.getCenter();
  const declared = available(city).filter((layer) => layer.shown === visible.get().has(layer.name));
  const shown = available(city).filter((layer) => visible.get().has(layer.name));
  return {
    view: { zoom: map.getZoom(), lat, lon },
    layers: declared.length === available(city).length ? null : shown.map((layer) => layer.name),
    language: language.get() === "pl" ? null : language.get(),
    feature: selected.get(),
  };
}

function follow(page: Page, selection: Selection, address: Address): void {
  const { view, feature } = address;
  page.language.set(address.language ?? "pl");
  page.visible.set(firstVisible(page, address));
  if (view) page.map.jumpTo({ center: [view.lon, view.lat], zoom: view.zoom });
  if (feature) void selection.choose(feature, view === null);
  else selection.close();
}
