"""What the national GML files have in common: members, identities and geometry, northing first."""

from collections.abc import Iterable

from pipelines.sample_city.ground import Point
from pipelines.sample_city.stamps import Stamp

CRS = "urn:ogc:def:crs:EPSG::2177"
_COLLECTION = """<?xml version="1.0" encoding="UTF-8"?>
<!-- mesip: the sample city, state of {stand} -->
<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:xlink="http://www.w3.org/1999/xlink" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:{prefix}="{space}" \
xsi:schemaLocation="{space} {schema}" gml:id="featureCollection">
"""
END = "</gml:FeatureCollection>\n"


def collection(prefix: str, space: str, schema: str, stand: str) -> str:
    """The beginning of a file."""
    return _COLLECTION.format(prefix=prefix, space=space, schema=schema, stand=stand)


def member(kind: str, stamp: Stamp, *parts: str) -> str:
    """A member of the collection: ``kind``, its base part, then ``parts`` in the schema's order."""
    p = kind[:3]
    ended = f"<{p}:koniecWersjaObiekt>{stamp.ended}</{p}:koniecWersjaObiekt>\n" if stamp.ended else ""
    iip = f"{p}:{p.upper()}_IdentyfikatorIIP"
    return (
        f'<gml:featureMember>\n<{kind} gml:id="{stamp.gml_id}">\n'
        f"<{p}:idIIP>\n<{iip}>\n<{p}:lokalnyId>{stamp.local}</{p}:lokalnyId>\n"
        f"<{p}:przestrzenNazw>{stamp.space}</{p}:przestrzenNazw>\n"
        f"<{p}:wersjaId>{stamp.version}</{p}:wersjaId>\n</{iip}>\n</{p}:idIIP>\n"
        f"<{p}:startObiekt>{stamp.started}</{p}:startObiekt>\n"
        f"<{p}:startWersjaObiekt>{stamp.version}</{p}:startWersjaObiekt>\n{ended}"
        f"{''.join(parts)}</{kind}>\n</gml:featureMember>\n"
    )


def element(name: str, value: object, uom: str = "") -> str:
    """A simple element; without a value it stays empty."""
    if value == "":
        return f"<{name}/>\n"
    unit = f' uom="{uom}"' if uom else ""
    return f"<{name}{unit}>{value}</{name}>\n"


def reference(name: str, gml_id: str) -> str:
    """A reference to another object of the file."""
    return f'<{name} xlink:href="#{gml_id}" xlink:type="simple"/>\n'


def position(point: Point) -> str:
    """Northing and easting in metres, two decimals."""
    east, north = point
    return f"{north // 100}.{north % 100:02d} {east // 100}.{east % 100:02d}"


def point(name: str, place: Point, gml_id: str) -> str:
    """A geometry property that holds a point."""
    return (
        f'<{name}>\n<gml:Point gml:id="geom.{gml_id}" srsName="{CRS}">\n'
        f"<gml:pos>{position(place)}</gml:pos>\n</gml:Point>\n</{name}>\n"
    )


def curve(name: str, places: Iterable[Point], gml_id: str) -> str:
    """A geometry property that holds a line of straight segments."""
    return (
        f'<{name}>\n<gml:Curve gml:id="geom.{gml_id}" srsName="{CRS}">\n'
        f"<gml:segments>\n<gml:LineStringSegment>\n<gml:posList>{_positions(places)}</gml:posList>\n"
        f"</gml:LineStringSegment>\n</gml:segments>\n</gml:Curve>\n</{name}>\n"
    )


def surface(name: str, ring: list[Point], gml_id: str) -> str:
    """A geometry property that holds a polygon; the ring is closed here."""
    return f"<{name}>\n{_polygon(ring, f'geom.{gml_id}')}</{name}>\n"


def multisurface(name: str, ring: list[Point], gml_id: str) -> str:
    """A geometry property that holds a collection of one polygon."""
    return (
        f'<{name}>\n<gml:MultiSurface gml:id="geom.{gml_id}" srsName="{CRS}">\n<gml:surfaceMember>\n'
        f"{_polygon(ring, f'geom.1.{gml_id}')}</gml:surfaceMember>\n</gml:MultiSurface>\n</{name}>\n"
    )


def _positions(places: Iterable[Point]) -> str:
    return " ".join(map(position, places))


def _polygon(ring: list[Point], gml_id: str) -> str:
    return (
        f'<gml:Polygon gml:id="{gml_id}" srsName="{CRS}">\n<gml:exterior>\n<gml:LinearRing>\n'
        f"<gml:posList>{_positions([*ring, ring[0]])}</gml:posList>\n"
        "</gml:LinearRing>\n</gml:exterior>\n</gml:Polygon>\n"
    )
