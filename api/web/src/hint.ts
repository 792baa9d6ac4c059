/** Say why the map is empty: no layer is on, or those that are need a closer look. */
import { zoomTo } from "./camera";
import { element, refill } from "./element";
import { visibleFrom } from "./extent";
import { type Page, shownLayers } from "./page";

export function updateHint(page: Page): void {
  const { map, frame, city } = page;
  const say = page.say();
  const shown = shownLayers(page);
  const nearest = [...shown].sort((a, b) => visibleFrom(a) - visibleFrom(b))[0];
  if (city.layers.length === 0) refill(frame.hint, say.noLayers);
  else if (!nearest) refill(frame.hint, say.nothingOn);
  else if (map.getZoom() >= visibleFrom(nearest)) refill(frame.hint);
  else if (!frame.hint.querySelector("button")) {
    const click = (): void => zoomTo(page, nearest);
    const button = element("button", { type: "button", class: "text-button", click }, say.zoomThere);
    refill(frame.hint, element("span", {}, say.nothingAtScale), button);
  }
}
