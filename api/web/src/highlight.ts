/** The chosen feature, drawn above the others from its full geometry. */
import type { ExpressionSpecification, GeoJSONSource, Map as MapView } from "maplibre-gl";

const SOURCE = "highlight";
const COLOUR = "#d1185e";
const CASING = "#ffffff";
const NOTHING: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

export function addHighlight(map: MapView): void {
  map.addSource(SOURCE, { type: "geojson", data: NOTHING, tolerance: 0.1 });
  const round = { "line-join": "round", "line-cap": "round" } as const;
  map.addLayer({
    id: "highlight-area",
    type: "fill",
    source: SOURCE,
    filter: type("Polygon"),
    paint: { "fill-color": COLOUR, "fill-opacity": 0.12 },
  });
  map.addLayer({
    id: "highlight-casing",
    type: "line",
    source: SOURCE,
    filter: ["!", type("Point")],
    layout: round,
    paint: { "line-color": CASING, "line-width": 6 },
  });
  map.addLayer({
    id: "highlight-line",
    type: "line",
    source: SOURCE,
    filter: ["!", type("Point")],
    layout: round,
    paint: { "line-color": COLOUR, "line-width": 3 },
  });
  map.addLayer({
    id: "highlight-dot",
    type: "circle",
    source: SOURCE,
    filter: type("Point"),
    paint: {
      "circle-color": COLOUR,
      "circle-opacity": 0.12,
      "circle-radius": ["interpolate", ["linear"], ["zoom"], 12, 7, 19, 14],
      "circle-stroke-color": COLOUR,
      "circle-stroke-width": 3,
    },
  });
}

export function highlight(map: MapView, geometry: GeoJSON.Geometry | null): void {
  const source = map.getSource<GeoJSONSource>(SOURCE);
  source?.setData(geometry ? { type: "Feature", geometry, properties: {} } : NOTHING);
}

/** Features of one type of geometry, single or multiple. */
function type(geometry: "Point" | "Polygon"): ExpressionSpecification {
  return ["in", ["geometry-type"], ["literal", [geometry, `Multi${geometry}`]]];
}
