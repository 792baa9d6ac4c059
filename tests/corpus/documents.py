"""The labelled GML files: coordinate systems, geometries, identifiers, days, attacks, broken files."""

from collections.abc import Iterator
from itertools import pairwise, product

from cases import EAST, GOOD, NORTH, POZNAN, ROWS, ZONES, Case, one, place, plain, refused

SCHEMA_2021 = "ewidencjaGruntowIBudynkow:1.0"
SCHEMA_2015 = "urn:gugik:specyfikacje:gmlas:ewidencjaGruntowBudynkow:1.0"
GESUT = "geodezyjnaEwidencjaSieciUzbrojeniaTerenu:1.0"
URN = "urn:ogc:def:crs:EPSG::{}"
ELSEWHERE = "refused 4: extent"
SWAPPED, CUT = refused("axes are swapped"), refused("broke off")
UNREADABLE, INVALID = one("geometry.unreadable"), one("geometry.invalid")


def ring(number: int, at: tuple[float, float] = (EAST, NORTH), size: float = 20) -> list[tuple[float, float]]:
    """The corners of a square, northing and easting."""
    north, east = at[1] + 1.5 * size * number, at[0]
    corners = [(0, 0), (size, 0), (size, size), (0, size), (0, 0)]
    return [(north + up, east + right) for up, right in corners]


def pos_list(corners: list[tuple[float, float]], swapped: bool = False) -> str:
    return " ".join(f"{y:.7f} {x:.7f}" if swapped else f"{x:.7f} {y:.7f}" for x, y in corners)


def polygon(positions: str, srs: str | None = URN.format(2177), inner: str = "") -> str:
    named = "" if srs is None else f' srsName="{srs}"'
    hole = f"<gml:interior>{_line(inner)}</gml:interior>" if inner else ""
    return f"<gml:Polygon{named}><gml:exterior>{_line(positions)}</gml:exterior>{hole}</gml:Polygon>"


def _line(positions: str) -> str:
    return f"<gml:LinearRing><gml:posList>{positions}</gml:posList></gml:LinearRing>"


def parcel(number: int, drawn: str | None = None, **changes: str) -> str:
    told = {"id": f"p-{number}", "since": "2020-01-01T10:00:00", "area": "0.0400"} | changes
    return f"""<gml:featureMember><egb:EGB_DzialkaEwidencyjna gml:id="i{number}">
<egb:idIIP><egb:EGB_IdentyfikatorIIP><egb:lokalnyId>{told["id"]}</egb:lokalnyId>
<egb:przestrzenNazw>PL.PZGiK.1.EGiB</egb:przestrzenNazw><egb:wersjaId>2020-01-01T10:00:00</egb:wersjaId>
</egb:EGB_IdentyfikatorIIP></egb:idIIP><egb:startObiekt>{told["since"]}</egb:startObiekt>
<egb:startWersjaObiekt>2020-01-01T10:00:00</egb:startWersjaObiekt>
<egb:idDzialki>306401_1.0001.AR_1.{number}</egb:idDzialki>
<egb:geometria>{polygon(pos_list(ring(number))) if drawn is None else drawn}</egb:geometria>
<egb:poleEwidencyjne uom="ha">{told["area"]}</egb:poleEwidencyjne>
</egb:EGB_DzialkaEwidencyjna></gml:featureMember>
"""


def gml(*members: str, schema: str = SCHEMA_2021, before: str = "", encoding: str = "UTF-8") -> str:
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>\n{before}<gml:FeatureCollection '
        f'xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:egb="{schema}">\n{"".join(members)}'
        "</gml:FeatureCollection>\n"
    )


def third(drawn: str | None = None, **changes: str) -> bytes:
    """Parcels of which the third is otherwise."""
    members = [parcel(number) for number in range(ROWS)]
    members[2] = parcel(2, drawn, **changes)
    return gml(*members).encode()


def everywhere(srs: str | None, at: tuple[float, float], *, swapped: bool = False, size: float = 20) -> bytes:
    squares = [polygon(pos_list(ring(n, at, size), swapped), srs) for n in range(ROWS)]
    return gml(*[parcel(n, square) for n, square in enumerate(squares)]).encode()


def gml_cases() -> Iterator[Case]:
    """All GML files."""
    groups = {
        "parcels": _systems,
        "one parcel": _geometries,
        "one parcel with": _values,
        "a file": _texts,
        "an attack": _attacks,
    }
    for told, group in groups.items():
        for name, content, expected in group():
            yield Case("egib", f"{name}.gml", f"GML: {told}, {plain(name)}", content, expected)
    for name, content, expected in _networks():
        yield Case("gesut", f"gesut-{name}.gml", f"GML: networks, {plain(name)}", content, expected)


def _systems() -> Iterator[tuple[str, bytes, str]]:
    for stated, meant in product(ZONES, ZONES):
        here = GOOD if stated == 2177 else ELSEWHERE
        content = everywhere(URN.format(stated), place(meant, ZONES[meant]))
        yield f"crs-{meant}-stated-{stated}", content, here if stated == meant else refused(f"EPSG:{meant}")
    for srid, middle in ZONES.items():
        yield (
            f"crs-{srid}-swapped",
            everywhere(URN.format(srid), place(srid, middle), swapped=True),
            SWAPPED,
        )
    yield "crs-2176-of-poznan", everywhere(URN.format(2176), place(2176)), GOOD
    yield "crs-2180", everywhere(URN.format(2180), place(2180)), GOOD
    # Both axes of EPSG:2180 have the same range: only the city tells that they are swapped.
    yield "crs-2180-swapped", everywhere(URN.format(2180), place(2180), swapped=True), ELSEWHERE
    yield "crs-4326", everywhere(URN.format(4326), POZNAN, size=0.0005), GOOD
    yield "crs-4326-swapped", everywhere(URN.format(4326), POZNAN, swapped=True, size=0.0005), SWAPPED
    yield "crs-4258", everywhere(URN.format(4258), POZNAN, size=0.0005), GOOD
    yield "crs-4258-swapped", everywhere(URN.format(4258), POZNAN, swapped=True, size=0.0005), SWAPPED
    yield "crs-3857-swapped", everywhere(URN.format(3857), place(3857)), SWAPPED
    yield "crs-2177-stated-2180", everywhere(URN.format(2180), (EAST, NORTH)), refused("EPSG:2177")
    yield "crs-2180-stated-2177", everywhere(URN.format(2177), place(2180)), refused("EPSG:2180")
    yield "crs-3857", everywhere(URN.format(3857), place(3857), swapped=True), GOOD
    yield "crs-degrees-stated-2177", everywhere(URN.format(2177), POZNAN, size=0.0005), refused("EPSG:4326")
    yield "crs-web-stated-2177", everywhere(URN.format(2177), place(3857)), refused("EPSG:3857")
    yield "crs-absent", everywhere(None, (EAST, NORTH)), refused("coordinate system")
    yield "crs-unknown", everywhere(URN.format(99999), (EAST, NORTH)), refused("coordinate system")
    yield "crs-nonsense", everywhere("Poznań", (EAST, NORTH)), refused("coordinate system")
    yield "crs-uri", everywhere("http://www.opengis.net/def/crs/EPSG/0/2177", (EAST, NORTH)), GOOD
    mixed = [parcel(0), parcel(1, polygon(pos_list(ring(1, place(2180))), URN.format(2180)))]
    yield "crs-mixed", gml(*mixed).encode(), refused("coordinate system")


def _geometries() -> Iterator[tuple[str, bytes, str]]:
    (south, west), _, (north, east), _, _ = corners = ring(2)
    bow = [(south, west), (north, east), (north, west), (south, east), (south, west)]
    away = pos_list(ring(2, (EAST + 500, NORTH)))
    wrong = {
        "bow-tie": polygon(pos_list(bow)),
        "open-ring": polygon(pos_list(corners[:-1])),
        "short-ring": polygon(pos_list([*corners[:2], corners[0]])),
        "one-point": polygon(pos_list(corners[:1])),
        "no-numbers": polygon(" "),
        "words": polygon("tu i tam"),
        "odd-count": polygon(pos_list(corners) + " 1"),
        "nan": polygon(pos_list(corners).replace(f"{west:.7f}", "NaN")),
        "inf": polygon(pos_list(corners).replace(f"{west:.7f}", "INF")),
        "1e400": polygon(pos_list(corners).replace(f"{west:.7f}", "1e400")),
        "comma": polygon(pos_list(corners).replace(".", ",")),
        "hole-outside": polygon(pos_list(corners), inner=away),
        "point": f'<gml:Point srsName="{URN.format(2177)}"><gml:pos>{south} {west}</gml:pos></gml:Point>',
        "line": f'<gml:LineString srsName="{URN.format(2177)}"><gml:posList>{pos_list(corners)}'
        "</gml:posList></gml:LineString>",
        "solid": f'<gml:Solid srsName="{URN.format(2177)}"/>',
        "two": polygon(pos_list(corners)) * 2,
        "null-island": polygon(pos_list(ring(0, (0, 0)))),
        "no-area": polygon(pos_list([(south, west)] * 5)),
        "spike": polygon(pos_list([*corners[:2], (south, west), *corners[2:]])),
        "without-system": polygon(pos_list(corners), None),
        "absent": "",
    }
    codes = dict.fromkeys(("bow-tie", "hole-outside", "no-area", "spike"), INVALID)
    # A solid was expected to be of the wrong type; but its reader can draw none, and says so.
    codes |= dict.fromkeys(("point", "line"), one("geometry.type"))
    codes |= {"absent": one("geometry.missing")}
    for name, drawn in wrong.items():
        yield f"geometry-{name}", third(drawn), codes.get(name, UNREADABLE)
    fine = {
        "duplicate-points": [corners[0], *corners],
        "sliver": [(south, west), (south + 0.001, west), (south + 0.001, east), (south, east), (south, west)],
        "clockwise": corners[::-1],
        "collinear": [corners[0], (south + 10, west), *corners[1:]],
    }
    for name, points in fine.items():
        yield f"geometry-{name}", third(polygon(pos_list(points))), GOOD
    heights = " ".join(f"{x} {y} 87.5" for x, y in corners)
    solid = polygon(heights).replace("<gml:posList>", '<gml:posList srsDimension="3">')
    yield "geometry-3d", third(solid), GOOD
    # The national control of deliveries refuses arcs.
    yield "geometry-curve", third(_curved(corners)), UNREADABLE
    steps = 250_000
    many = [
        (x0 + (x1 - x0) * k / steps, y0 + (y1 - y0) * k / steps)
        for (x0, y0), (x1, y1) in pairwise(corners)
        for k in range(steps)
    ]
    yield "geometry-million-vertices", third(polygon(pos_list([*many, corners[0]]))), GOOD


def _curved(corners: list[tuple[float, float]]) -> str:
    """A polygon of which one side is an arc."""
    (south, west), (north, _), (_, east), _, _ = corners
    arc = pos_list([(south, west), ((south + north) / 2, west - 10), (north, west)])
    line = pos_list([(north, west), (north, east), (south, east), (south, west)])
    return (
        f'<gml:Polygon srsName="{URN.format(2177)}"><gml:exterior><gml:Ring><gml:curveMember><gml:Curve>'
        f"<gml:segments><gml:Arc><gml:posList>{arc}</gml:posList></gml:Arc><gml:LineStringSegment>"
        f"<gml:posList>{line}</gml:posList></gml:LineStringSegment></gml:segments></gml:Curve>"
        "</gml:curveMember></gml:Ring></gml:exterior></gml:Polygon>"
    )


def _values() -> Iterator[tuple[str, bytes, str]]:
    fine = ("a/b?c#d%20e", "&quot;&apos;", "x'; DROP TABLE parcels;--", "\u202eabc", "ł" * 500, "日本", "🌳")
    for number, name in enumerate(fine):
        yield f"id-strange-{number}", third(id=name), GOOD
    # Identifiers are compared sign by sign, but a letter is one letter however Unicode puts it together.
    for number, (name, other) in enumerate((("P-1", "p-1"), ("p-01", "p-1"), ("p-1\u200b", "p-1"))):
        yield f"id-near-{number}", third(id=name).replace(b"p-1<", f"{other}<".encode()), GOOD
    twins = third(id="p-\u0141a\u0328ka").replace(b"p-1<", "p-\u0141\u0105ka<".encode())
    yield "id-nfd-and-nfc", twins, "rejected 2 of 6: repeated"
    yield "id-duplicate", third(id="p-1"), "rejected 2 of 6: repeated"
    yield "id-long", third(id="x" * 501), one("long")
    yield "id-very-long", third(id="x" * 1_000_000), one("long")
    yield "id-empty", third(id=""), one("required")
    yield "id-blank", third(id="  "), one("required")
    yield "id-nul", third(id="a\x00b"), refused("XML")
    for since in (
        "2020-02-30T10:00:00",
        "2020-13-01T10:00:00",
        "wczoraj",
        "0000-00-00T00:00:00",
        "20-01-01T10:00:00",
    ):
        yield f"day-{since.replace(':', '')}", third(since=since), one("kind")
    for since in (
        *("1850-01-01T00:00:00", "2019-03-31T02:30:00", "2019-10-27T02:30:00Z", "2019-01-01"),
        # Real deliveries hold such days; an object that is to come is no fault of its description.
        *("2096-12-02T00:00:00", "2020-01-01T10:00:00+14:00"),
    ):
        yield f"day-{since.replace(':', '')}", third(since=since), GOOD
    for area in ("NaN", "INF", "1e400", "-1", "dużo", "--1", "0x10"):
        yield f"number-{area}", third(area=area), one("bounds" if area == "-1" else "kind")
    for number, area in enumerate(("0,0400", "4e-2", "+0.04", "1 234,5", "\u00a00.04")):
        yield f"number-fine-{number}", third(area=area), GOOD


def _texts() -> Iterator[tuple[str, bytes, str]]:
    whole = gml(*[parcel(number) for number in range(ROWS)])
    polish = gml(*[parcel(number, id=f"Łąka-{number}") for number in range(ROWS)])
    yield "good-2021", whole.encode(), GOOD
    yield (
        "good-2015",
        whole.replace(SCHEMA_2021, SCHEMA_2015)
        .replace("poleEwidencyjne", "powierzchniaEwidencyjna")
        .encode(),
        GOOD,
    )
    yield "encoding-utf16", polish.replace("UTF-8", "UTF-16").encode("utf-16"), GOOD
    yield "encoding-bom", polish.encode("utf-8-sig"), GOOD
    yield "encoding-1250-stated", polish.replace("UTF-8", "windows-1250").encode("cp1250"), GOOD
    yield "encoding-8859-stated", polish.replace("UTF-8", "ISO-8859-2").encode("iso-8859-2"), GOOD
    yield "encoding-1250", polish.encode("cp1250"), refused("UTF-8")
    yield "encoding-unknown", polish.replace("UTF-8", "klingon").encode(), refused("encoding")
    yield "encoding-utf16-unstated", polish.replace(' encoding="UTF-8"', "").encode("utf-16"), GOOD
    for percent in range(1, 100, 18):
        yield f"truncated-{percent:02}", whole.encode()[: len(whole) * percent // 100], CUT
    yield "trailing-garbage", whole.encode() + b"garbage", refused("Extra content")
    yield "trailing-zeros", whole.encode() + bytes(512), refused("Extra content")
    yield "trailing-blanks", whole.encode() + b"\n  \n", GOOD
    yield "leading-blank", b" " + whole.encode(), refused("XML")
    yield "empty", b"", refused("0 bytes")
    yield "zeros", bytes(4096), refused("XML")
    yield "picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), refused("XML")
    yield "no-objects", gml().encode(), "refused 4: empty"
    yield "cut-in-a-letter", polish.encode()[: polish.encode().index("Ł".encode()) + 1], CUT
    yield "other-schema", gml(parcel(1), schema="urn:other:1.0").encode(), refused("no object of this feed")


def _attacks() -> Iterator[tuple[str, bytes, str]]:
    laughs = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
    before = {
        "laughs": f'<!DOCTYPE x [<!ENTITY a "ha">{laughs}]>',
        "file": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        "network": '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
        "parameter": '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
        "harmless-doctype": "<!DOCTYPE FeatureCollection>",
    }
    for name, text in before.items():
        yield f"xml-{name}", gml(parcel(1), before=text).encode(), refused("DOCTYPE")
    yield (
        "xml-quadratic",
        gml(parcel(1), before=f'<!DOCTYPE x [<!ENTITY a "{"a" * 99_999}">]>').encode(),
        refused("DOCTYPE"),
    )
    yield "xml-deep", gml(parcel(1, "<a>" * 100_000 + "</a>" * 100_000)).encode(), refused("deep")
    yield "xml-undeclared-entity", gml(parcel(1, id="&nbsp;")).encode(), refused("XML")
    yield (
        "xml-attribute-twice",
        gml(parcel(1)).replace("<egb:idIIP>", '<egb:idIIP a="" a="">').encode(),
        refused("XML"),
    )
    yield "xml-huge-text", third(area="1" * 20_000_000), one("kind")
    yield "xml-comments", third(id="p<!-- -->-2"), GOOD
    yield "xml-cdata", third(id="<![CDATA[<p>&]]>"), GOOD


def pipe(
    number: int, drawn: str | None = None, class_: str = "GES_PrzewodWodociagowy", **changes: str
) -> str:
    """A water pipe of the register of utility networks."""
    told = {"id": f"w-{number}", "course": "p"} | changes
    way = pos_list(ring(number)[:2])
    line = f'<gml:LineString srsName="{URN.format(2177)}"><gml:posList>{way}</gml:posList></gml:LineString>'
    return f"""<gml:featureMember><ges:{class_} gml:id="i{number}">
<ges:idIIP><ges:GES_IdentyfikatorIIP><ges:lokalnyId>{told["id"]}</ges:lokalnyId>
<ges:przestrzenNazw>PL.PZGiK.1.GESUT</ges:przestrzenNazw><ges:wersjaId>2020-01-01T10:00:00</ges:wersjaId>
</ges:GES_IdentyfikatorIIP></ges:idIIP><ges:startObiekt>2020-01-01T10:00:00</ges:startObiekt>
<ges:startWersjaObiekt>2020-01-01T10:00:00</ges:startWersjaObiekt><ges:zrodlo>O</ges:zrodlo>
<ges:status>i</ges:status><ges:geometria>{line if drawn is None else drawn}</ges:geometria>
<ges:funkcja>g</ges:funkcja><ges:przebieg>{told["course"]}</ges:przebieg>
</ges:{class_}></gml:featureMember>
"""


def _networks() -> Iterator[tuple[str, bytes, str]]:
    pipes = [pipe(number) for number in range(ROWS)]

    def otherwise(drawn: str | None = None, class_: str = "GES_PrzewodWodociagowy", **changes: str) -> bytes:
        return _gesut(*pipes[:2], pipe(2, drawn, class_, **changes), *pipes[3:])

    (south, west), (north, _), *_ = ring(2)
    line = f'<gml:LineString srsName="{URN.format(2177)}"><gml:posList>{{}}</gml:posList></gml:LineString>'
    arc = (
        f'<gml:Curve srsName="{URN.format(2177)}"><gml:segments><gml:Arc><gml:posList>'
        f"{south} {west} {(south + north) / 2} {west - 9} {north} {west}</gml:posList></gml:Arc>"
        "</gml:segments></gml:Curve>"
    )
    whole = _gesut(*pipes)
    yield "good", whole, GOOD
    yield "arc", otherwise(arc), UNREADABLE
    yield "one-position", otherwise(line.format(f"{south} {west}")), UNREADABLE
    yield "of-no-length", otherwise(line.format(f"{south} {west} " * 2)), INVALID
    yield "polygon", otherwise(polygon(pos_list(ring(2)))), one("geometry.type")
    yield "no-geometry", otherwise(""), one("geometry.missing")
    yield "unknown-code", otherwise(course="q"), one("codes")
    yield "duplicate-id", otherwise(id="w-1"), "rejected 2 of 6: repeated"
    way = f"{NORTH + 30 * 2:.7f} {EAST:.7f}"
    yield "swapped-in-one", whole.replace(way.encode(), " ".join(way.split()[::-1]).encode()), UNREADABLE
    for percent in (30, 90):
        yield f"cut-{percent}", whole[: len(whole) * percent // 100], CUT
    yield "parcels", gml(parcel(1)).encode(), refused("no object of this feed")


def _gesut(*members: str) -> bytes:
    return gml(*members, schema=GESUT).replace("xmlns:egb", "xmlns:ges").encode()
