/** The sentences of the page, in Polish and English. */
import type { Language } from "./contract";

const pl = {
  mapOf: (city: string) => `Mapa miasta ${city}`,
  tagline: "System informacji przestrzennej",
  search: "Szukaj działki, drzewa, przystanku",
  clear: "Wyczyść wyszukiwanie",
  found: (n: string) => `Wyniki: ${n}`,
  nothingFound: (words: string) => `Nic nie znaleziono dla „${words}”.`,
  searching: "Szukam…",
  layers: "Warstwy",
  closeLayers: "Zamknij listę warstw",
  goTo: (title: string) => `Przejdź do warstwy: ${title}`,
  aboutLayer: (title: string) => `O warstwie: ${title}`,
  stand: (date: string) => `stan na ${date}`,
  standTerm: "Stan na",
  noData: "Brak danych",
  zoomToSee: "Przybliż, aby zobaczyć",
  nothingAtScale: "Włączone warstwy widać po przybliżeniu mapy.",
  nothingOn: "Wszystkie warstwy są wyłączone.",
  zoomThere: "Przybliż",
  noLayers: "Nie opublikowano jeszcze żadnej warstwy.",
  owner: "Właściciel danych",
  licence: "Licencja",
  dataset: "Zbiór w API",
  language: "Język",
  map: (city: string) =>
    `Mapa miasta ${city}. Strzałki przesuwają, plus i minus zmieniają skalę, Enter wybiera obiekt na środku.`,
  zoomIn: "Przybliż",
  zoomOut: "Oddal",
  whole: "Pokaż cały obszar danych",
  locate: "Pokaż moje położenie",
  locateFailed: "Nie udało się ustalić położenia. Sprawdź, czy przeglądarka ma na to zgodę.",
  locateOutside: (city: string) => `Twoje położenie jest poza obszarem mapy miasta ${city}.`,
  nothingHere: "W tym miejscu nie ma obiektów z włączonych warstw.",
  several: (n: string) => `${n} w tym miejscu`,
  closeCard: "Zamknij kartę obiektu",
  card: "Karta obiektu",
  loading: "Wczytuję…",
  copyLink: "Kopiuj odnośnik",
  copied: "Skopiowano odnośnik.",
  copyFailed: "Nie udało się skopiować. Odnośnik jest w pasku adresu.",
  page: "Strona obiektu",
  json: "GeoJSON",
  source: "Źródło",
  yes: "tak",
  no: "nie",
  unreachable: "Nie można połączyć się z serwerem. Sprawdź połączenie z internetem i spróbuj ponownie.",
  missing: "Tego obiektu nie ma w aktualnych danych. Mógł zostać usunięty lub zastąpiony.",
  failed: "Serwer nie mógł odpowiedzieć na to pytanie. Spróbuj ponownie za chwilę.",
  noMap: "Ta przeglądarka nie może narysować mapy, bo nie obsługuje WebGL 2. Dane są dostępne w API.",
  baseMapDown: "Podkład mapowy jest chwilowo niedostępny. Warstwy miasta działają.",
  again: "Spróbuj ponownie",
  dismiss: "Zamknij komunikat",
  api: "API",
  docs: "Dokumentacja",
};

export type Sentences = typeof pl;

const en: Sentences = {
  mapOf: (city) => `Map of ${city}`,
  tagline: "Spatial information system",
  search: "Search parcels, trees, stops",
  clear: "Clear the search",
  found: (n) => `Results: ${n}`,
  nothingFound: (words) => `Nothing was found for “${words}”.`,
  searching: "Searching…",
  layers: "Layers",
  closeLayers: "Close the list of layers",
  goTo: (title) => `Go to the layer: ${title}`,
  aboutLayer: (title) => `About the layer: ${title}`,
  stand: (date) => `as of ${date}`,
  standTerm: "As of",
  noData: "No data",
  zoomToSee: "Zoom in to see",
  nothingAtScale: "The chosen layers appear when you zoom in.",
  nothingOn: "All layers are switched off.",
  zoomThere: "Zoom in",
  noLayers: "No layer has been published yet.",
  owner: "Data owner",
  licence: "Licence",
  dataset: "Collection in the API",
  language: "Language",
  map: (city) =>
    `Map of ${city}. Arrows move the map, plus and minus zoom, Enter selects the feature in the middle.`,
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  whole: "Show the whole area of the data",
  locate: "Show my position",
  locateFailed: "Your position could not be found. Check that the browser is allowed to use it.",
  locateOutside: (city) => `Your position is outside the map of ${city}.`,
  nothingHere: "There is no feature of the chosen layers at this place.",
  several: (n) => `${n} at this place`,
  closeCard: "Close the feature card",
  card: "Feature card",
  loading: "Loading…",
  copyLink: "Copy link",
  copied: "The link is copied.",
  copyFailed: "The link could not be copied. It is in the address bar.",
  page: "Feature page",
  json: "GeoJSON",
  source: "Source",
  yes: "yes",
  no: "no",
  unreachable: "The server cannot be reached. Check your internet connection and try again.",
  missing: "This feature is not in the current data. It may have been removed or replaced.",
  failed: "The server could not answer this question. Try again in a moment.",
  noMap: "This browser cannot draw the map because it lacks WebGL 2. The data are available through the API.",
  baseMapDown: "The base map is not available at the moment. The city's layers work.",
  again: "Try again",
  dismiss: "Close the message",
  api: "API",
  docs: "Documentation",
};

const SENTENCES: Record<Language, Sentences> = { pl, en };

const COUNTED: Record<Language, Partial<Record<Intl.LDMLPluralRule, string>>> = {
  pl: { one: "obiekt", few: "obiekty", many: "obiektów", other: "obiektu" },
  en: { one: "feature", other: "features" },
};

export function sentences(language: Language): Sentences {
  return SENTENCES[language];
}

/** "1 obiekt", "3 obiekty", "2013 obiektów". */
export function counted(n: number, language: Language): string {
  const noun = COUNTED[language][new Intl.PluralRules(language).select(n)] ?? "";
  return `${new Intl.NumberFormat(language).format(n)} ${noun}`;
}
