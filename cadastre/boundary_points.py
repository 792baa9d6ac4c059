"""Boundary points of parcels (punkty graniczne)."""

from cadastre.egib import LIFE, LOCAL_ID
from layers import Code, Field, Layer, Source, Style

# Source: schema EGIB 1.11, EGB_KodStabilizacji.
MONUMENTS = (
    Code("1", "brak informacji", "no information"),
    Code("2", "niestabilizowany", "not monumented"),
    Code("3", "znak naziemny", "surface mark"),
    Code("4", "znak naziemny i podziemny", "surface and underground mark"),
    Code("5", "znak podziemny", "underground mark"),
    Code("6", "szczegół terenowy", "terrain feature"),
)

LAYER = Layer(
    name="boundary_points",
    title={"pl": "Punkty graniczne", "en": "Boundary points"},
    about={
        "pl": "Punkty graniczne działek: numer, sposób pozyskania, dokładność i stabilizacja.",
        "en": "Boundary points of parcels: number, way of acquisition, accuracy and monument.",
    },
    owner="Zarząd Geodezji i Katastru Miejskiego GEOPOZ",
    licence="CC-BY-4.0",
    geometry="Point",
    source=Source(feed="egib", classes=("EGB_PunktGraniczny",)),
    cadence="P1M",
    key="local_id",
    label="point_id",
    valid_from="version_from",
    fields=(
        LOCAL_ID,
        Field(
            "point_id", "text", "Identyfikator punktu", "Point identifier", source="idPunktu", expected=True
        ),
        Field(
            "acquisition",
            "text",
            "Sposób pozyskania",
            "Way of acquisition",
            source="sposobPozyskania",
            codes=(Code("1", "ustalony", "established"), Code("2", "nieustalony", "not established")),
        ),
        Field(
            "accuracy",
            "text",
            "Warunki dokładnościowe",
            "Accuracy conditions",
            source="spelnienieWarunkowDokl",
            codes=(Code("1", "spełnia", "met"), Code("2", "nie spełnia", "not met")),
        ),
        Field(
            "monument",
            "text",
            "Rodzaj stabilizacji",
            "Monument",
            source=("rodzajStabilizacji", "kodStabilizacji"),
            codes=MONUMENTS,
        ),
        Field(
            "mark",
            "text",
            "Oznaczenie w materiale źródłowym",
            "Mark in the source material",
            source="oznWMaterialeZrodlowym",
        ),
        Field("survey_record", "text", "Numer operatu", "Survey record", source="numerOperatuTechnicznego"),
        *LIFE,
    ),
    style=Style("#7a3b2e", outline="#ffffff", size_px=3, order=50, min_zoom=17, shown=False),
)
