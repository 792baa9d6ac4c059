"""The trees a city in western Poland plants: names, where they stand and how they grow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Species:
    """A species: shares of plantings along streets and in parks, growth a year, size."""

    latin: str
    polish: str
    street: float
    park: float
    growth_cm: float  # of girth, a year
    height_m: float  # when old
    crown: float  # width compared with that of a lime of the same girth


SPECIES = tuple(
    Species(*row)
    for row in (
        ("Tilia cordata", "lipa drobnolistna", 21, 11, 1.9, 24, 1.0),
        ("Acer platanoides", "klon zwyczajny", 14, 10, 2.0, 22, 1.05),
        ("Quercus robur", "dąb szypułkowy", 6, 12, 1.9, 27, 1.15),
        ("Platanus x hispanica", "platan klonolistny", 5, 2, 3.0, 28, 1.2),
        ("Robinia pseudoacacia", "robinia akacjowa", 8, 6, 2.3, 21, 0.9),
        ("Aesculus hippocastanum", "kasztanowiec zwyczajny", 5, 5, 2.2, 21, 1.05),
        ("Betula pendula", "brzoza brodawkowata", 2, 8, 2.0, 21, 0.8),
        ("Fraxinus excelsior", "jesion wyniosły", 5, 5, 2.2, 26, 1.0),
        ("Carpinus betulus", "grab pospolity", 4, 6, 1.6, 18, 1.0),
        ("Acer pseudoplatanus", "klon jawor", 3, 5, 2.0, 24, 1.05),
        ("Acer campestre", "klon polny", 4, 2, 1.5, 13, 0.95),
        ("Acer saccharinum", "klon srebrzysty", 2, 1, 3.0, 24, 1.2),
        ("Acer negundo", "klon jesionolistny", 1, 2, 2.5, 14, 1.05),
        ("Populus nigra", "topola czarna", 1, 2, 3.8, 30, 0.8),
        ("Populus alba", "topola biała", 0, 1.5, 3.6, 28, 1.0),
        ("Salix alba", "wierzba biała", 0, 2, 3.6, 22, 1.15),
        ("Fagus sylvatica", "buk pospolity", 0.5, 3, 1.8, 27, 1.2),
        ("Pinus sylvestris", "sosna zwyczajna", 0, 5, 1.7, 24, 0.7),
        ("Pinus nigra", "sosna czarna", 0.3, 2, 1.8, 22, 0.75),
        ("Picea pungens", "świerk kłujący", 0, 2, 1.6, 18, 0.55),
        ("Sorbus aucuparia", "jarząb pospolity", 2, 1.5, 1.4, 10, 0.8),
        ("Sorbus intermedia", "jarząb szwedzki", 4, 1, 1.4, 12, 0.85),
        ("Prunus cerasifera", "śliwa wiśniowa", 2.5, 1, 1.4, 8, 0.9),
        ("Crataegus x media", "głóg pośredni", 3, 0.5, 1.1, 7, 0.9),
        ("Pyrus calleryana", "grusza drobnoowocowa", 3, 0.3, 1.5, 12, 0.6),
        ("Corylus colurna", "leszczyna turecka", 1.5, 0.3, 1.6, 17, 0.7),
        ("Gleditsia triacanthos", "glediczja trójcierniowa", 1.5, 0.4, 2.1, 18, 1.0),
        ("Ginkgo biloba", "miłorząb dwuklapowy", 0.7, 0.3, 1.4, 20, 0.6),
        ("Ulmus laevis", "wiąz szypułkowy", 0.7, 1.7, 2.4, 26, 1.05),
        ("Alnus glutinosa", "olsza czarna", 0.3, 1.5, 2.1, 22, 0.75),
    )
)
