"""Cadastral parcels (działki ewidencyjne)."""

import pandas as pd

from cadastre.egib import LIFE, LOCAL_ID
from cadastre.identifiers import PARCEL, follows, parcel_parts
from cadastre.land_use import LAND_USES, prevailing
from layers import Code, Field, Layer, Rule, Source, Style


def name_parts(frame: pd.DataFrame) -> pd.DataFrame:
    """Add what an identifier says (district, sheet, number) and the prevailing land use."""
    nothing = pd.Series(None, index=frame.index, dtype="string")
    parts = parcel_parts(frame.get("idDzialki", nothing))
    uses = prevailing(frame.get("klasouzytek.OFU", nothing), frame.get("klasouzytek.powierzchnia", nothing))
    return frame.assign(obreb=parts["district"], arkusz=parts["sheet"], numer=parts["number"], OFU=uses)


LAYER = Layer(
    name="parcels",
    title={"pl": "Działki ewidencyjne", "en": "Cadastral parcels"},
    about={
        "pl": "Działki ewidencji gruntów i budynków: granice, numer, pole powierzchni i przeważający użytek.",
        "en": "Parcels of the register of land and buildings: boundary, number, area, prevailing land use.",
    },
    owner="Zarząd Geodezji i Katastru Miejskiego GEOPOZ",
    licence="CC-BY-4.0",
    geometry="Polygon",
    source=Source(feed="egib", classes=("EGB_DzialkaEwidencyjna",)),
    cadence="P1M",
    key="local_id",
    label="parcel_id",
    search=("parcel_id", "parcel_number"),
    unique=("parcel_id",),
    valid_from="version_from",
    prepare=name_parts,
    fields=(
        LOCAL_ID,
        Field(
            "parcel_id",
            "text",
            "Identyfikator działki",
            "Parcel identifier",
            source="idDzialki",
            required=True,
        ),
        Field("district_id", "text", "Obręb", "Cadastral district", source="obreb"),
        Field("sheet", "text", "Arkusz mapy", "Map sheet", source="arkusz"),
        Field("parcel_number", "text", "Numer działki", "Parcel number", source="numer"),
        Field(
            "area_ha",
            "number",
            "Pole ewidencyjne",
            "Register area",
            source=("poleEwidencyjne", "powierzchniaEwidencyjna"),
            unit="ha",
            bounds=(0, 30_000),
            required=True,
        ),
        Field(
            "area_precision",
            "text",
            "Dokładność pola",
            "Precision of the area",
            source=("dokladnoscReprezentacjiPola", "informacjaODokladnReprezentacjiPola"),
            codes=(Code("1", "do 1 m²", "to 1 m²"), Code("2", "do 1 ara", "to 100 m²")),
        ),
        Field(
            "land_use", "text", "Przeważający użytek", "Prevailing land use", source="OFU", codes=LAND_USES
        ),
        *LIFE,
    ),
    rules=(
        Rule(
            "parcel_id",
            "follows the grammar of parcel identifiers",
            lambda parcels: follows(parcels["parcel_id"], PARCEL),
            severity="warning",
        ),
    ),
    style=Style(
        "#f3efe6",
        by="land_use",
        colours={
            "B": "#f6e7d0",
            "Ba": "#e6dced",
            "Bi": "#f0dcd6",
            "Bz": "#d5e8c8",
            "dr": "#ffffff",
            "Ls": "#bfdcb0",
            "R": "#f7f2d2",
        },
        outline="#b3a78f",
        size_px=0.8,
        order=10,
        min_zoom=13,
    ),
)
