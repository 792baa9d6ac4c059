"""The utility networks of a district as GESUT GML of 2021."""

from collections.abc import Iterator

from pipelines.sample_city.devices import OTHER, Device
from pipelines.sample_city.gml import collection, curve, element, member, point, surface
from pipelines.sample_city.networks import Pipe
from pipelines.sample_city.stamps import Stamp
from pipelines.sample_city.survey import Survey

SPACE = "geodezyjnaEwidencjaSieciUzbrojeniaTerenu:1.0"
CLASSES = {
    "water": "ges:GES_PrzewodWodociagowy",
    "sanitary": "ges:GES_PrzewodKanalizacyjny",
    "rain": "ges:GES_PrzewodKanalizacyjny",
    "gas": "ges:GES_PrzewodGazowy",
    "heat": "ges:GES_PrzewodCieplowniczy",
    "power": "ges:GES_PrzewodElektroenergetyczny",
    "medium": "ges:GES_PrzewodElektroenergetyczny",
    "telecom": "ges:GES_PrzewodTelekomunikacyjny",
}


def start(stand: str) -> str:
    """The beginning of the file."""
    return collection("ges", SPACE, "GESUT_1.3tech.xsd", stand)


def networks(found: Survey) -> Iterator[str]:
    """The members of one district."""
    for pipe, stamp in found.pipes:
        yield _pipe(pipe, stamp)
    for device, stamp in found.devices:
        yield _device(device, stamp)


def _pipe(pipe: Pipe, stamp: Stamp) -> str:
    network = pipe.network
    return member(
        CLASSES[network.name],
        stamp,
        _record(pipe.source, stamp),
        element("ges:status", pipe.status),
        element("ges:eksploatacja", pipe.use) if pipe.status == "i" else "",
        element("ges:wladajacy", network.keeper),
        curve("ges:geometria", pipe.points, stamp.gml_id),
        element("ges:funkcja", pipe.function),
        element("ges:przebieg", pipe.course),
        element("ges:typPrzewodu", network.kind),
        element("ges:rodzaj", "g") if network.name in ("sanitary", "rain") else "",
        element("ges:srednica", pipe.diameter_mm) if pipe.diameter_mm else "",
        element("ges:wiazka", "true" if pipe.function == "g" else "false")
        if network.name == "telecom"
        else "",
    )


def _device(device: Device, stamp: Stamp) -> str:
    one = len(device.points) == 1
    place = (
        point("ges:geometria", device.points[0], stamp.gml_id)
        if one
        else surface("ges:geometria", list(device.points), stamp.gml_id)
    )
    shape, code = element("ges:ksztaltUrzadzenia", device.shape), element("ges:rodzajUrzadzenia", device.code)
    return member(
        f"ges:{device.kind}",
        stamp,
        _record(device.source, stamp),
        element("ges:status", device.status),
        element("ges:eksploatacja", "c") if device.status == "i" else "",
        element("ges:wladajacy", device.keeper),
        element("ges:informacjaDodatkowa", device.note) if device.note else "",
        place,
        # The accompanying devices declare their code before the shape, all others after it.
        *(
            (code, shape, element("ges:rodzajSieci", device.network))
            if device.kind == OTHER
            else (shape, code)
        ),
    )


def _record(source: str, stamp: Stamp) -> str:
    """Where the object comes from; the number of the survey follows from its identity."""
    year = stamp.version[:4]
    return (
        element("ges:zrodlo", source)
        + element("ges:dataPrzyjeciaDoZasobu", stamp.version[:10])
        + element("ges:numerOperatu", f"P.3064.{year}.{int(stamp.local[:3], 16) + 1}")
    )
