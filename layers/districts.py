"""Housing districts of the city (osiedla)."""

from layers.declaration import Field, Layer, Style

LAYER = Layer(
    name="districts",
    title={"pl": "Osiedla", "en": "Housing districts"},
    about={
        "pl": "Osiedla: jednostki pomocnicze miasta z własnymi radami.",
        "en": "Housing districts: auxiliary units of the city, each with a council of its own.",
    },
    owner="Miasto Poznań",
    licence="CC-BY-4.0",
    geometry="MultiPolygon",
    cadence="P5Y",
    key="name",
    label="name",
    search=("name",),
    fields=(Field("name", "text", "Nazwa", "Name", source=("name", "nazwa", "NAZWA"), required=True),),
    style=Style("#3d5a80", outline="#3d5a80", opacity=0.06, size_px=1.5, order=5),
)
