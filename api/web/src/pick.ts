/** Which features lie under a point of the screen. */
import type { Map as MapView, MapGeoJSONFeature, PointLike } from "maplibre-gl";
import type { Layer, Place } from "./contract";
import { drawingIds } from "./draw";

/** One pick can be a feature of any layer; what the tile knows of it comes along. */
export interface Picked extends Place {
  properties: Record<string, unknown>;
}

/** Thin lines need room, and fingers more of it: pixels on each side of the point. */
const REACH_PX = window.matchMedia("(pointer: coarse)").matches ? 11 : 5;

/** The features under ``point``, topmost first, each once. Areas count only where the point lies. */
export function featuresAt(map: MapView, layers: Layer[], point: { x: number; y: number }): Picked[] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const near: [PointLike, PointLike] = [
    [point.x - REACH_PX, point.y - REACH_PX],
    [point.x + REACH_PX, point.y + REACH_PX],
  ];
  const within = new Set(rendered(map, layers, [point.x, point.y]).map(name));
  const picked = new Map<string, Picked>();
  for (const feature of rendered(map, layers, near)) {
    const layer = byName.get(feature.source);
    if (!layer || (feature.geometry.type.endsWith("Polygon") && !within.has(name(feature)))) continue;
    const id = feature.properties[layer.key] ?? feature.id;
    if (id === undefined || id === null) continue;
    const key = `${layer.name}:${id}`;
    if (!picked.has(key))
      picked.set(key, { layer: layer.name, id: String(id), properties: feature.properties });
  }
  return [...picked.values()];
}

function rendered(
  map: MapView,
  layers: Layer[],
  place: PointLike | [PointLike, PointLike],
): MapGeoJSONFeature[] {
  const ids = layers.flatMap(drawingIds).filter((id) => map.getLayer(id));
  return ids.length ? map.queryRenderedFeatures(place, { layers: ids }) : [];
}

function name(feature: MapGeoJSONFeature): string {
  return `${feature.source}:${feature.id}`;
}
