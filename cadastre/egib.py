"""The EGiB delivery: the register of land and buildings (ewidencja gruntów i budynków) as national GML."""

from layers import Feed, Field

FEED = Feed(
    name="egib",
    title={"pl": "Ewidencja gruntów i budynków (EGiB)", "en": "Register of land and buildings (EGiB)"},
    namespaces=(
        "ewidencjaGruntowIBudynkow:1.0",
        "urn:gugik:specyfikacje:gmlas:ewidencjaGruntowBudynkow:1.0",
    ),
    version_end=("koniecWersjaObiekt",),
    object_end="koniecObiekt",
)

# What every EGiB object carries (EGB_OgolnyObiekt).
LOCAL_ID = Field(
    "local_id", "text", "Identyfikator lokalny IIP", "Local identifier", source="lokalnyId", required=True
)
LIFE = (
    Field("object_from", "moment", "Obiekt od", "Object since", source="startObiekt"),
    Field("version_from", "moment", "Wersja od", "Version since", source="startWersjaObiekt", required=True),
)
