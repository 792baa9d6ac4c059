"""Cadastral districts (obręby ewidencyjne)."""

from cadastre.egib import LIFE, LOCAL_ID
from cadastre.identifiers import DISTRICT, follows
from layers import Field, Layer, Rule, Source, Style

LAYER = Layer(
    name="cadastral_districts",
    title={"pl": "Obręby ewidencyjne", "en": "Cadastral districts"},
    about={
        "pl": "Obręby ewidencyjne: jednostki podziału ewidencji gruntów i budynków.",
        "en": "Cadastral districts: the units into which the register of land and buildings is divided.",
    },
    owner="Zarząd Geodezji i Katastru Miejskiego GEOPOZ",
    licence="CC-BY-4.0",
    geometry="MultiPolygon",
    source=Source(feed="egib", classes=("EGB_ObrebEwidencyjny",)),
    cadence="P1Y",
    key="local_id",
    label="name",
    search=("district_id",),
    unique=("district_id",),
    valid_from="version_from",
    fields=(
        LOCAL_ID,
        Field(
            "district_id",
            "text",
            "Identyfikator obrębu",
            "District identifier",
            source="idObrebu",
            required=True,
        ),
        Field("name", "text", "Nazwa", "Name", source="nazwaWlasna", expected=True),
        *LIFE,
    ),
    rules=(
        Rule(
            "district_id",
            "follows the grammar of district identifiers",
            lambda districts: follows(districts["district_id"], DISTRICT),
            severity="warning",
        ),
    ),
    style=Style("#9b2d5e", outline="#9b2d5e", opacity=0, size_px=2.2, order=30),
)
