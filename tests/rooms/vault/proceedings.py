"""Proceedings: closed to all but the city's own people."""

from layers import Field, Layer, Points, Source, Style

LAYER = Layer(
    name="proceedings",
    title={"pl": "Postępowania", "en": "Proceedings"},
    about={"pl": "Postępowania w toku.", "en": "Open proceedings."},
    owner="Urząd Miasta",
    licence="none",
    geometry="Point",
    source=Source(points=(Points("lon", "lat", "EPSG:4326"),)),
    cadence="P1D",
    key="case_id",
    label="party",
    search=("party",),
    access="internal",
    reason="Open proceedings",
    legal_basis="KPA art. 73",
    fields=(
        Field("case_id", "text", "Sygnatura", "Case", required=True),
        Field("party", "text", "Strona", "Party", required=True),
        Field("party_pesel", "text", "PESEL", "Personal number", source="pesel"),
        Field("verdict", "text", "Rozstrzygnięcie", "Verdict", access="secret", reason="A", legal_basis="B"),
    ),
    style=Style("#b71c1c", size_px=4),
)
