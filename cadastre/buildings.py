"""Buildings (budynki)."""

from cadastre.egib import LIFE, LOCAL_ID
from cadastre.identifiers import BUILDING, follows
from layers import Code, Field, Layer, Rule, Source, Style

# Source: schema EGIB 1.11, EGB_RodzajWgKST; `also` are the numbers of the 2015 schema.
KINDS = (
    Code("m", "mieszkalny", "residential", also=("110",)),
    Code("g", "produkcyjny, usługowy i gospodarczy", "production, service and farm", also=("108",)),
    Code("t", "transportu i łączności", "transport and communications", also=("102",)),
    Code("k", "oświaty, nauki, kultury i sportu", "education, science, culture and sport", also=("107",)),
    Code("z", "szpitala i opieki zdrowotnej", "hospital and health care", also=("106",)),
    Code("b", "biurowy", "office", also=("105",)),
    Code("h", "handlowo-usługowy", "trade and services", also=("103",)),
    Code("p", "przemysłowy", "industrial", also=("101",)),
    Code("s", "zbiornik, silos, budynek magazynowy", "tank, silo, warehouse", also=("104",)),
    Code("i", "inny niemieszkalny", "other non-residential", also=("109",)),
)

LAYER = Layer(
    name="buildings",
    title={"pl": "Budynki", "en": "Buildings"},
    about={
        "pl": "Budynki ewidencji gruntów i budynków: obrys, rodzaj, kondygnacje i powierzchnia zabudowy.",
        "en": "Buildings of the register of land and buildings: outline, kind, storeys and footprint area.",
    },
    owner="Zarząd Geodezji i Katastru Miejskiego GEOPOZ",
    licence="CC-BY-4.0",
    geometry="MultiPolygon",
    source=Source(feed="egib", classes=("EGB_Budynek",)),
    cadence="P1M",
    key="local_id",
    label="building_id",
    valid_from="version_from",
    fields=(
        LOCAL_ID,
        Field(
            "building_id",
            "text",
            "Identyfikator budynku",
            "Building identifier",
            source="idBudynku",
            required=True,
        ),
        Field("kind", "text", "Rodzaj według KŚT", "Kind", source="rodzajWgKST", codes=KINDS, expected=True),
        Field(
            "storeys_above",
            "integer",
            "Kondygnacje nadziemne",
            "Storeys above ground",
            source="liczbaKondygnacjiNadziemnych",
            bounds=(0, 100),
        ),
        Field(
            "storeys_below",
            "integer",
            "Kondygnacje podziemne",
            "Storeys below ground",
            source="liczbaKondygnacjiPodziemnych",
            bounds=(0, 20),
        ),
        Field(
            "footprint_m2",
            "number",
            "Powierzchnia zabudowy",
            "Footprint area",
            source="powZabudowy",
            unit="m2",
            bounds=(0, 1_000_000),
        ),
        Field(
            "parcels",
            "text",
            "Działki zabudowane (identyfikatory lokalne)",
            "Parcels built on (local identifiers)",
            source=("dzialkaZabudowana", "dzialkaZabudowanaBudynkiem"),
        ),
        *LIFE,
    ),
    rules=(
        Rule(
            "building_id",
            "follows the grammar of building identifiers",
            lambda buildings: follows(buildings["building_id"], BUILDING),
            severity="warning",
        ),
    ),
    style=Style(
        "#a39a8c",
        by="kind",
        colours={
            "m": "#c98d6b",
            "g": "#a39a8c",
            "k": "#7d9cc0",
            "h": "#b57fa6",
            "p": "#8d86a8",
            "b": "#8aa3a8",
            "t": "#9c9c9c",
        },
        outline="#6d6357",
        size_px=0.8,
        order=20,
        min_zoom=14,
    ),
)
