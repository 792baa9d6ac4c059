/** Values of a feature as a person reads them: codes by label, numbers and dates by language, units. */
import type { Field, Language, Layer } from "./contract";
import { sentences } from "./words";

const CITY_TIME = "Europe/Warsaw";

/** The value as text, or null when there is nothing to show. */
export function valueText(value: unknown, field: Field, language: Language): string | null {
  if (value === null || value === undefined || value === "") return null;
  const code = field.codes?.[String(value)];
  if (code) return code[language];
  const text = FORMATS[field.kind](value, language);
  return field.unit ? `${text} ${field.unit}` : text;
}

/** The day in full: "1 stycznia 2026". */
export function dayText(day: string, language: Language): string {
  // A date without a time is read as midnight UTC, so it is written in UTC too.
  return written(day, language, { dateStyle: "long", timeZone: "UTC" });
}

/** The day in figures: "1.01.2026". */
export function shortDay(day: string, language: Language): string {
  return written(day, language, { dateStyle: language === "pl" ? "short" : "medium", timeZone: "UTC" });
}

/** How a feature is called: its label, else its id. */
export function featureName(layer: Layer, properties: Record<string, unknown>, id: string): string {
  const label = layer.label ? properties[layer.label] : null;
  return label === null || label === undefined || label === "" ? id : String(label);
}

const FORMATS: Record<Field["kind"], (value: unknown, language: Language) => string> = {
  text: String,
  integer: (value, language) => number(value, language, 0),
  number: (value, language) => number(value, language, 4),
  date: (value, language) => dayText(String(value), language),
  moment: (value, language) =>
    written(String(value), language, { dateStyle: "long", timeStyle: "short", timeZone: CITY_TIME }),
  flag: (value, language) => (value ? sentences(language).yes : sentences(language).no),
};

function number(value: unknown, language: Language, digits: number): string {
  // Grouping starts at five figures, so that years stay as they are.
  const format = new Intl.NumberFormat(locale(language), {
    maximumFractionDigits: digits,
    useGrouping: "min2",
  });
  return Number.isFinite(Number(value)) ? format.format(Number(value)) : String(value);
}

function written(moment: string, language: Language, options: Intl.DateTimeFormatOptions): string {
  const read = new Date(moment);
  return Number.isNaN(read.getTime())
    ? moment
    : new Intl.DateTimeFormat(locale(language), options).format(read);
}

function locale(language: Language): string {
  return language === "en" ? "en-GB" : language;
}
