/** Swatches of the legend, in the shape of what they stand for. */
import type { Language, Layer, LegendEntry } from "./contract";
import { drawing, element } from "./element";

export function legend(entries: LegendEntry[], language: Language): HTMLElement {
  const rows = entries.map((entry) => element("li", {}, swatch(entry), entry.label[language]));
  return element("ul", { class: "legend" }, ...rows);
}

export function swatch({ shape, colour }: LegendEntry): SVGElement {
  return drawing(
    "svg",
    { class: "swatch", viewBox: "0 0 18 14", "aria-hidden": "true" },
    SHAPES[shape](colour),
  );
}

/** The swatch of one feature, or of its layer when the legend does not tell features apart. */
export function mark(layer: Layer, properties: Record<string, unknown>): SVGElement | null {
  const [first, ...more] = layer.legend;
  if (!first) return null;
  const labels = layer.fields.map((field) => field.codes?.[String(properties[field.name])]?.pl);
  const entry = layer.legend.find((known) => labels.includes(known.label.pl));
  return swatch(entry ?? (more.length ? { ...first, colour: NEUTRAL } : first));
}

const NEUTRAL = "#c3cad3";
const EDGE = "rgba(20, 25, 35, 0.45)";

const SHAPES: Record<LegendEntry["shape"], (colour: string) => SVGElement> = {
  fill: (fill) => drawing("rect", { x: 1.5, y: 1.5, width: 15, height: 11, rx: 2, fill, stroke: EDGE }),
  line: (stroke) => drawing("path", { d: "M1 11 6 4l5 5 6-6", stroke, "stroke-width": 2.6, fill: "none" }),
  circle: (fill) => drawing("circle", { cx: 9, cy: 7, r: 5.2, fill, stroke: EDGE }),
};
