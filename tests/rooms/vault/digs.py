"""Digs: closed to the public, open to partners."""

from layers import Field, Layer, Points, Source, Style

LAYER = Layer(
    name="digs",
    title={"pl": "Wykopy", "en": "Digs"},
    about={"pl": "Planowane zajęcia pasa drogowego.", "en": "Planned works in streets."},
    owner="Zarząd Dróg Miejskich",
    licence="none",
    geometry="Point",
    source=Source(points=(Points("lon", "lat", "EPSG:4326"),)),
    cadence="P1D",
    key="dig_id",
    search=("dig_id",),
    access="partner",
    reason="Plans of partners",
    legal_basis="Ustawa o dostępie do informacji publicznej art. 5",
    fields=(
        Field("dig_id", "text", "Numer", "Number", required=True),
        Field(
            "contractor", "text", "Wykonawca", "Contractor", access="internal", reason="A", legal_basis="B"
        ),
    ),
    style=Style("#ef6c00", size_px=4),
)
