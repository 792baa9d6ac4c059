/** Buttons over the map: zoom, the whole area, my position. */
import { Marker, type Map as MapView } from "maplibre-gl";
import type { Bounds } from "./contract";
import { element, refill } from "./element";
import { type IconName, icon } from "./icons";
import { START } from "./map";
import type { Page } from "./page";
import type { Sentences } from "./words";

/** Fill ``place`` with the buttons, named in the language of ``say``. */
export function fillControls(
  place: HTMLElement,
  map: MapView,
  whole: Bounds,
  say: Sentences,
  locate: () => void,
): void {
  refill(
    place,
    element(
      "div",
      { class: "control-group" },
      button("plus", say.zoomIn, () => map.zoomIn()),
      button("minus", say.zoomOut, () => map.zoomOut()),
    ),
    element(
      "div",
      { class: "control-group" },
      button("whole", say.whole, () => map.fitBounds(whole, START)),
      "geolocation" in navigator && button("locate", say.locate, locate),
    ),
  );
}

/** Ask the browser where we are and go there, or say why not. */
export function locator({ map, city, say, notice }: Page): () => void {
  const arrived = ({ coords }: GeolocationPosition): void => {
    const [west, south, east, north] = city.city.bounds;
    const { longitude: lon, latitude: lat } = coords;
    if (lon < west || lon > east || lat < south || lat > north)
      return notice.remark(say().locateOutside(city.city.name));
    map.getContainer().querySelector(".here")?.remove();
    new Marker({ element: element("div", { class: "here" }) }).setLngLat([lon, lat]).addTo(map);
    map.flyTo({ center: [lon, lat], zoom: Math.max(map.getZoom(), 17) });
  };
  const refused = (): void => notice.remark(say().locateFailed);
  const options = { enableHighAccuracy: true, timeout: 10_000 };
  return () => navigator.geolocation.getCurrentPosition(arrived, refused, options);
}

function button(name: IconName, label: string, click: () => void): HTMLButtonElement {
  return element(
    "button",
    { type: "button", class: "control", "aria-label": label, title: label, click },
    icon(name),
  );
}
