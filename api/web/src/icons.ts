/** Line icons, 20 × 20, drawn in the colour of the text; they say nothing to a screen reader. */
import { drawing } from "./element";

const PATHS = {
  search: "M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M13.2 13.2 17 17",
  close: "M5 5l10 10M15 5 5 15",
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  locate: "M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M10 1.8v3M10 15.2v3M1.8 10h3M15.2 10h3",
  whole: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
  layers: "M10 3 2.5 7 10 11l7.5-4zM2.5 10.5l7.5 4 7.5-4M2.5 13.8l7.5 4 7.5-4",
  info: "M10 2.8a7.2 7.2 0 1 0 0 14.4 7.2 7.2 0 0 0 0-14.4M10 9v4.6M10 6.2v.6",
  target: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4M10 8.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6",
  list: "M4 5.5h12M4 10h12M4 14.5h12",
  next: "M8 4.5 13.5 10 8 15.5",
  link: "M8.5 11.5a3 3 0 0 0 4.3 0l2.9-2.9a3 3 0 0 0-4.3-4.3l-1 1M11.5 8.5a3 3 0 0 0-4.3 0l-2.9 2.9a3 3 0 0 0 4.3 4.3l1-1",
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGElement {
  const path = drawing("path", { d: PATHS[name] });
  return drawing(
    "svg",
    { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true", focusable: "false" },
    path,
  );
}
