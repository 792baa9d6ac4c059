/** Draw the city's layers: a tile source each, its style layers in order, labels above all. */
import type {
  ExpressionSpecification,
  LayerSpecification,
  Map as MapView,
  SymbolLayerSpecification,
  VectorSourceSpecification,
} from "maplibre-gl";
import type { City, Layer } from "./contract";
import { available } from "./extent";

/** The family bundled with the page; without a glyphs address MapLibre draws text with it. */
const FONT = ["SourceSans", "sans-serif"];
/** A parcel cut by a tile's edge is labelled on both sides; in large tiles few parcels are cut. */
const LABEL_TILES = 15;
const LABELS_FROM: Record<string, number> = { Polygon: 17, MultiPolygon: 17, Point: 19, MultiPoint: 19 };

/** Add sources, style layers and labels of every layer that has data. */
export function drawLayers(map: MapView, city: City, visible: ReadonlySet<string>): void {
  const layers = available(city);
  for (const layer of layers) {
    map.addSource(layer.name, tiles(layer, layer.maxzoom));
    for (const drawn of drawings(layer)) map.addLayer(drawn);
  }
  for (const layer of layers) {
    const label = labels(layer);
    if (!label) continue;
    map.addSource(
      labelId(layer),
      tiles(layer, Math.max(layer.minzoom, Math.min(LABEL_TILES, layer.maxzoom))),
    );
    map.addLayer(label);
  }
  showLayers(map, city, visible);
}

export function showLayers(map: MapView, city: City, visible: ReadonlySet<string>): void {
  for (const layer of available(city)) {
    for (const id of [...drawingIds(layer), labelId(layer)]) {
      if (!map.getLayer(id)) continue;
      map.setLayoutProperty(id, "visibility", visible.has(layer.name) ? "visible" : "none");
    }
  }
}

/** The ids under which the style layers of ``layer`` stand in the map. */
export function drawingIds(layer: Layer): string[] {
  return layer.style.map((drawing) => `${layer.name}:${drawing.id}`);
}

function tiles(layer: Layer, maxzoom: number): VectorSourceSpecification {
  const bounds = layer.bounds ? { bounds: layer.bounds } : {};
  // The worker that reads tiles knows no page, so it needs the whole address.
  const address = location.origin + layer.tiles;
  return {
    type: "vector",
    tiles: [address],
    minzoom: layer.minzoom,
    maxzoom,
    promoteId: layer.key,
    ...bounds,
  };
}

function drawings(layer: Layer): LayerSpecification[] {
  const place = { source: layer.name, "source-layer": layer.name };
  return layer.style.map((drawing) => {
    return { ...drawing, ...place, id: `${layer.name}:${drawing.id}` } as LayerSpecification;
  });
}

function labels(layer: Layer): SymbolLayerSpecification | null {
  const from = LABELS_FROM[layer.geometry];
  if (layer.label === null || from === undefined || !layer.search.includes(layer.label)) return null;
  const point = layer.geometry.endsWith("Point");
  return {
    id: labelId(layer),
    type: "symbol",
    source: labelId(layer),
    "source-layer": layer.name,
    minzoom: from,
    // Only what the tiles carry can be written; a layer whose tiles lack the label has none.
    filter: ["has", layer.label],
    layout: {
      "text-field": labelText(layer.label),
      "text-font": FONT,
      "text-size": ["interpolate", ["linear"], ["zoom"], 17, 11, 20, 14],
      "text-padding": 4,
      ...(point ? { "text-anchor": "top", "text-offset": [0, 0.7], "text-optional": true } : {}),
    },
    paint: { "text-color": "#3d3626", "text-halo-color": "rgba(255, 253, 247, 0.9)", "text-halo-width": 1.4 },
  };
}

/** A register identifier is long; on the map the part after its last dot says which one it is. */
function labelText(field: string): ExpressionSpecification {
  if (!field.endsWith("_id")) return ["to-string", ["get", field]];
  const parts: ExpressionSpecification = ["split", ["to-string", ["get", field]], "."];
  const last: ExpressionSpecification = ["-", ["length", ["var", "parts"]], 1];
  return ["let", "parts", parts, ["to-string", ["at", last, ["var", "parts"]]]];
}

function labelId(layer: Layer): string {
  return `${layer.name}:labels`;
}
