/** The map of a page of the API: its features above the city's layers. */
import "maplibre-gl/dist/maplibre-gl.css";
import type { FeatureCollection, Geometry } from "geojson";
import type { ExpressionSpecification, Map as MapView, MapMouseEvent } from "maplibre-gl";
import type { Bounds, City, Language } from "./contract";
import { drawLayers } from "./draw";
import { element } from "./element";
import { available, boundsOf, union } from "./extent";
import { icon, type IconName } from "./icons";
import { makeMap } from "./map";
import { fetchCity } from "./server";
import { sentences } from "./words";

/** What the page says of a feature: how it is called and where its own page is. */
interface Named {
  name: string;
  address?: string;
}

type Drawn = FeatureCollection<Geometry | null, Named>;

const SOURCE = "page";
const AREAS = "page-areas";
const LINES = "page-lines";
const POINTS = "page-points";
const COLOUR = "#d1185e";
const LABEL_FONT = "16px SourceSans";
const FIT = { padding: 40, maxZoom: 17.5, animate: false };
/** A finger or a pointer hits a feature that is so near, in pixels. */
const REACH = 5;

/** Draw the features that stand in the page; without geometry or WebGL the page stays as it is. */
export async function drawPage(place: HTMLElement): Promise<void> {
  const features = readFeatures();
  const bounds = boundsOfAll(features);
  if (!bounds) return;
  const font = document.fonts.load(LABEL_FONT, "0123/Łą").catch(() => []);
  const city = await fetchCity().catch(() => null);
  await font;
  if (city) open(place, city, features, bounds);
}

function open(place: HTMLElement, city: City, features: Drawn, bounds: Bounds): void {
  const { language = "", label = "" } = place.dataset;
  const view = element("div", { class: "view" });
  place.append(view);
  place.hidden = false;
  try {
    const map = makeMap(view, city, null, bounds);
    map.fitBounds(bounds, FIT);
    // The wheel belongs to the page; the buttons and the keys change the scale.
    map.scrollZoom.disable();
    name(map, label);
    place.append(zoomButtons(map, language as Language));
    map.on("load", () => draw(map, city, features, language));
  } catch {
    // MapLibre throws when the browser has no WebGL 2; the table says the same without a map.
    place.hidden = true;
  }
}

function draw(map: MapView, city: City, features: Drawn, language: string): void {
  drawLayers(map, city, new Set(available(city).map((layer) => layer.name)));
  map.addSource(SOURCE, { type: "geojson", data: features as FeatureCollection<Geometry> });
  map.addLayer({ id: AREAS, type: "fill", source: SOURCE, filter: ofType("Polygon"), paint: AREA });
  map.addLayer({ id: LINES, type: "line", source: SOURCE, filter: ["!", ofType("Point")], paint: LINE });
  map.addLayer({ id: POINTS, type: "circle", source: SOURCE, filter: ofType("Point"), paint: POINT });
  follow(map, language);
}

const AREA = { "fill-color": COLOUR, "fill-opacity": 0.15 };
const LINE = { "line-color": COLOUR, "line-width": 2.5 };
/** Many points over the whole city must not cover each other; a single one in a street must be seen. */
const GROWING: ExpressionSpecification = ["interpolate", ["linear"], ["zoom"], 12, 5, 17, 11];
const POINT = {
  "circle-color": COLOUR,
  "circle-opacity": 0.2,
  "circle-radius": GROWING,
  "circle-stroke-color": COLOUR,
  "circle-stroke-width": 2,
};

/** Under the pointer a feature shows its name; a click opens its page. */
function follow(map: MapView, language: string): void {
  const canvas = map.getCanvas();
  map.on("mousemove", (event) => {
    const found = featureAt(map, event);
    canvas.title = found?.name ?? "";
    canvas.style.cursor = found?.address ? "pointer" : "";
  });
  map.on("click", (event) => {
    const address = featureAt(map, event)?.address;
    if (address) location.assign(`${address}?lang=${language}`);
  });
}

function featureAt(map: MapView, { point: { x, y } }: MapMouseEvent): Named | undefined {
  const layers = [POINTS, LINES, AREAS];
  const around: [[number, number], [number, number]] = [
    [x - REACH, y - REACH],
    [x + REACH, y + REACH],
  ];
  return map.queryRenderedFeatures(around, { layers })[0]?.properties as Named | undefined;
}

function zoomButtons(map: MapView, language: Language): HTMLElement {
  const say = sentences(language);
  const button = (drawn: IconName, label: string, click: () => void): HTMLElement =>
    element("button", { type: "button", class: "control", "aria-label": label, title: label, click }, icon(drawn));
  const zoom = [
    button("plus", say.zoomIn, () => map.zoomIn()),
    button("minus", say.zoomOut, () => map.zoomOut()),
  ];
  return element("div", { class: "controls" }, element("div", { class: "control-group" }, ...zoom));
}

function name(map: MapView, label: string): void {
  map.getCanvas().setAttribute("role", "application");
  map.getCanvas().setAttribute("aria-label", label);
}

function readFeatures(): Drawn {
  const written = document.getElementById("page-features")?.textContent ?? "[]";
  return { type: "FeatureCollection", features: JSON.parse(written) };
}

function boundsOfAll({ features }: Drawn): Bounds | null {
  const all = features.flatMap(({ geometry }) => (geometry ? [boundsOf(geometry)] : []));
  return all.length > 0 ? all.reduce(union) : null;
}

/** Features of one type of geometry, single or multiple. */
function ofType(geometry: "Point" | "Polygon"): ExpressionSpecification {
  return ["in", ["geometry-type"], ["literal", [geometry, `Multi${geometry}`]]];
}
