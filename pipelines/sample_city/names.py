"""Names of the sample city: its cadastral and housing districts, and streets that exist nowhere."""

from itertools import product

# Number of the cadastral district, its name, the housing district, and its cell: row from the south, column.
DISTRICTS: tuple[tuple[int, str, str, int, int], ...] = (
    (51, "POZNAŃ", "Stare Miasto", 0, 0),
    (21, "JEŻYCE", "Jeżyce", 0, -1),
    (4, "ŚRÓDKA", "Ostrów Tumski-Śródka-Zawady-Komandoria", 0, 1),
    (52, "WINIARY", "Winiary", 1, -1),
    (3, "KOMANDORIA", "Nowe Winogrady Północ", 1, 0),
    (39, "ŁAZARZ", "Św. Łazarz", -1, -1),
    (61, "WILDA", "Wilda", -1, 0),
    (38, "ŁAWICA", "Ławica", 0, -2),
    (14, "PIOTROWO", "Rataje", 0, 2),
    (20, "GOLĘCIN", "Sołacz", 1, -2),
    (1, "GŁÓWNA", "Główna", 1, 1),
    (35, "GÓRCZYN", "Górczyn", -1, -2),
    (5, "RATAJE", "Żegrze", -1, 1),
    (53, "PIĄTKOWO", "Piątkowo", 2, 0),
    (60, "DĘBIEC", "Zielony Dębiec", -2, 0),
    (28, "PODOLANY", "Podolany", 2, -1),
    (50, "NARAMOWICE", "Naramowice", 2, 1),
    (37, "KOTOWO", "Fabianowo-Kotowo", -2, -1),
    (11, "STAROŁĘKA", "Starołęka-Minikowo-Marlewo", -2, 1),
    (23, "ŁAWICA II", "Wola", 1, -3),
    (15, "KAROLIN", "Warszawskie-Pomet-Maltańskie", 1, 2),
    (36, "JUNIKOWO", "Junikowo", -1, -3),
    (6, "ZEGRZE", "Chartowo", -1, 2),
    (25, "STRZESZYN", "Strzeszyn", 2, -2),
    (56, "UMULTOWO", "Umultowo", 2, 2),
    (41, "PLEWISKA", "Kwiatowe", -2, -2),
    (10, "KRZESINY", "Krzesiny-Pokrzywno-Garaszewo", -2, 2),
    (22, "KRZYŻOWNIKI", "Krzyżowniki-Smochowice", 0, -3),
    (7, "CHARTOWO", "Stary Grunwald", 0, 3),
    (54, "MORASKO", "Morasko-Radojewo", 3, 0),
    (24, "PSARSKIE", "Ogrody", 3, -1),
    (12, "GŁUSZYNA", "Głuszyna", -3, 0),
    (13, "GŁUSZYNA II", "Grunwald Południe", -3, 1),
    (2, "GŁOWIENIEC", "Antoninek-Zieliniec-Kobylepole", 1, 3),
    (9, "SPŁAWIE", "Szczepankowo-Spławie-Krzesinki", -1, 3),
    (26, "WIELKIE", "Grunwald Północ", 2, -3),
    (55, "RADOJEWO", "Piątkowo Północ", 3, 1),
    (27, "KIEKRZ", "Kiekrz", 3, -2),
    (16, "DASZEWICE", "Świerczewo", -3, 2),
    (8, "KOBYLEPOLE", "Nowe Winogrady Wschód", 2, 3),
)

_OF_PLACES: str = (
    "Lipowa Olchowa Szuwarowa Torfowa Szyszkowa Migdałowa Bursztynowa Kredowa Gliniana Żwirowa Piaskowa "
    "Rumiankowa Szałwiowa Dziurawcowa Pigwowa Jarzębinowa Głogowa Tarninowa Leszczynowa Wrzosowa "
    "Sasankowa Zawilcowa Konwaliowa Chabrowa Łubinowa Koniczynowa Owsiana Jęczmienna Gryczana Rzepakowa "
    "Sierpniowa Majowa Kwietniowa Wrześniowa Poranna Wieczorna Zaranna Mglista Deszczowa Śnieżna Szronowa "
    "Wietrzna Cicha Gwarna Kręta Stroma Ukośna Zaciszna Rozległa Widokowa Przydrożna Zagrodowa Furmańska "
    "Bednarska Kołodziejska Garncarska Tkacka Powroźnicza Sukiennicza Rymarska Płatnerska Ludwisarska "
    "Introligatorska Zegarmistrzowska Lutnicza Szklarska Zduńska Ciesielska Dekarska Młynarska Piekarska "
    "Solna Pieprzowa Cynamonowa Miodowa Woskowa Chmielna Jedwabna Lniana Wełniana Papierowa Atramentowa "
    "Drukarska Notesowa Srebrna Cynowa Ołowiana Mosiężna Kobaltowa Grafitowa Marmurowa Bazaltowa"
)
_MEN: str = (
    "Adama Aleksego Antoniego Augusta Bazylego Bogumiła Cypriana Cyryla Dionizego Edmunda Emiliana "
    "Eustachego Feliksa Gabriela Gerwazego Hipolita Idziego Izydora Jacentego Joachima Kaliksta Klemensa "
    "Longina Makarego Modesta Norberta Onufrego Pankracego Prospera Rajmunda Stanisława Teofila Walentego "
    "Wincentego"
)
_WOMEN: str = (
    "Adeli Agaty Anieli Balbiny Celiny Domicelli Eleonory Elżbiety Felicji Genowefy Honoraty Klementyny "
    "Konstancji Leokadii Ludwiki Marceliny Otylii Serafiny Teodory Zuzanny"
)
_STEMS: str = (
    "Borzym Brzoz Chrostk Czapl Dobiesz Gawr Gniezd Grabosz Jarosz Jastrz Kalin Klonk Krzewn Kunic Lasot "
    "Lubosz Łozin Malisz Miłosz Modrzew Mrocz Niegosz Olszak Pietrasz Przeczyn Radomin Rogal Rudosz "
    "Sieciech Skorup Sobierad Stojan Sulisz Szczepon Trzebin Wieruch Wilczyn Zawiech Zbilut Żywisz"
)
_OF_MEN = ("owskiego", "eckiego", "ińskiego", "ewicza", "aka", "oty")
_OF_WOMEN = ("owskiej", "eckiej", "ińskiej", "oty", "yny")
_ARTERIES: str = (
    "Aleja Lip, Aleja Wiązów, Trakt Solny, Aleja Garncarzy, Trakt Zbożowy, Aleja Odlewników, Trakt "
    "Kupiecki, Aleja Flisaków, Trakt Lniany, Aleja Zecerów, Trakt Bursztynowy, Aleja Szkutników, Trakt "
    "Węgierski, Aleja Bartników, Trakt Wołowy, Aleja Hutników Szkła, Trakt Kasztelański, Aleja "
    "Sadowników, Trakt Pocztowy, Aleja Żaglomistrzów, Trakt Młyński, Aleja Kartografów, Trakt Leśny, "
    "Aleja Mierniczych, Trakt Zamkowy, Aleja Budników, Trakt Rybacki, Aleja Rusznikarzy, Trakt "
    "Nadrzeczny, Aleja Astronomów, Trakt Winny"
)
_ROOT = 7919  # a prime that divides no count of names below, so stepping by it meets each name once


def district_title(place: int) -> tuple[int, str, str]:
    """Number, cadastral name and housing name of the district at ``place`` of the order."""
    if place < len(DISTRICTS):
        return DISTRICTS[place][:3]
    number = 101 + place - len(DISTRICTS)
    return number, f"OBRĘB {number}", f"Osiedle {number}"


def street_names(place: int, count: int) -> list[str]:
    """``count`` street names of the district at ``place``; the first eighty districts share none."""
    persons = [*_persons(_MEN, _OF_MEN), *_persons(_WOMEN, _OF_WOMEN)]
    first, last = (0, 40) if place == 0 else (34 + 6 * place, 40 + 6 * place)
    short = _OF_PLACES.split()[first:last]
    wanted = range(place * 145, place * 145 + count - len(short))
    return short + [persons[number * _ROOT % len(persons)] for number in wanted]


def _persons(first_names: str, endings: tuple[str, ...]) -> list[str]:
    parts = product(first_names.split(), _STEMS.split(), endings)
    return [f"{first} {stem}{ending}" for first, stem, ending in parts]


def artery_name(row: int, column: int, along_row: bool) -> str:
    """Name of the main street on the border between districts, one for several borders in a row."""
    line = (row * 2 + (column // 4) * 7) if along_row else (column * 2 + 1 + row * 6)
    names = _ARTERIES.split(", ")
    return names[line % len(names)]
