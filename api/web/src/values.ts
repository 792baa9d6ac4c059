/** Values of a feature as a person reads them: codes by label, numbers and dates by language, units. */
import type { Field, Language, Layer } from "./contract";
import { sentences } from "./words";

const CITY_TIME = "Europe/Warsaw";
/** A feature without a label is called by so many of its codes, as a line by its network and type. */
const NAMING_CODES = 2;

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

/** The day in full and the hour as the city's clocks show it: "1 stycznia 2026, 09:15". */
function momentText(moment: string, language: Language): string {
  const day = written(moment, language, { dateStyle: "long", timeZone: CITY_TIME });
  const hour = written(moment, language, { timeStyle: "short", timeZone: CITY_TIME });
  return day === hour ? moment : `${day}, ${hour}`;
}

/** The day in figures: "1.01.2026". */
export function shortDay(day: string, language: Language): string {
  return written(day, language, { dateStyle: language === "pl" ? "short" : "medium", timeZone: "UTC" });
}

/** How a feature is called: its label, else what its first codes say it is, else its id. */
export function featureName(
  layer: Layer,
  properties: Record<string, unknown>,
  id: string,
  language: Language,
): string {
  const label = layer.label ? properties[layer.label] : null;
  if (label !== null && label !== undefined && label !== "") return String(label);
  return kindName(layer, properties, language) || id;
}

/** "Wodociągowa · wodociąg ogólny" */
function kindName({ fields }: Layer, properties: Record<string, unknown>, language: Language): string {
  const said = fields.flatMap((field) => field.codes?.[String(properties[field.name])]?.[language] ?? []);
  const name = said.slice(0, NAMING_CODES).join(" · ");
  return name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
}

const FORMATS: Record<Field["kind"], (value: unknown, language: Language) => string> = {
  text: String,
  integer: (value, language) => number(value, language, 0),
  number: (value, language) => number(value, language, 4),
  date: (value, language) => dayText(String(value), language),
  moment: (value, language) => momentText(String(value), language),
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
