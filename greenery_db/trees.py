"""Trees in the care of the city."""

from datetime import date

import pandas as pd

from layers import Code, Field, Layer, Points, Rule, Source, Style

# A species name is written `Tilia cordata`, a hybrid `Platanus x hispanica`.
PARIS_SPECIES = ("GENRE", "ESPECE")
# A later day of inspection is a slip of the pen, as a later year of planting is.
LATEST = date(2100, 1, 1)


def tidy_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Bring foreign writings to ours: coordinates, species of two columns, the number on the street."""
    added = {}
    if "geo_point_2d" in frame:
        lat_lon = frame["geo_point_2d"].str.split(",", n=1, expand=True).reindex(columns=[0, 1])
        added |= {"lat": lat_lon[0], "lon": lat_lon[1]}
    if set(PARIS_SPECIES) <= set(frame.columns):
        added["GATUNEK"] = frame["GENRE"].str.cat(frame["ESPECE"], sep=" ", na_rep="").str.strip()
    if {"ULICA", "NR_DRZEWA"} <= set(frame.columns):
        # A table with types delivers the number as 12.0.
        number = frame["NR_DRZEWA"].astype("str").str.removesuffix(".0").where(frame["NR_DRZEWA"].notna())
        added["NR_ULICZNY"] = frame["ULICA"].astype("str").str.cat(number, sep=" ")
    if "Stanje" in frame:
        added["Stanje"] = frame["Stanje"].mask(frame["Stanje"].eq("ni podatka"))
    return frame.assign(**added)


LAYER = Layer(
    name="trees",
    title={"pl": "Drzewa", "en": "Trees"},
    about={
        "pl": "Drzewa na gruntach miejskich według ostatniej inwentaryzacji.",
        "en": "Every tree on municipal land, as last surveyed.",
    },
    owner="Zarząd Zieleni Miejskiej",
    licence="CC-BY-4.0",
    geometry="Point",
    source=Source(
        points=(
            Points("WSP_E", "WSP_N", "EPSG:2177"),
            Points("lon", "lat", "EPSG:4326"),
            Points("longitude", "latitude", "EPSG:4326"),
        )
    ),
    cadence="P1Y",
    key="tree_id",
    label="tree_id",
    search=("tree_id", "street_number"),
    prepare=tidy_names,
    fields=(
        Field(
            "tree_id",
            "text",
            "Numer inwentarzowy",
            "Inventory number",
            source=("NUMER", "NUMER_INWENTARYZACYJNY", "ID_DREVESA", "IDBASE"),
            required=True,
        ),
        Field(
            "species",
            "text",
            "Gatunek",
            "Species",
            source=("GATUNEK", "NAZWA_LACINSKA", "species_latin"),
            expected=True,
        ),
        Field(
            "species_pl",
            "text",
            "Nazwa gatunku",
            "Common name",
            source=("NAZWA_POLSKA", "Vrsta_drev", "LIBELLE FRANCAIS"),
        ),
        Field(
            "girth_cm",
            "number",
            "Obwód pnia na 130 cm",
            "Girth at 1.3 m",
            source=("OBWOD_PNIA_CM", "OBWOD_PNIA_W_CM", "Obseg", "CIRCONFERENCE (cm)"),
            unit="cm",
            bounds=(1, 1500),
        ),
        Field(
            "height_m",
            "number",
            "Wysokość",
            "Height",
            source=("WYSOKOSC_M", "WYSOKOSC", "HAUTEUR (m)"),
            unit="m",
            bounds=(0, 60),
        ),
        Field(
            "crown_m",
            "number",
            "Średnica korony",
            "Crown diameter",
            source="SREDNICA_KORONY_M",
            unit="m",
            bounds=(0, 40),
        ),
        Field(
            "vitality",
            "text",
            "Żywotność",
            "Vitality",
            source=("ZYWOTNOSC", "Stanje"),
            codes=(
                Code("good", "dobra", "good", also=("dobra", "Dobro")),
                Code("fair", "średnia", "fair", also=("srednia", "średnia", "Zmerno")),
                Code("poor", "słaba", "poor", also=("slaba", "słaba", "Slabo")),
                Code("dead", "martwe", "dead", also=("martwe", "Suho")),
            ),
        ),
        Field(
            "planted_year",
            "integer",
            "Rok posadzenia",
            "Year of planting",
            source="ROK_POSADZENIA",
            bounds=(1500, 2100),
        ),
        Field("inspected", "date", "Data przeglądu", "Day of inspection", source="DATA_PRZEGLADU"),
        Field("street", "text", "Ulica", "Street", source=("ULICA", "Obmocje", "LIEU / ADRESSE")),
        Field("street_number", "text", "Numer uliczny drzewa", "Number on the street", source="NR_ULICZNY"),
        Field("habitat", "text", "Siedlisko", "Growing place", source=("SIEDLISKO", "DOMANIALITE")),
    ),
    rules=(Rule("inspected", "is before 2100", lambda trees: ~(trees["inspected"] >= LATEST)),),
    style=Style(
        "#6b8f5e",
        by="vitality",
        colours={"good": "#2e7d32", "fair": "#9e9d24", "poor": "#d84315", "dead": "#5d4037"},
        size_px=4,
        order=70,
        min_zoom=13,
    ),
)
