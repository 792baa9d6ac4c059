"""What each code of an issue means, how bad it is, and who is to mend it."""

from typing import Literal, NamedTuple

from layers.declaration import Severity

Party = Literal["supplier", "operator", "us"]


class Code(NamedTuple):
    """The usual severity of an issue, who mends it, and what it says in Polish and English.

    The supplier wrote the delivery; the operator runs the node and its declarations; we write the program.
    """

    severity: Severity
    responsible: Party
    pl: str
    en: str


CODES: dict[str, Code] = {
    "kind": Code(
        "error",
        "supplier",
        "Wartość nie jest tego rodzaju, co pole (liczba, data, chwila …).",
        "The value is not of the field's kind (number, day, moment …).",
    ),
    "long": Code(
        "error",
        "supplier",
        "Identyfikator jest dłuższy, niż mieści indeks.",
        "The identifier is longer than an index holds.",
    ),
    "required": Code("error", "supplier", "Brak wartości wymaganego pola.", "A required field has no value."),
    "expected": Code(
        "warning",
        "supplier",
        "Brak wartości, której wymaga prawo, a której dostawy często nie mają.",
        "A value is absent that the law demands and deliveries often lack.",
    ),
    "bounds": Code(
        "error",
        "supplier",
        "Liczba leży poza zadeklarowanym zakresem.",
        "The number lies outside of the declared bounds.",
    ),
    "codes": Code(
        "error",
        "operator",
        "Wartości nie ma na liście kodów: popraw ją albo dopisz do deklaracji warstwy.",
        "The value is not in the code list: correct it, or add it to the layer's declaration.",
    ),
    "rule": Code(
        "error",
        "supplier",
        "Wiersz łamie regułę warstwy; jej waga jest w deklaracji.",
        "The row breaks a rule of the layer; the declaration states its severity.",
    ),
    "geometry.missing": Code("error", "supplier", "Obiekt nie ma geometrii.", "The feature has no geometry."),
    "geometry.type": Code(
        "error",
        "supplier",
        "Geometria jest innego typu niż zadeklarowany.",
        "The geometry is of another type than declared.",
    ),
    "geometry.invalid": Code(
        "error",
        "supplier",
        "Geometria jest niepoprawna, na przykład przecina samą siebie.",
        "The geometry is invalid, for example it crosses itself.",
    ),
    "geometry.unreadable": Code(
        "error",
        "supplier",
        "Geometrii nie da się odczytać albo leży poza swoim układem współrzędnych.",
        "The geometry cannot be read, or lies outside of its coordinate system.",
    ),
    "row.torn": Code(
        "error",
        "supplier",
        "Wiersz jest rozerwany: ma inną liczbę pól niż nagłówek albo niezamknięty cudzysłów.",
        "The row is torn: it has another number of fields than the header, or a quote is not closed.",
    ),
    "repeated": Code(
        "error",
        "supplier",
        "Klucz lub wartość niepowtarzalna stoi w więcej niż jednym wierszu.",
        "A key, or a value that must be unique, stands in more than one row.",
    ),
    "removal.withheld": Code(
        "warning",
        "supplier",
        "Brak obiektów w dostawie, ale odrzucono wiersze bez czytelnego klucza: nic nie usunięto.",
        "Objects are absent, but rows without a readable key were rejected: nothing was removed.",
    ),
    "resubmitted": Code(
        "error",
        "operator",
        "Wiersz nie może wrócić z kwarantanny: nie zna go, jest już zamknięty albo zastąpiony nowszym.",
        "The row cannot come back: quarantine does not know it, it is closed, or a newer one is published.",
    ),
    "versions.backwards": Code(
        "warning",
        "supplier",
        "Wersja obiektu kończy się, zanim się zaczyna.",
        "A version of the object ends before it begins.",
    ),
    "versions.gap": Code(
        "warning",
        "supplier",
        "Między wersjami obiektu jest przerwa.",
        "There is a gap between versions of the object.",
    ),
    "versions.overlap": Code(
        "warning", "supplier", "Wersje obiektu zachodzą na siebie.", "Versions of the object overlap."
    ),
}
