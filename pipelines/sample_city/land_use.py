"""What the register says of a parcel by its purpose: land use classes and the group of owners."""

from numpy.random import Generator

from pipelines.sample_city.chance import happens

Use = tuple[str, str, str, int]  # OFU, OZU, OZK, m²

_OFU = {
    "street": "dr",
    "park": "Bz",
    "square": "Bz",
    "green": "Bz",
    "works": "Ba",
    "school": "Bi",
    "shops": "Bi",
    "offices": "Bi",
    "clinic": "Bi",
}
_OWNERS = {
    "street": "4",
    "park": "4",
    "square": "4",
    "green": "4",
    "school": "4",
    "estate": "8",
    "works": "15",
}
_SOILS = (("R", "R", "IIIb"), ("R", "R", "IVa"), ("R", "R", "V"), ("S", "R", "IVa"), ("Ps", "Ps", "IV"))


def uses(kind: str, area_m2: int, rng: Generator) -> tuple[Use, ...]:
    """The land uses of a parcel; their areas add up to ``area_m2``."""
    if kind in _OFU:
        return ((_OFU[kind], "", "", area_m2),)
    if kind == "garden" and happens(rng, 0.5):
        return ((*_SOILS[int(rng.integers(len(_SOILS)))], area_m2),)
    if kind == "villa" and happens(rng, 0.1):
        built = round(area_m2 * rng.uniform(0.5, 0.8))
        return ("B", "", "", built), (*_SOILS[int(rng.integers(len(_SOILS)))], area_m2 - built)
    if kind == "vacant":
        return (("Bp", "", "", area_m2),)
    return (("B", "", "", area_m2),)


def owner(kind: str, rng: Generator) -> str:
    """The register group (grupa rejestrowa): 1 the State, 4 the city, 7 private persons, 8 co-operatives…"""
    if kind in _OWNERS:
        return _OWNERS[kind]
    return str(rng.choice(("7", "4", "1", "9", "15"), p=(0.86, 0.06, 0.02, 0.01, 0.05)))
