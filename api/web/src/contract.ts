/** What the server sends: the layers of the city, features, and answers of the search. */
import type { Feature, FeatureCollection } from "geojson";
import type { FilterSpecification } from "maplibre-gl";

export type Language = "pl" | "en";

/** A sentence or name in every language of the page. */
export type Words = Record<Language, string>;

/** West, south, east, north in degrees. */
export type Bounds = [west: number, south: number, east: number, north: number];

export interface Field {
  name: string;
  title: Words;
  unit: string | null;
  kind: "text" | "integer" | "number" | "date" | "moment" | "flag";
  codes: Record<string, Words> | null;
}

export interface LegendEntry {
  shape: "fill" | "line" | "circle";
  colour: string;
  label: Words;
}

/** A MapLibre style layer without its source, which is the layer of the city it belongs to. */
export interface Drawing {
  id: string;
  type: "fill" | "line" | "circle" | "symbol" | "fill-extrusion" | "heatmap";
  paint?: Record<string, unknown>;
  layout?: Record<string, unknown>;
  filter?: FilterSpecification;
  minzoom?: number;
  maxzoom?: number;
}

export interface Layer {
  name: string;
  title: Words;
  about: Words;
  geometry: string;
  owner: string;
  licence: string;
  stand: string | null;
  count: number | null;
  bounds: Bounds | null;
  state: "available" | "empty";
  /** Whether the layer is drawn before anybody chose. */
  shown: boolean;
  tiles: string;
  items: string;
  key: string;
  label: string | null;
  /** The fields people search by; a label among them is worth writing on the map. */
  search: string[];
  minzoom: number;
  maxzoom: number;
  style: Drawing[];
  legend: LegendEntry[];
  fields: Field[];
}

export interface City {
  city: { name: string; bounds: Bounds };
  languages: Language[];
  baseMap: { url: string | null; credit: string };
  layers: Layer[];
}

export interface Found {
  layer: string;
  id: string | number;
  label: string;
  detail: string | null;
}

export type FoundFeature = Feature<GeoJSON.Geometry | null, Found>;
export type FoundFeatures = FeatureCollection<GeoJSON.Geometry | null, Found>;

/** Which feature of which layer. */
export interface Place {
  layer: string;
  id: string;
}
