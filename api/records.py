"""The catalogue: what there is to know about each layer, as records (OGC API Records) and as DCAT-AP."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from api.documents import GEOJSON, HTML, JSON, MVT, SCHEMA, exports, link
from api.exports import FORMATS
from api.heads import Head
from api.reading import Reader
from layers import Layer, get_layer
from layers.declaration import Language
from layers.freshness import freshness
from layers.record import record
from mesip.settings import Settings

CATALOGUE = "catalogue"
JSONLD = "application/ld+json"
LAST_RUNS = 5
CC_BY = "https://creativecommons.org/licenses/by/4.0/"
LICENCES = {"CC-BY-4.0": CC_BY, "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/"}
FREQUENCY = "http://publications.europa.eu/resource/authority/frequency/"
FREQUENCIES = {"P1D": "DAILY", "P1W": "WEEKLY", "P1M": "MONTHLY", "P3M": "QUARTERLY", "P1Y": "ANNUAL"}
CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "locn": "http://www.w3.org/ns/locn#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "geojson": "https://www.iana.org/assignments/media-types/application/vnd.geo+json",
}


class Known(NamedTuple):
    """What is known of a layer at a day: its head, and its last runs, the newest first."""

    head: Head | None
    runs: list[dict[str, Any]]
    today: date

    @property
    def stand(self) -> date | None:
        """The day the rows speak of."""
        return self.head.stand if self.head else None


def last_runs(reader: Reader) -> dict[str, list[dict[str, Any]]]:
    """The last runs of the layers, as far as the reader may know of them, by layer."""
    names = (
        "stand",
        "recorded_at",
        "state",
        "added",
        "changed",
        "confirmed",
        "removed",
        "rejected",
        "deliveries",
    )
    found = reader.rows(f"""
        SELECT layer, {", ".join(names)} FROM (
            SELECT *, row_number() OVER (
                PARTITION BY layer ORDER BY recorded_at DESC NULLS LAST, seq DESC
            ) AS nth FROM layer_runs
        ) AS ordered WHERE nth <= {LAST_RUNS} ORDER BY layer, nth
    """)
    runs: dict[str, list[dict[str, Any]]] = {}
    for name, *told in found:
        runs.setdefault(name, []).append(dict(zip(names, told, strict=True)))
    return runs


def state_of(layer: Layer, known: Known) -> dict[str, Any]:
    """How fresh a layer is, and when it was loaded last."""
    last = known.runs[0]["recorded_at"] if known.runs else None
    return {
        "stand": known.stand.isoformat() if known.stand else None,
        "freshness": freshness(layer.cadence, known.stand, known.today),
        "lastRun": last.isoformat() if last else None,
    }


def described(layer: Layer, known: Known, url: str, language: Language) -> dict[str, Any]:
    """The record of a layer, which lives at the address ``url`` of a node."""
    stated = record(layer, language)
    here = f"{url}/collections/{layer.name}"
    properties = (
        stated["properties"]
        | state_of(layer, known)
        | {
            "closed": _closed(layer),
            "lineage": [_told(run) for run in known.runs],
            "formats": [{"name": form.title, "mediaType": form.media_type} for form in FORMATS.values()],
        }
    )
    if known.runs and known.runs[0]["recorded_at"]:
        properties["updated"] = known.runs[0]["recorded_at"].strftime("%Y-%m-%dT%H:%M:%SZ")
    return stated | {
        "geometry": _area(known.head),
        "time": {"date": known.stand.isoformat()} if known.stand else None,
        "properties": properties,
        "links": [
            link("self", f"{url}/collections/{CATALOGUE}/items/{layer.name}", GEOJSON, "This record"),
            link(
                "alternate", f"{url}/collections/{CATALOGUE}/items/{layer.name}?f=jsonld", JSONLD, "DCAT-AP"
            ),
            link("alternate", f"{url}/collections/{CATALOGUE}/items/{layer.name}?f=html", HTML, "For people"),
            link("collection", f"{url}/collections/{CATALOGUE}", JSON, "The catalogue"),
            link("about", here, JSON, layer.title[language]),
            link("items", f"{here}/items", GEOJSON, "Features"),
            link("describedby", f"{here}/schema", SCHEMA, "Schema of the features"),
            link(
                "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector",
                f"{here}/tiles",
                JSON,
                "Vector tiles",
            ),
            link("alternate", f"{here}?f=html", HTML, "The layer for people"),
            *exports(here),
        ],
    }


def matches(layer: Layer, words: Iterable[str]) -> bool:
    """Whether every word stands in what the layer says of itself, in whichever language."""
    texts = [*layer.title.values(), *layer.about.values(), layer.name, layer.owner]
    texts += [title for field in layer.fields for title in (field.pl, field.en)]
    said = " ".join(texts).lower()
    return all(word.lower() in said for word in words)


def dataset(layer: Layer, known: Known, url: str, languages: Iterable[Language]) -> dict[str, Any]:
    """The layer as a dataset of DCAT-AP."""
    here, spoken = f"{url}/collections/{layer.name}", list(languages)
    stated = {
        "@id": here,
        "@type": "dcat:Dataset",
        "dct:identifier": layer.name,
        "dct:title": [_said(layer.title[each], each) for each in spoken],
        "dct:description": [_said(layer.about[each], each) for each in spoken],
        "dct:publisher": {"@type": "foaf:Agent", "foaf:name": layer.owner},
        "dct:accessRights": {
            "@id": "http://publications.europa.eu/resource/authority/access-right/PUBLIC",
            "@type": "dct:RightsStatement",
        },
        "dcat:landingPage": {"@id": f"{here}?f=html", "@type": "foaf:Document"},
        "dcat:distribution": [_distribution(layer, here, *each) for each in _distributed()],
    }
    if layer.cadence in FREQUENCIES:
        frequency = f"{FREQUENCY}{FREQUENCIES[layer.cadence]}"
        stated["dct:accrualPeriodicity"] = {"@id": frequency, "@type": "dct:Frequency"}
    if known.stand:
        stated["dct:modified"] = {"@type": "xsd:date", "@value": known.stand.isoformat()}
    if known.head and known.head.extent:
        place = {"@type": "locn:Geometry", "@value": _wkt(known.head.extent)}
        stated["dct:spatial"] = {"@type": "dct:Location", "dcat:bbox": place | {"@type": WKT}}
    return stated


WKT = "http://www.opengis.net/ont/geosparql#wktLiteral"


def catalog(
    datasets: list[dict[str, Any]], settings: Settings, url: str, about: dict[Language, str]
) -> dict[str, Any]:
    """All datasets as a catalogue of DCAT-AP."""
    return {
        "@context": CONTEXT,
        "@id": f"{url}/collections/{CATALOGUE}",
        "@type": "dcat:Catalog",
        "dct:title": [_said(settings.city_name, each) for each in about],
        "dct:description": [_said(text, each) for each, text in about.items()],
        "dct:publisher": {"@type": "foaf:Agent", "foaf:name": settings.city_name},
        "dcat:dataset": datasets,
    }


def _told(run: dict[str, Any]) -> dict[str, Any]:
    counts = {name: run[name] for name in ("added", "changed", "confirmed", "removed", "rejected")}
    moment = run["recorded_at"].isoformat() if run["recorded_at"] else None
    told = {"stand": run["stand"].isoformat(), "recorded": moment, "state": run["state"]}
    return told | counts | {"deliveries": [{"sha256": each} for each in run["deliveries"] or ()]}


def _closed(layer: Layer) -> list[dict[str, str]]:
    """Why and by which law some of a layer is closed to who asks; what it is stays unsaid."""
    shown = {field.name for field in layer.fields}
    closures = [each for each in get_layer(layer.name).fields if each.name not in shown]
    told = {(each.reason or "", each.legal_basis or "") for each in closures}
    return [{"reason": reason, "legalBasis": basis} for reason, basis in sorted(told)]


def _area(head: Head | None) -> dict[str, Any] | None:
    if head is None or head.extent is None:
        return None
    west, south, east, north = head.extent
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _wkt(box: tuple[float, float, float, float]) -> str:
    west, south, east, north = box
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return f"POLYGON(({', '.join(f'{x} {y}' for x, y in corners)}))"


def _said(text: str, language: Language) -> dict[str, str]:
    return {"@value": text, "@language": language}


def _distributed() -> list[tuple[str, str, str]]:
    """Every way to get the rows: address below the layer's, title, media type."""
    files = [(f"export.{ending}", form.title, form.media_type) for ending, form in FORMATS.items()]
    return [("items", "OGC API Features", GEOJSON), ("tiles/WebMercatorQuad", "OGC API Tiles", MVT), *files]


def _distribution(layer: Layer, here: str, path: str, title: str, media_type: str) -> dict[str, Any]:
    address = {"@id": f"{here}/{path}"}
    media = {"@id": f"https://www.iana.org/assignments/media-types/{media_type}", "@type": "dct:MediaType"}
    stated = {
        "@id": f"{here}/{path}#distribution",
        "@type": "dcat:Distribution",
        "dct:title": title,
        "dcat:accessURL": address,
        "dcat:mediaType": media,
    }
    if layer.licence in LICENCES:
        stated["dct:license"] = {"@id": LICENCES[layer.licence], "@type": "dct:LicenseDocument"}
    return stated | ({"dcat:downloadURL": address} if path.startswith("export.") else {})
