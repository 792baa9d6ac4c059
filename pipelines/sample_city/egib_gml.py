"""The cadastre of a district as EGiB GML of 2021: no persons, no land registers."""

from collections.abc import Iterator

import shapely

from pipelines.sample_city.buildings import Building
from pipelines.sample_city.districts import TERYT, District
from pipelines.sample_city.gml import collection, element, member, multisurface, point, reference, surface
from pipelines.sample_city.ground import Point
from pipelines.sample_city.parcels import Parcel
from pipelines.sample_city.stamps import EGIB, Stamp
from pipelines.sample_city.survey import Address, BoundaryPoint, Survey

SPACE = "ewidencjaGruntowIBudynkow:1.0"
UNIT = Stamp(EGIB, "7f3a9d10-51c2-5b6e-a0d4-30640110c17e", "1995-01-02T08:00:00", "1995-01-02T08:00:00")


def start(stand: str) -> str:
    """The beginning of the file."""
    return collection("egb", SPACE, "EGIB_1.11.xsd", stand)


def cadastre(found: Survey) -> Iterator[str]:
    """The members of one district."""
    yield _district(found)
    for group, stamp in found.owners.items():
        yield _register_unit(found, group, stamp)
    for each in found.points:
        yield _point(each)
    for parcel in found.parcels:
        yield _parcel(parcel, found)
    addresses = {id(address.building): address for address in found.addresses}
    for building in found.buildings:
        yield _building(building, addresses.get(id(building)), found.district)
    for address in found.addresses:
        yield _address(address)


def unit(all_districts: list[District], corners: dict[Point, BoundaryPoint]) -> str:
    """The cadastral unit: the city, all districts together."""
    city = shapely.union_all([shapely.Polygon(district.corners) for district in all_districts])
    if not isinstance(city, shapely.Polygon):
        city = max(shapely.get_parts(city), key=shapely.area)
    ring = [(round(east), round(north)) for east, north in city.exterior.coords[:-1]]
    return member(
        "egb:EGB_JednostkaEwidencyjna",
        UNIT,
        multisurface("egb:geometria", ring, UNIT.gml_id),
        element("egb:idJednostkiEwid", TERYT),
        element("egb:nazwaWlasna", "Poznań"),
        *[reference("egb:punktGranicyJednEwid", corners[corner].stamp.gml_id) for corner in ring],
    )


def parcel_id(parcel: Parcel, district: District) -> str:
    """The identifier of a parcel: ``306401_1.0051.AR_44.27/14``."""
    return f"{district.code}.AR_{parcel.sheet}.{parcel.number}"


def _district(found: Survey) -> str:
    district, stamp = found.district, found.stamp
    return member(
        "egb:EGB_ObrebEwidencyjny",
        stamp,
        multisurface("egb:geometria", list(district.corners), stamp.gml_id),
        element("egb:idObrebu", district.code),
        element("egb:nazwaWlasna", district.name),
        *[reference("egb:punktGranicyObrebu", found.corners[each].stamp.gml_id) for each in district.corners],
        reference("egb:lokalizacjaObrebu", UNIT.gml_id),
    )


def _register_unit(found: Survey, group: str, stamp: Stamp) -> str:
    return member(
        "egb:EGB_JednostkaRejestrowaGruntow",
        stamp,
        element("egb:idJednostkiRejestrowej", f"{found.district.code}.G{group}"),
        element("egb:grupaRejestrowa", group),
        reference("egb:lokalizacjaJRG", found.stamp.gml_id),
    )


def _point(each: BoundaryPoint) -> str:
    return member(
        "egb:EGB_PunktGraniczny",
        each.stamp,
        point("egb:geometria", each.point, each.stamp.gml_id),
        element("egb:idPunktu", each.identifier),
        element("egb:sposobPozyskania", each.method),
        element("egb:spelnienieWarunkowDokl", each.accuracy),
        element("egb:rodzajStabilizacji", each.mark),
    )


def _parcel(parcel: Parcel, found: Survey) -> str:
    return member(
        "egb:EGB_DzialkaEwidencyjna",
        parcel.stamp,
        element("egb:idDzialki", parcel_id(parcel, found.district)),
        surface("egb:geometria", parcel.corners, parcel.stamp.gml_id),
        element("egb:poleEwidencyjne", f"{parcel.area_m2 / 10_000:.4f}", "ha"),
        element("egb:dokladnoscReprezentacjiPola", "1"),
        *[_use(*use) for use in parcel.uses],
        reference("egb:JRG2", found.owners[parcel.owner].gml_id),
        *[reference("egb:punktGranicyDzialki", found.corners[each].stamp.gml_id) for each in parcel.corners],
        reference("egb:lokalizacjaDzialki", found.stamp.gml_id),
    )


def _use(ofu: str, ozu: str, ozk: str, area_m2: int) -> str:
    soil = (element("egb:OZU", ozu) if ozu else "") + (element("egb:OZK", ozk) if ozk else "")
    area = element("egb:powierzchnia", f"{area_m2 / 10_000:.4f}", "ha")
    return (
        f"<egb:klasouzytek>\n<egb:EGB_Klasouzytek>\n{element('egb:OFU', ofu)}{soil}"
        f"{area}</egb:EGB_Klasouzytek>\n</egb:klasouzytek>\n"
    )


def _building(building: Building, address: Address | None, district: District) -> str:
    stamp = building.stamp
    return member(
        "egb:EGB_Budynek",
        stamp,
        element("egb:idBudynku", f"{parcel_id(building.parcel, district)}.{building.number}_BUD"),
        multisurface("egb:geometria", building.ring, stamp.gml_id),
        element("egb:rodzajWgKST", building.kind),
        element("egb:liczbaKondygnacjiNadziemnych", building.storeys),
        element("egb:liczbaKondygnacjiPodziemnych", building.cellars),
        element("egb:powZabudowy", building.footprint_m2, "m2"),
        reference("egb:dzialkaZabudowana", building.parcel.stamp.gml_id),
        reference("egb:adresBudynku", address.stamp.gml_id) if address else "",
    )


def _address(address: Address) -> str:
    return member(
        "egb:EGB_AdresNieruchomosci",
        address.stamp,
        element("egb:nazwaMiejscowosci", "Poznań"),
        element("egb:nazwaUlicy", address.street),
        element("egb:numerPorzadkowy", address.number),
        point("egb:geometria", address.point, address.stamp.gml_id),
    )
