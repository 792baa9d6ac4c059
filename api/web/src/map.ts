/** The map itself: paper ground, an optional base map, bounds, scale bar; no content from elsewhere. */
import { Map as MapView, ScaleControl, setWorkerUrl, type StyleSpecification } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import type { View } from "./address";
import type { Bounds, City } from "./contract";
import { startZoom } from "./extent";

const PAPER = "#f4f1ea";
/** How far beyond the city one may look, in degrees. */
const MARGIN = 0.25;

export const MAX_ZOOM = 20;
export const BASE_MAP = "base-map";

/** Make the map in ``container``. Throws when the browser has no WebGL 2. */
export function makeMap(container: HTMLElement, city: City, view: View | null, start: Bounds): MapView {
  setWorkerUrl(workerUrl);
  const map = new MapView({
    container,
    style: ground(city),
    ...(view
      ? { center: [view.lon, view.lat], zoom: view.zoom }
      : { bounds: start, fitBoundsOptions: START }),
    minZoom: 8,
    maxZoom: MAX_ZOOM,
    maxBounds: widened(city.city.bounds),
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 120,
  });
  if (!view) map.setZoom(startZoom(city, map.getZoom()));
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new ScaleControl({ maxWidth: 110 }), "bottom-left");
  return map;
}

/** How the first view fits the data: close enough to see them, not so close that one parcel fills it. */
export const START = { padding: 32, maxZoom: 16.5 };

function ground(city: City): StyleSpecification {
  const style: StyleSpecification = {
    version: 8,
    sources: {},
    // No ``glyphs``: labels are drawn with the page's own font.
    layers: [{ id: "paper", type: "background", paint: { "background-color": PAPER } }],
  };
  if (!city.baseMap.url) return style;
  style.sources[BASE_MAP] = { type: "raster", tiles: [city.baseMap.url], tileSize: 256 };
  style.layers.push({ id: BASE_MAP, type: "raster", source: BASE_MAP, paint: { "raster-saturation": -0.6 } });
  return style;
}

function widened([west, south, east, north]: Bounds): Bounds {
  return [west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN];
}
