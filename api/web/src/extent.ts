/** From which zoom layers are visible, and where the map starts. */
import type { Bounds, City, Layer } from "./contract";

/** A screen of this many CSS pixels stands for every screen when the first view is chosen. */
const SCREEN_PX = 900;
const TILE_PX = 512;
/** Zoom steps by which the first view may come closer than the whole of the data. */
const NEAR = 1.5;

/** The zoom from which something of the layer is drawn. */
export function visibleFrom(layer: Layer): number {
  const drawn = Math.min(...layer.style.map((drawing) => drawing.minzoom ?? 0));
  return Math.max(layer.minzoom, Number.isFinite(drawn) ? drawn : 0);
}

export function available(city: City): Layer[] {
  return city.layers.filter((layer) => layer.state === "available");
}

/** The whole of the data if something is drawn at that scale, else the smallest layer, else the city. */
export function startBounds(city: City): Bounds {
  const layers = available(city).filter((layer) => layer.bounds !== null);
  const all = layers.map((layer) => layer.bounds as Bounds);
  if (all.length === 0) return city.city.bounds;
  const whole = all.reduce(union);
  const seen = layers.some((layer) => visibleFrom(layer) <= fittingZoom(whole));
  return seen ? whole : all.reduce((least, bounds) => (width(bounds) < width(least) ? bounds : least));
}

/** How close the first view should come: to where half the layers are seen, if that is near. */
export function startZoom(city: City, fitted: number): number {
  const zooms = available(city)
    .map(visibleFrom)
    .sort((a, b) => a - b);
  const half = zooms[Math.floor(zooms.length / 2)] ?? 0;
  return half > fitted && half - fitted <= NEAR ? half + 0.05 : fitted;
}

export function union(a: Bounds, b: Bounds): Bounds {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}

function fittingZoom(bounds: Bounds): number {
  return Math.log2((360 * SCREEN_PX) / (TILE_PX * Math.max(width(bounds), 1e-9)));
}

function width([west, , east]: Bounds): number {
  return east - west;
}

/** The extent of a geometry in degrees. */
export function boundsOf(geometry: GeoJSON.Geometry): Bounds {
  const points =
    geometry.type === "GeometryCollection" ? geometry.geometries.map(boundsOf).flatMap(corners) : [];
  const all = "coordinates" in geometry ? positions(geometry.coordinates) : points;
  return all.map(([lon, lat]): Bounds => [lon, lat, lon, lat]).reduce(union);
}

function positions(coordinates: unknown): [number, number][] {
  const nested = coordinates as unknown[];
  return typeof nested[0] === "number" ? [nested as [number, number]] : nested.flatMap(positions);
}

function corners([west, south, east, north]: Bounds): [number, number][] {
  return [
    [west, south],
    [east, north],
  ];
}
