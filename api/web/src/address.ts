/** The state of the page in the address, so that it can be shared: #map=15/52.4/16.9&layers=trees&lang=en */
import type { Language, Place } from "./contract";

export interface View {
  zoom: number;
  lat: number;
  lon: number;
}

/** Absent parts are null: the reader of a short link gets the defaults. */
export interface Address {
  view: View | null;
  layers: string[] | null;
  language: Language | null;
  feature: Place | null;
}

export function readAddress(hash: string): Address {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  return {
    view: readView(parts.get("map")),
    layers: parts.get("layers")?.split(",").filter(Boolean) ?? null,
    language: readLanguage(parts.get("lang")),
    feature: readPlace(parts.get("feature")),
  };
}

export function writeAddress({ view, layers, language, feature }: Address): string {
  const parts: string[] = [];
  if (view) parts.push(`map=${view.zoom.toFixed(2)}/${view.lat.toFixed(6)}/${view.lon.toFixed(6)}`);
  if (layers) parts.push(`layers=${layers.map(encodeURIComponent).join(",")}`);
  if (language) parts.push(`lang=${language}`);
  if (feature) parts.push(`feature=${encodeURIComponent(feature.layer)}:${encodeURIComponent(feature.id)}`);
  return `#${parts.join("&")}`;
}

function readView(text: string | null): View | null {
  const [zoom, lat, lon] = (text ?? "").split("/").map(Number);
  if (zoom === undefined || lat === undefined || lon === undefined) return null;
  const inside = zoom >= 0 && zoom <= 24 && Math.abs(lat) <= 85 && Math.abs(lon) <= 180;
  return inside ? { zoom, lat, lon } : null;
}

function readLanguage(text: string | null): Language | null {
  return text === "pl" || text === "en" ? text : null;
}

function readPlace(text: string | null): Place | null {
  const colon = text?.indexOf(":") ?? -1;
  return text && colon > 0 ? { layer: text.slice(0, colon), id: text.slice(colon + 1) } : null;
}
