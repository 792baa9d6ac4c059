"""Devices of the utility networks (urządzenia sieci uzbrojenia terenu)."""

import pandas as pd

from layers import Code, Field, Layer, Source, Style
from utilities_network.gesut import LIFE, LOCAL_ID, NETWORK, NETWORK_COLOURS, NETWORK_OF

# Class of the national schema → letter before the code of its kind. Devices that accompany any network: `o`
# (inne) and `l` (liniowe), whose network is stated in the object; so it is in all classes of 2015.
LETTER_OF_CLASS = {
    "GES_UrzadzeniaSiecWodociagowa": "w",
    "GES_UrzadzeniaSiecKanalizacyjna": "k",
    "GES_UrzadzeniaSiecElektroenergetyczna": "e",
    "GES_UrzadzeniaSiecGazowa": "g",
    "GES_UrzadzeniaSiecCieplownicza": "c",
    "GES_UrzadzeniaSiecTelekomunikacyjna": "t",
    "GES_UrzadzeniaTechniczneSieciSpecjalnej": "s",
    "GES_UrzadzenieNiezidentyfikowane": "x",
    "GES_InneUrzadzeniaTowarzyszace": "o",
    "GES_UrzadzeniaTowarzyszczaceLiniowe": "l",
    "GES_UrzadzeniaTowarzyszaceLiniowe": "l",
}
CLASSES_2015 = {
    "GES_UrzadzenieTechniczneZwiazaneZSiecia": "rodzajUrzadz",
    "GES_SlupIMaszt": "rodzajSlup",
    "GES_BudowlaPodziemna": "rodzajBudowli",
    "GES_ObudowaPrzewodu": "obudowa",
}

DEVICES = (
    Code("w_u", "urządzenie wodociągowe", "water device"),
    Code("w_w", "zasuwa, zawór wodociągowy", "water valve", also=("w_zasuwaLubZawor",)),
    Code("w_r", "hydrofornia", "pressure-raising station", also=("hydrofornia",)),
    Code("w_h", "hydrant", "hydrant", also=("hydrant",)),
    Code("w_d", "zdrój uliczny", "street pump", also=("zdrojUliczny",)),
    Code("w_s", "studnia", "well", also=("studnia",)),
    Code("w_g", "studnia głębinowa", "deep well", also=("studniaGlebinowa",)),
    Code("k_u", "urządzenie kanalizacyjne", "sewer device"),
    Code("k_w", "zasuwa, zawór kanalizacyjny", "sewer valve", also=("k_zasuwaLubZawor",)),
    Code("k_s", "studnia kanalizacyjna", "manhole", also=("studzienka",)),
    Code("k_k", "kratka ściekowa", "gully", also=("kratkaSciekowa",)),
    Code("k_l", "odwodnienie liniowe", "drainage channel", also=("odwodnienieLiniowe",)),
    Code("k_m", "osadnik, szambo", "septic tank", also=("osadnikKanalizacjiLokalnej", "osadnik")),
    Code("k_d", "przydomowa oczyszczalnia", "household treatment plant"),
    Code("k_e", "wylot kanału", "outfall", also=("wylotKanalu",)),
    Code("k_n", "przepompownia", "pumping station", also=("przepompownia",)),
    Code(
        "e_u",
        "urządzenie elektroenergetyczne",
        "electricity device",
        also=("zlaczeKablowe", "sygnalizatorSwietlny"),
    ),
    Code("e_s", "szafa elektroenergetyczna", "electricity cabinet", also=("szafaElektroenergetyczna",)),
    Code(
        "e_t",
        "stacja transformatorowa",
        "transformer station",
        also=("stacjaTransformatorowa", "slupowaStacjaTransformatorowa"),
    ),
    Code("e_o", "latarnia", "street lamp", also=("latarnia",)),
    Code("e_m", "maszt oświetleniowy", "lighting mast", also=("masztOswietleniowy",)),
    Code("e_a", "turbina wiatrowa", "wind turbine", also=("turbinaWiatrowa",)),
    Code("e_l", "stacja ładowania pojazdów", "vehicle charging station"),
    Code("g_u", "urządzenie gazowe", "gas device", also=("wywietrznik",)),
    Code("g_w", "zasuwa, zawór gazowy", "gas valve", also=("g_zasuwaLubZawor",)),
    Code("g_s", "szafa gazowa", "gas cabinet", also=("szafaGazowa",)),
    Code("g_n", "stacja gazowa", "gas station", also=("stacjaGazowa",)),
    Code("g_v", "zbiornik gazu", "gas tank", also=("g_zbiornik",)),
    Code("c_u", "urządzenie ciepłownicze", "heating device"),
    Code("c_w", "zasuwa, zawór ciepłowniczy", "heating valve", also=("c_zasuwaLubZawor",)),
    Code("t_u", "urządzenie telekomunikacyjne", "telecommunications device"),
    Code(
        "t_s",
        "szafa telekomunikacyjna",
        "telecommunications cabinet",
        also=("szafaTelekomunikacyjna", "kontenerTelekomunikacyjny"),
    ),
    Code(
        "t_w",
        "wieża telekomunikacyjna",
        "telecommunications tower",
        also=("wiezaTelekomunikacyjna", "masztTelekomunikacyjny"),
    ),
    Code("t_k", "słupek telekomunikacyjny", "telecommunications post", also=("slupekTelekomunikacyjny",)),
    Code("s_u", "urządzenie sieci specjalnej", "device of a special network", also=("dystrybutorPaliw",)),
    Code(
        "x_u",
        "urządzenie niezidentyfikowane",
        "unidentified device",
        also=("niezidentyfikowane", "inne", "trojnik", "zbiornik", "zasuwaLubZawor", "inny", "inna"),
    ),
    Code("o_k", "komora podziemna", "underground chamber", also=("komoraPodziemna",)),
    Code("o_w", "właz", "manhole cover", also=("wlaz",)),
    Code("o_p", "słup", "pole", also=("slup", "slupLaczony", "slupKratowy")),
    Code(
        "o_y",
        "słup trakcyjny",
        "traction pole",
        also=("slupTrakcjiKolejowej", "slupTrakcjiTramwajowej", "slupTrakcjiTrolejbusowej"),
    ),
    Code("o_n", "podpora przewodów", "support of lines"),
    Code(
        "o_b",
        "budowla podziemna",
        "underground structure",
        also=("przejsciePodziemne", "tunelDrogowy", "tunelKolejowy", "tunelMetra", "tunelTramwajowy"),
    ),
    Code(
        "l_l",
        "kanał technologiczny",
        "service duct",
        also=("kanalTechnologiczny", "kanalizacjaKablowa", "kanalCieplowniczy", "rurociagTelekomunikacyjny"),
    ),
    Code("l_o", "obudowa ochronna", "protective casing", also=("ruraOchronna",)),
)


def name_devices(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the network and the kind under the letter of its class (2021) or as the word of 2015."""
    nothing = pd.Series(None, index=frame.index, dtype="string")
    letter = frame["class"].map(LETTER_OF_CLASS)
    stated = frame.get("rodzajSieci", nothing).str.partition(";")[0]
    network = letter.where(letter.isin(list("wkegctsx")), stated.map(NETWORK_OF))
    kind = letter + "_" + frame.get("rodzajUrzadzenia", nothing).mask(letter.eq("x"), "u")
    for class_, column in CLASSES_2015.items():
        words = frame.get(column, nothing)
        words = words.mask(words.eq("zasuwaLubZawor") & network.notna(), network + "_" + words)
        kind = kind.mask(frame["class"].eq(class_), words)
    return frame.assign(siec=network, rodzaj=kind)


LAYER = Layer(
    name="utility_devices",
    title={"pl": "Urządzenia uzbrojenia terenu", "en": "Utility devices"},
    about={
        "pl": "Urządzenia sieci uzbrojenia terenu (GESUT): studnie, hydranty, zawory, latarnie, szafy.",
        "en": "Devices of the utility networks (GESUT): manholes, hydrants, valves, lamps, cabinets, poles.",
    },
    owner="Zarząd Geodezji i Katastru Miejskiego GEOPOZ",
    licence="CC-BY-4.0",
    geometry="Geometry",
    source=Source(feed="gesut", classes=(*LETTER_OF_CLASS, *CLASSES_2015)),
    cadence="P1M",
    key="local_id",
    valid_from="version_from",
    prepare=name_devices,
    fields=(
        LOCAL_ID,
        NETWORK,
        Field(
            "device_kind",
            "text",
            "Rodzaj urządzenia",
            "Kind of device",
            source="rodzaj",
            codes=DEVICES,
            expected=True,
        ),
        Field(
            "shape",
            "text",
            "Kształt",
            "Shape",
            source=("ksztaltUrzadzenia", "ksztaltUrzadz"),
            codes=(
                Code("o", "okrągły", "round", also=("okragly",)),
                Code("k", "kwadratowy", "square", also=("kwadratowy",)),
                Code("p", "prostokątny", "rectangular", also=("prostokatny",)),
                Code("w", "owalny", "oval", also=("owalny",)),
                Code("n", "nieokreślony", "not stated", also=("inny",)),
            ),
        ),
        Field(
            "diameter_mm", "integer", "Średnica", "Diameter", source="srednica", unit="mm", bounds=(0, 20_000)
        ),
        *LIFE,
    ),
    style=Style(
        "#78909c",
        by="network",
        colours=NETWORK_COLOURS,
        size_px=3.5,
        opacity=0.6,
        order=60,
        min_zoom=16,
        shown=False,
    ),
)
