"""Public-transport stops (przystanki)."""

from layers.declaration import Code, Field, Layer, Points, Source, Style

LAYER = Layer(
    name="stops",
    title={"pl": "Przystanki", "en": "Public-transport stops"},
    about={
        "pl": "Przystanki autobusowe i tramwajowe transportu zbiorowego.",
        "en": "Bus and tram stops of public transport.",
    },
    owner="Zarząd Transportu Miejskiego",
    licence="CC-BY-4.0",
    geometry="Point",
    source=Source(points=(Points("longitude", "latitude", "EPSG:4326"),)),
    cadence="P1M",
    key="stop_id",
    label="name",
    search=("name",),
    fields=(
        Field(
            "stop_id",
            "text",
            "Numer przystanku",
            "Stop number",
            source=("stopId", "stop_id", "id"),
            required=True,
        ),
        Field("name", "text", "Nazwa", "Name", source=("stopName", "stop_name", "label"), required=True),
        Field("zone", "text", "Strefa", "Fare zone", source=("zoneId", "zone_id")),
        Field(
            "mode",
            "text",
            "Rodzaj",
            "Mode",
            source="isForTram",
            codes=(
                Code("tram", "tramwajowy", "tram", also=("true", "True", "1")),
                Code("bus", "autobusowy", "bus", also=("false", "False", "0")),
            ),
        ),
    ),
    style=Style(
        "#1d4e89", by="mode", colours={"tram": "#00695c", "bus": "#1d4e89"}, size_px=5, order=80, min_zoom=12
    ),
)
