/** Swatches of the legend, in the shape of what they stand for. */
import type { Field, Language, Layer, LegendEntry } from "./contract";
import { drawing, element } from "./element";

/** What the colours of the layer mean, under the name of the field that they stand for. */
export function legend(layer: Layer, language: Language): HTMLElement {
  const title = told(layer)?.title[language];
  const rows = layer.legend.map((entry) =>
    element("li", {}, swatch(entry, opacity(layer)), entry.label[language]),
  );
  return element(
    "div",
    { class: "legend" },
    title ? element("p", {}, title) : null,
    element("ul", { "aria-label": title ?? null }, ...rows),
  );
}

/** The swatch of a layer that is drawn in one colour. */
export function onlySwatch(layer: Layer): SVGElement | null {
  const [only, ...more] = layer.legend;
  return only && more.length === 0 ? swatch(only, opacity(layer)) : null;
}

/** The swatch of one feature, or of its layer when the legend does not tell features apart. */
export function mark(layer: Layer, properties: Record<string, unknown>): SVGElement | null {
  const [first, ...more] = layer.legend;
  if (!first) return null;
  const labels = layer.fields.map((field) => field.codes?.[String(properties[field.name])]?.pl);
  const entry = layer.legend.find((known) => labels.includes(known.label.pl));
  return swatch(entry ?? (more.length ? { ...first, colour: NEUTRAL } : first), opacity(layer));
}

/** The field whose codes the legend explains. */
function told({ legend: [first], fields }: Layer): Field | undefined {
  return fields.find(({ codes }) => Object.values(codes ?? {}).some(({ pl }) => pl === first?.label.pl));
}

function opacity({ style }: Layer): number {
  const stated = style.find(({ type }) => type === "fill")?.paint?.["fill-opacity"];
  return typeof stated === "number" ? stated : 1;
}

function swatch({ shape, colour }: LegendEntry, opaque: number): SVGElement {
  const attributes = { class: "swatch", viewBox: "0 0 18 14", "aria-hidden": "true" };
  return drawing("svg", attributes, SHAPES[shape](colour, opaque));
}

const NEUTRAL = "#c3cad3";
const EDGE = "rgba(20, 25, 35, 0.45)";
const AREA = { x: 1.5, y: 1.5, width: 15, height: 11, rx: 2 };

/** An area that lets others through is known by its edge. */
function edge(colour: string, opacity: number): Record<string, string | number> {
  return { "fill-opacity": opacity, stroke: opacity < 0.5 ? colour : EDGE };
}

const SHAPES: Record<LegendEntry["shape"], (colour: string, opacity: number) => SVGElement> = {
  fill: (fill, opacity) => drawing("rect", { ...AREA, fill, ...edge(fill, opacity) }),
  line: (stroke) => drawing("path", { d: "M1 11 6 4l5 5 6-6", stroke, "stroke-width": 2.6, fill: "none" }),
  circle: (fill) => drawing("circle", { cx: 9, cy: 7, r: 5.2, fill, stroke: EDGE }),
};
