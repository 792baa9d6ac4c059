"""The GESUT delivery: utility networks (geodezyjna ewidencja sieci uzbrojenia terenu) as national GML."""

from layers import Code, Feed, Field

FEED = Feed(
    name="gesut",
    title={"pl": "Sieci uzbrojenia terenu (GESUT)", "en": "Utility networks (GESUT)"},
    namespaces=(
        "geodezyjnaEwidencjaSieciUzbrojeniaTerenu:1.0",
        "urn:gugik:specyfikacje:gmlas:geodezyjnaEwidencjaSieciUzbrojeniaTerenu:1.0",
    ),
    version_end=("koniecWersjaObiekt", "koniecWersjiObiektu"),
    object_end="koniecObiekt",
)

# Source: schema GESUT 1.3tech, GES_RodzajSieci; `also` are the words of the 2015 schema.
NETWORKS = (
    Code("w", "wodociągowa", "water", also=("wodociagowy",)),
    Code("k", "kanalizacyjna", "sewer", also=("kanalizacyjny",)),
    Code("e", "elektroenergetyczna", "electricity", also=("elektroenergetyczny",)),
    Code("g", "gazowa", "gas", also=("gazowy",)),
    Code("c", "ciepłownicza", "district heating", also=("cieplowniczy",)),
    Code("t", "telekomunikacyjna", "telecommunications", also=("telekomunikacyjny",)),
    Code("s", "specjalna", "special", also=("benzynowy", "naftowy", "inny")),
    Code("x", "niezidentyfikowana", "unidentified", also=("niezidentyfikowany",)),
)
NETWORK_OF = {word: code.value for code in NETWORKS for word in (code.value, *code.also)}
# The colours of the national base map (K-1) for each network.
NETWORK_COLOURS = {
    "w": "#1565c0",
    "k": "#6d4c41",
    "e": "#c62828",
    "g": "#c7a008",
    "c": "#ad1457",
    "t": "#ef6c00",
    "s": "#37474f",
}

SOURCES = (
    Code("O", "pomiar na osnowę", "direct survey", also=("pomiarNaOsnowe",)),
    Code("A", "wykrywacz przewodów", "cable locator", also=("pomiarWykrywaczemPrzewodow",)),
    Code("D", "digitalizacja i wektoryzacja", "vectorised map", also=("digitalizacjaIWektoryzacja",)),
    Code("F", "fotogrametria", "photogrammetry", also=("fotogrametria",)),
    Code("M", "pomiar do szczegółów mapy", "survey to map details", also=("pomiarWOparciuOElementyMapy",)),
    Code("B", "dane branżowe", "operator's data", also=("daneBranzowe",)),
    Code(
        "K",
        "dokumentacja z narady",
        "coordination meeting",
        also=("dokumentacjaZNarady", "pozwolenieNaBudowe", "zgloszenieBudowy", "dokumentacjaZWytyczenia"),
    ),
    Code("I", "inne", "other", also=("inne",)),
    Code("X", "nieokreślone", "not stated", also=("nieokreslone", "niepoprawne")),
)
STATES = (
    Code("i", "istniejący", "existing", also=("istniejacy",)),
    Code("p", "projektowany", "projected", also=("projektowany", "wBudowie")),
)
OPERATION = (
    Code("c", "czynny", "in operation", also=("czynny",)),
    Code("n", "nieczynny", "out of operation", also=("nieczynny",)),
)

# What every GESUT object carries (GES_ObiektGESUT).
LOCAL_ID = Field(
    "local_id", "text", "Identyfikator lokalny IIP", "Local identifier", source="lokalnyId", required=True
)
NETWORK = Field("network", "text", "Sieć", "Network", source="siec", codes=NETWORKS)
LIFE = (
    Field("status", "text", "Status", "Status", source=("status", "istnienie"), codes=STATES, expected=True),
    Field("operation", "text", "Eksploatacja", "Operation", source="eksploatacja", codes=OPERATION),
    Field(
        "data_source", "text", "Źródło danych", "Data source", source="zrodlo", codes=SOURCES, expected=True
    ),
    Field("survey_record", "text", "Numer operatu", "Survey record", source="numerOperatu"),
    Field("accepted", "date", "Przyjęto do zasobu", "Accepted", source="dataPrzyjeciaDoZasobu"),
    Field(
        "operator",
        "text",
        "Władający",
        "Operator",
        source=("wladajacy", "wladajacy.nazwaPelna"),
        access="internal",
        reason="May name a private person",
        legal_basis="RODO art. 6 ust. 1; Prawo geodezyjne i kartograficzne art. 28b",
    ),
    Field("object_from", "moment", "Obiekt od", "Object since", source="startObiekt"),
    Field(
        "version_from",
        "moment",
        "Wersja od",
        "Version since",
        source=("startWersjaObiekt", "poczatekWersjiObiektu"),
        required=True,
    ),
)
