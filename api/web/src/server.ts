/** Questions to the server: the layers, one feature, the search. */
import type { Feature } from "geojson";
import type { City, FoundFeatures, Layer } from "./contract";

/** Why an answer did not come: nobody there, no such thing, or a fault of the server. */
export type Trouble = "unreachable" | "missing" | "failed";

export class ServerError extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble);
  }
}

export function fetchCity(): Promise<City> {
  return ask<City>("/map/layers.json");
}

export function fetchFeature(layer: Layer, id: string, signal?: AbortSignal): Promise<Feature> {
  return ask<Feature>(itemAddress(layer, id), signal);
}

export function fetchFound(words: string, signal: AbortSignal): Promise<FoundFeatures> {
  return ask<FoundFeatures>(`/search?q=${encodeURIComponent(words)}&limit=10`, signal);
}

/** The address of one feature; an id may hold "/", "#" or "?". */
export function itemAddress(layer: Layer, id: string): string {
  return `${layer.items}/${encodeURIComponent(id)}`;
}

export function troubleOf(error: unknown): Trouble {
  return error instanceof ServerError ? error.trouble : "failed";
}

async function ask<T>(address: string, signal?: AbortSignal): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(address, { headers: { accept: "application/geo+json, application/json" }, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServerError("unreachable");
  }
  if (answer.ok) return (await answer.json()) as T;
  if (answer.status === 404) throw new ServerError("missing");
  throw new ServerError([502, 503, 504].includes(answer.status) ? "unreachable" : "failed");
}
