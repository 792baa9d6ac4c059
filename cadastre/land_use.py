"""Land use codes (OFU) of EGiB, and which one prevails on a parcel."""

import pandas as pd

from layers import Code

# Source: Dz.U. 2021 poz. 1390, annex 1; names as in the national schema.
LAND_USES = (
    Code("R", "grunty orne", "arable land"),
    Code("S", "sady", "orchards"),
    Code("Ł", "łąki trwałe", "permanent meadows"),
    Code("Ps", "pastwiska trwałe", "permanent pastures"),
    Code("Br", "grunty rolne zabudowane", "built-up agricultural land"),
    Code("Wsr", "grunty pod stawami", "ponds"),
    Code("W", "grunty pod rowami", "ditches"),
    Code("Lzr", "grunty zadrzewione na użytkach rolnych", "wooded agricultural land"),
    Code("Ls", "lasy", "forests"),
    Code("Lz", "grunty zadrzewione i zakrzewione", "wooded and bushy land"),
    Code("B", "tereny mieszkaniowe", "residential areas"),
    Code("Ba", "tereny przemysłowe", "industrial areas"),
    Code("Bi", "inne tereny zabudowane", "other built-up areas"),
    Code("Bp", "zurbanizowane tereny niezabudowane", "urban areas not built up"),
    Code("Bz", "tereny rekreacyjno-wypoczynkowe", "recreation areas"),
    Code("K", "użytki kopalne", "mining areas"),
    Code("dr", "drogi", "roads"),
    Code("Tk", "tereny kolejowe", "railway areas"),
    Code("Ti", "inne tereny komunikacyjne", "other transport areas"),
    Code("Tp", "grunty pod budowę dróg lub kolei", "land for roads or railways to come"),
    Code("N", "nieużytki", "wasteland"),
    Code("Wp", "wody powierzchniowe płynące", "flowing surface waters"),
    Code("Ws", "wody powierzchniowe stojące", "standing surface waters"),
    Code("Wm", "morskie wody wewnętrzne", "internal sea waters"),
    Code("Tr", "tereny różne", "various areas"),
)


def prevailing(uses: pd.Series, areas: pd.Series) -> pd.Series:
    """The land use of the largest part of each parcel.

    Args:
        uses: codes of the parts, joined with ";" (``B;R``); null where the parcel lists none.
        areas: areas of the same parts in the same order, hectares, joined with ";".

    Returns:
        One code per parcel; the first one where areas are missing or do not match.
    """
    single = ~uses.str.contains(";", regex=False).fillna(False).astype(bool)
    chosen = [
        use if alone or pd.isna(use) else _largest(use.split(";"), area)
        for use, area, alone in zip(uses, areas, single, strict=True)
    ]
    return pd.Series(chosen, index=uses.index, dtype="string")


def _largest(uses: list[str], areas: str | None) -> str:
    try:
        sizes = [float(area) for area in (areas or "").split(";")]
    except ValueError:
        return uses[0]
    return uses[sizes.index(max(sizes))] if len(sizes) == len(uses) else uses[0]
