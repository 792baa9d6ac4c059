"""Benches: a field for each level."""

from layers import Code, Field, Layer, Points, Source, Style

WHY = {"reason": "A test", "legal_basis": "RODO art. 6 ust. 1"}

LAYER = Layer(
    name="benches",
    title={"pl": "Ławki", "en": "Benches"},
    about={"pl": "Ławki w parkach.", "en": "Benches in parks."},
    owner="Zarząd Zieleni Miejskiej",
    licence="CC-BY-4.0",
    geometry="Point",
    source=Source(points=(Points("lon", "lat", "EPSG:4326"),)),
    cadence="P1Y",
    key="bench_id",
    label="name",
    search=("name",),
    fields=(
        Field("bench_id", "text", "Numer", "Number", source="id", required=True),
        Field("name", "text", "Nazwa", "Name", required=True),
        Field(
            "kind", "text", "Rodzaj", "Kind", codes=(Code("w", "drewno", "wood"), Code("s", "stal", "steel"))
        ),
        Field("seats", "integer", "Miejsca", "Seats", bounds=(1, 20)),
        Field("height_cm", "number", "Wysokość", "Height", unit="cm", access="partner", **WHY),
        Field("repaired", "date", "Naprawiono", "Repaired", access="partner", **WHY),
        Field("donor", "text", "Darczyńca", "Donor", access="internal", **WHY),
        Field("donor_pesel", "text", "PESEL", "Personal number", access="internal", **WHY),
        Field("land_register", "text", "Księga wieczysta", "Land register", access="internal", **WHY),
        Field("complaint", "flag", "Skarga", "Complaint", access="internal", **WHY),
        Field("lock_code", "text", "Kod kłódki", "Padlock code", access="secret", **WHY),
    ),
    style=Style("#795548", by="kind", colours={"w": "#795548", "s": "#607d8b"}, size_px=4),
)
