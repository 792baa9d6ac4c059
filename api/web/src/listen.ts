/** Mouse, fingers and keys on the map: pointer over features, click, Enter in the middle, faults of tiles. */
import type { ErrorEvent } from "maplibre-gl";
import { refreshTiles } from "./draw";
import { BASE_MAP } from "./map";
import { type Page, shownLayers } from "./page";
import { featuresAt } from "./pick";
import type { Selection } from "./selection";

export function listen(page: Page, selection: Selection): void {
  const { map, frame } = page;
  const canvas = map.getCanvas();
  let frameAsked = 0;
  map.on("mousemove", ({ point }) => {
    cancelAnimationFrame(frameAsked);
    frameAsked = requestAnimationFrame(() => {
      canvas.style.cursor = featuresAt(map, shownLayers(page), point).length ? "pointer" : "";
    });
  });
  map.on("click", ({ point }) => void selection.pickAt(point));
  canvas.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const middle = { x: canvas.clientWidth / 2, y: canvas.clientHeight / 2 };
    if (selection.pickAt(middle) === 0) page.notice.remark(page.say().nothingHere);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !frame.card.hidden) selection.close();
  });
}

/** Say in one sentence that tiles do not come, and offer to ask for them again. */
export function tellTileFaults(page: Page): void {
  const { map, city, notice } = page;
  let baseMapTold = false;
  const again = (): void => refreshTiles(map, city);
  map.on("error", (event: ErrorEvent & { sourceId?: string }) => {
    if (event.sourceId === BASE_MAP) {
      if (!baseMapTold) notice.remark(page.say().baseMapDown);
      baseMapTold = true;
      return;
    }
    const status = (event.error as { status?: number }).status ?? 0;
    const away = status === 0 || [502, 503, 504].includes(status);
    notice.fault(away ? page.say().unreachable : page.say().failed, again);
  });
}
