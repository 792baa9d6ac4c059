"""The grammar of EGiB identifiers: units, districts, sheets, parcels, buildings."""

import pandas as pd

# GUGiK control egib_e1_k1 accepts a parcel without a number; we do not.
DISTRICT = r"(?:[012][2468]|[123][02])\d{4}_[1-9]\.\d{4}"
PARCEL = rf"{DISTRICT}\.(?:AR_\d+\.)?\d+(?:/\d+)?"
# egib_e1_k18 refuses a denominator before the building, yet county services send `…628/16.1_BUD`.
BUILDING = rf"{DISTRICT}\.(?:AR_\d+\.)?(?:\d+(?:/\d+)?\.)?\d+_BUD"

PARTS = r"^(?P<district>[^.]+\.[^.]+)\.(?:AR_(?P<sheet>\d+)\.)?(?P<number>[^.]+)$"


def parcel_parts(identifiers: pd.Series) -> pd.DataFrame:
    """District, sheet and number of each parcel identifier; null where the identifier has another form.

    ``306401_1.0051.AR_44.27/14`` gives ``306401_1.0051``, ``44`` and ``27/14``.
    """
    return identifiers.astype("string").str.extract(PARTS)


def follows(identifiers: pd.Series, grammar: str) -> pd.Series:
    """Whether each identifier follows ``grammar``; an absent one does."""
    return identifiers.astype("string").str.fullmatch(grammar).fillna(True).astype(bool)
