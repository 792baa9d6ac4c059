"""The tree inventory: species, size, vitality and dates of every tree, related as in nature."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pipelines.sample_city.groves import Grove
from pipelines.sample_city.species import SPECIES, Species

SURVEYED = 2025  # the year the sizes were measured
ALIKE, REPLACED = 0.72, 0.3  # shares of a street's trees of its ruling species, and of those planted later
VITALITIES = ("dobra", "srednia", "slaba", "martwe")
Floats = NDArray[np.float64]


@dataclass
class Tree:
    """A row of the inventory."""

    number: str
    species: Species
    girth_cm: int
    height_m: float
    crown_m: float
    vitality: str
    planted: int
    inspected: date
    street: str
    street_number: int | None
    habitat: str
    east_cm: int
    north_cm: int


def plant(groves: list[Grove], first: int, stand: date, rng: Generator) -> list[Tree]:
    """The trees of all ``groves``, numbered from ``first``; none inspected after ``stand``."""
    found: list[Tree] = []
    last: dict[str, int] = {}
    for grove in groves:
        for tree in _trees(grove, stand, rng):
            tree.number = f"D{first + len(found):06d}"
            if tree.street:
                last[tree.street] = tree.street_number = last.get(tree.street, 0) + 1
            found.append(tree)
    return found


def _trees(grove: Grove, stand: date, rng: Generator) -> Iterator[Tree]:
    count = len(grove.places)
    kinds = _kinds(grove, rng)
    years = _years(grove, rng)
    girths, heights, crowns = grown(kinds, SURVEYED - years, rng)
    vitality = _vitality(SURVEYED - years, rng)
    days = rng.integers(1, 1200, count)
    for row in np.argsort(grove.ways, kind="stable"):
        east, north = grove.places[row]
        yield Tree(
            number="",
            species=SPECIES[kinds[row]],
            girth_cm=int(girths[row]),
            height_m=float(heights[row]),
            crown_m=float(crowns[row]),
            vitality=VITALITIES[vitality[row]],
            planted=int(years[row]),
            inspected=min(date(SURVEYED, 11, 28), stand) - timedelta(days=int(days[row])),
            street=grove.street,
            street_number=None,
            habitat=grove.habitat,
            east_cm=round(float(east)),
            north_cm=round(float(north)),
        )


def _kinds(grove: Grove, rng: Generator) -> NDArray[np.int64]:
    """Numbers of species: a street keeps to one for the most part, a park mixes."""
    shares = np.array([species.street if grove.street else species.park for species in SPECIES])
    kinds = rng.choice(len(SPECIES), len(grove.places), p=shares / shares.sum())
    if grove.street:
        ruling = rng.choice(len(SPECIES), p=shares / shares.sum())
        kinds[rng.random(len(kinds)) < ALIKE] = ruling
    return kinds


def _years(grove: Grove, rng: Generator) -> NDArray[np.int64]:
    """Years of planting: a row was planted at once, and some of its trees replaced since."""
    count = len(grove.places)
    if grove.street:
        years = np.full(count, rng.integers(1938, 2016)) + rng.integers(0, 3, count)
        replaced = rng.random(count) < REPLACED
        years[replaced] = rng.integers(years[replaced], 2024)
        return years
    return np.rint(rng.triangular(1900, 1972, 2023, count)).astype(np.int64)


def grown(kinds: NDArray[np.int64], ages: NDArray[np.int64], rng: Generator) -> tuple[Floats, Floats, Floats]:
    """Girth (cm), height and crown width (m, one decimal) of trees of the given age, years.

    Girth grows by the species' yearly rate, somewhat slower with age; height nears the species' final height,
    and the crown widens with girth.
    """
    rates, tops, crowns = (
        np.array([getattr(species, name) for species in SPECIES])[kinds]
        for name in ("growth_cm", "height_m", "crown")
    )
    girths = np.rint(12 + rates * ages**0.95 * rng.lognormal(0, 0.14, len(kinds)))
    heights = 2 + (tops - 2) * (1 - np.exp(-girths / (4.2 * tops))) * rng.lognormal(0, 0.07, len(kinds))
    widths = crowns * (0.9 + 0.058 * girths) * rng.lognormal(0, 0.09, len(kinds))
    return girths, heights.round(1), np.minimum(widths, 26).round(1)


def _vitality(ages: NDArray[np.int64], rng: Generator) -> NDArray[np.int64]:
    """Numbers of vitalities; the old are worse off."""
    chances = rng.random(len(ages)) + ages / 900
    return np.searchsorted([0.74, 0.95, 1.03], chances)
