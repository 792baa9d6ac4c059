/** The map page: ask for the city's layers, draw them, and keep list, card and address in step. */
import "maplibre-gl/dist/maplibre-gl.css";
import "./css/index.css";
import { readAddress } from "./address";
import type { City, Language } from "./contract";
import { drawLayers, showLayers } from "./draw";
import { workDrawer } from "./drawer";
import { startBounds } from "./extent";
import { makeFrame } from "./frame";
import { addHighlight } from "./highlight";
import { updateHint } from "./hint";
import { firstVisible, keepAddress } from "./link";
import { listen, tellTileFaults } from "./listen";
import { makeMap } from "./map";
import { notice } from "./notice";
import type { Page } from "./page";
import { workSelection } from "./selection";
import { fetchCity, troubleOf } from "./server";
import { speak } from "./speak";
import { type Watched, watched } from "./watched";
import { sentences } from "./words";

const LABEL_FONT = "16px SourceSans";

const frame = makeFrame();
const address = readAddress(location.hash);
const language: Watched<Language> = watched<Language>(address.language ?? "pl");
const say = () => sentences(language.get());
const messages = notice(frame.message, say);
document.documentElement.lang = language.get();
// Until the city is known, and if the server is away, the page still says what it is.
frame.name.textContent = "mesip";
frame.tagline.textContent = say().tagline;
workDrawer(frame);
void begin();

async function begin(): Promise<void> {
  // Labels are drawn once and kept, so the font must be there before the first of them.
  const font = document.fonts.load(LABEL_FONT, "0123/Łą").catch(() => []);
  const city = await fetchCity().catch((error: unknown) => {
    messages.fault(say()[troubleOf(error)], () => void begin());
    return null;
  });
  await font;
  if (city) open(city);
}

function open(city: City): void {
  const page = makePage(city);
  if (!page) return messages.fault(say().noMap);
  const selection = workSelection(page);
  let list = speak(page, selection);
  const follow = (): void => {
    list.update(page.visible.get(), page.map.getZoom());
    updateHint(page);
  };
  const retell = (): void => {
    list = speak(page, selection);
    frame.hint.replaceChildren();
    follow();
  };
  follow();
  language.watch(retell);
  page.visible.watch(follow);
  page.map.on("zoom", follow);
  page.map.on("load", () => draw(page));
  listen(page, selection);
  tellTileFaults(page);
  keepAddress(page, selection);
  const { feature, view } = address;
  if (feature) page.map.once("load", () => void selection.choose(feature, view === null));
}

function makePage(city: City): Page | null {
  try {
    const map = makeMap(frame.view, city, address.view, startBounds(city));
    const visible = watched(firstVisible({ city }, address));
    return { frame, city, map, notice: messages, language, visible, selected: watched(null), say } as Page;
  } catch {
    // MapLibre throws when the browser has no WebGL 2; the page says so in a sentence.
    return null;
  }
}

function draw(page: Page): void {
  drawLayers(page.map, page.city, page.visible.get());
  addHighlight(page.map);
  page.visible.watch((visible) => showLayers(page.map, page.city, visible));
}
