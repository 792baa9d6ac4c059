/** Mouse, fingers and keys on the map: pointer over features, click, Enter in the middle, faults of tiles. */
import type { ErrorEvent } from "maplibre-gl";
import { BASE_MAP } from "./map";
import { type Page, shownLayers } from "./page";
import { featuresAt } from "./pick";
import type { Selection } from "./selection";

export function listen(page: Page, selection: Selection): void {
  const { map, frame } = page;
  const canvas = map.getCanvas();
  // Who cannot see tiles arrive is told when the map is complete.
  map.on("render", () => canvas.setAttribute("aria-busy", "true"));
  map.on("idle", () => canvas.setAttribute("aria-busy", "false"));
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

type TileName = { x: number; y: number; z: number };
type FailedTile = { tileID: { canonical: TileName } };
type TileFault = ErrorEvent & { sourceId?: string; tile?: FailedTile };

/** Say in one sentence that tiles do not come, and offer to ask for them again. */
export function tellTileFaults(page: Page): void {
  const { map, notice } = page;
  let baseMapTold = false;
  const missing = new Map<string, [source: string, tile: TileName]>();
  // By name, because MapLibre 6.17 waits for ever when a source with failed tiles is refreshed as a whole.
  const again = (): void => {
    const asked = [...missing.values()];
    missing.clear();
    for (const [source, tile] of asked) map.refreshTiles(source, [tile]);
  };
  map.on("error", (event: TileFault) => {
    if (event.sourceId === BASE_MAP) {
      if (!baseMapTold) notice.remark(page.say().baseMapDown);
      baseMapTold = true;
      return;
    }
    const { sourceId, tile } = event;
    if (sourceId && tile) missing.set(sourceId + tileName(tile), [sourceId, tile.tileID.canonical]);
    const status = (event.error as { status?: number }).status ?? 0;
    const away = status === 0 || [502, 503, 504].includes(status);
    notice.fault(away ? page.say().unreachable : page.say().failed, again);
  });
}

function tileName({ tileID: { canonical } }: FailedTile): string {
  return `:${canonical.z}/${canonical.x}/${canonical.y}`;
}
