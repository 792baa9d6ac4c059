/** Where the map looks: to a layer, to a feature, past the card. */
import type { Layer } from "./contract";
import { boundsOf, visibleFrom } from "./extent";
import { type Page, turn } from "./page";

/** Where the map is too narrow for a card beside it, the card lies below; as in card.css. */
const NARROW = "(max-width: 960px)";

/** Switch the layer on and go to where its features are, near enough to see them. */
export function goTo(page: Page, layer: Layer): void {
  turn(page, layer, true);
  if (!layer.bounds) return;
  const camera = page.map.cameraForBounds(layer.bounds, { padding: 40, maxZoom: 17 });
  const zoom = Math.max(camera?.zoom ?? 0, visibleFrom(layer) + 0.1);
  page.map.flyTo({ center: camera?.center, zoom });
}

/** Come near enough to see the layer, staying where one is if it has features there. */
export function zoomTo(page: Page, layer: Layer): void {
  const { lng, lat } = page.map.getCenter();
  const [west, south, east, north] = layer.bounds ?? [-180, -90, 180, 90];
  const inside = lng >= west && lng <= east && lat >= south && lat <= north;
  if (inside) page.map.easeTo({ zoom: visibleFrom(layer) + 0.1 });
  else goTo(page, layer);
}

/** Bring the geometry into the part of the map that the card leaves free. */
export function flyTo({ map }: Page, geometry: GeoJSON.Geometry): void {
  const { clientWidth: width, clientHeight: height } = map.getContainer();
  const around = Math.min(60, width / 8);
  const free = liesBelow() ? { top: 80, bottom: height * 0.55 } : { right: Math.min(420, width * 0.45) };
  const padding = { top: around, bottom: around, left: around, right: around, ...free };
  map.fitBounds(boundsOf(geometry), { padding, maxZoom: 18 });
}

/** Move the map when the card covers the place one clicked. */
export function uncover({ map, frame }: Page, point: { x: number; y: number }): void {
  if (frame.card.hidden) return;
  const view = map.getContainer().getBoundingClientRect();
  const card = frame.card.getBoundingClientRect();
  const [x, y] = [point.x + view.left, point.y + view.top];
  if (x < card.left - 20 || y < card.top - 20) return;
  if (liesBelow()) map.panBy([0, y - card.top + 90]);
  else map.panBy([x - card.left + 90, 0]);
}

function liesBelow(): boolean {
  return window.matchMedia(NARROW).matches;
}
