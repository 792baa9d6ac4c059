"""Utility lines (przewody sieci uzbrojenia terenu)."""

import pandas as pd

from layers import Code, Field, Layer, Source, Style
from utilities_network.gesut import LIFE, LOCAL_ID, NETWORK, NETWORK_COLOURS

# Class of the national schema → network; the last three are of 2015 only.
NETWORK_OF_CLASS = {
    "GES_PrzewodWodociagowy": "w",
    "GES_PrzewodKanalizacyjny": "k",
    "GES_PrzewodElektroenergetyczny": "e",
    "GES_PrzewodGazowy": "g",
    "GES_PrzewodCieplowniczy": "c",
    "GES_PrzewodTelekomunikacyjny": "t",
    "GES_PrzewodSpecjalny": "s",
    "GES_PrzewodNiezidentyfikowany": "x",
    "GES_PrzewodBenzynowy": "s",
    "GES_PrzewodNaftowy": "s",
    "GES_PrzewodInny": "s",
}
TYPE_OF_CLASS = {"GES_PrzewodBenzynowy": "b", "GES_PrzewodNaftowy": "n", "GES_PrzewodInny": "i"}
TYPE_COLUMNS = ("typPrzewodu", "typWodoc", "typKanal", "typElektr", "typGaz", "typCiep")

# A code means different things in different networks, so the network's letter goes before it.
TYPES = (
    Code("w_o", "wodociąg ogólny", "public water main", also=("w_ogolny",)),
    Code("w_l", "wodociąg lokalny", "local water main", also=("w_lokalny",)),
    Code("k_o", "kanalizacja ogólnospławna", "combined sewer", also=("k_ogolnosplawny",)),
    Code("k_d", "kanalizacja deszczowa", "rain sewer", also=("k_deszczowy",)),
    Code("k_s", "kanalizacja sanitarna", "sanitary sewer", also=("k_sanitarny",)),
    Code("k_p", "kanalizacja przemysłowa", "industrial sewer", also=("k_przemyslowy",)),
    Code("k_l", "kanalizacja lokalna", "local sewer", also=("k_lokalny",)),
    Code(
        "e_ww",
        "najwyższe napięcie, 145–750 kV",
        "extra-high voltage, 145–750 kV",
        also=("e_najwyzszegoNapiecia",),
    ),
    Code("e_w", "wysokie napięcie, 45–145 kV", "high voltage, 45–145 kV", also=("e_wysokiegoNapiecia",)),
    Code("e_s", "średnie napięcie, 1–45 kV", "medium voltage, 1–45 kV", also=("e_sredniegoNapiecia",)),
    Code("e_n", "niskie napięcie, 0,4–1 kV", "low voltage, 0.4–1 kV", also=("e_niskiegoNapiecia",)),
    Code("g_w", "gaz wysokiego ciśnienia", "high-pressure gas", also=("g_wysokiegoCisnienia",)),
    Code(
        "g_p",
        "gaz podwyższonego średniego ciśnienia",
        "raised medium-pressure gas",
        also=("g_podwyzszonegoSredniegoCisnienia",),
    ),
    Code("g_s", "gaz średniego ciśnienia", "medium-pressure gas", also=("g_sredniegoCisnienia",)),
    Code("g_n", "gaz niskiego ciśnienia", "low-pressure gas", also=("g_niskiegoCisnienia",)),
    Code("c_w", "ciepło wysokiego parametru", "high-temperature heat", also=("c_wysokiParametr",)),
    Code("c_n", "ciepło niskiego parametru", "low-temperature heat", also=("c_niskiParametr",)),
    Code("t_s", "światłowód", "optical fibre"),
    Code("t_i", "inny telekomunikacyjny", "other telecommunications"),
    Code("s_b", "benzynowy", "petrol"),
    Code("s_n", "naftowy", "oil"),
    Code("s_i", "inny specjalny", "other special"),
)


def name_networks(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the network that the class tells, the type under its letter, and the 2015 pressure flag."""
    network = frame["class"].map(NETWORK_OF_CLASS)
    type_ = frame["class"].map(TYPE_OF_CLASS)
    for column in TYPE_COLUMNS:
        if column in frame:
            type_ = type_.fillna(frame[column])
    added = {"siec": network, "typ": network + "_" + type_}
    if "tloczny" in frame:
        added["tlocznosc"] = frame["tloczny"].map({"true": "t", "1": "t", "false": "g", "0": "g"})
    return frame.assign(**added)


LAYER = Layer(
    name="utility_lines",
    title={"pl": "Przewody uzbrojenia terenu", "en": "Utility lines"},
    about={
        "pl": "Przewody sieci uzbrojenia terenu (GESUT): sieć, typ, przebieg, średnica i źródło danych.",
        "en": "Lines of the utility networks (GESUT): network, type, course, diameter and data source.",
    },
    owner="Zarząd Geodezji i Katastru Miejskiego GEOPOZ",
    licence="CC-BY-4.0",
    geometry="LineString",
    source=Source(feed="gesut", classes=tuple(NETWORK_OF_CLASS)),
    cadence="P1M",
    key="local_id",
    valid_from="version_from",
    prepare=name_networks,
    fields=(
        LOCAL_ID,
        NETWORK,
        Field("line_type", "text", "Typ przewodu", "Type of line", source="typ", codes=TYPES),
        Field(
            "function",
            "text",
            "Funkcja",
            "Function",
            source="funkcja",
            codes=(
                Code("g", "przewód główny", "main", also=("przesylowy", "rozdzielczy")),
                Code("p", "przyłącze", "connection", also=("przylacze",)),
                Code("i", "inna (model 2015)", "other (2015 schema)", also=("inny",)),
            ),
        ),
        Field(
            "course",
            "text",
            "Przebieg",
            "Course",
            source="przebieg",
            codes=(
                Code("p", "podziemny", "underground", also=("podziemny",)),
                Code("z", "naziemny", "on the ground", also=("naziemny",)),
                Code("n", "nadziemny", "overhead", also=("nadziemny",)),
            ),
        ),
        Field(
            "sewer_flow",
            "text",
            "Rodzaj kanalizacji",
            "Flow in the sewer",
            source=("rodzaj", "tlocznosc"),
            codes=(Code("g", "grawitacyjna", "by gravity"), Code("t", "tłoczna", "under pressure")),
        ),
        Field(
            "diameter_mm", "integer", "Średnica", "Diameter", source="srednica", unit="mm", bounds=(0, 10_000)
        ),
        Field(
            "width_mm",
            "integer",
            "Wymiar poziomy",
            "Width",
            source="wymiarPoziomy",
            unit="mm",
            bounds=(0, 20_000),
        ),
        Field(
            "height_mm",
            "integer",
            "Wymiar pionowy",
            "Height",
            source="wymiarPionowy",
            unit="mm",
            bounds=(0, 20_000),
        ),
        Field("bundle", "flag", "Wiązka przewodów", "Bundle of cables", source="wiazka"),
        *LIFE,
    ),
    style=Style("#78909c", by="network", colours=NETWORK_COLOURS, size_px=1.6, order=40, min_zoom=15),
)
