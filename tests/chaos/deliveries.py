"""What is delivered while things break: small versions of the utility networks and of trees; other feeds."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.sample_city.write import write_city

MEMBER = re.compile(r"<gml:featureMember>.*?</gml:featureMember>\n", re.DOTALL)
CLASS = re.compile(r"<\w+:(\w+) gml:id")
LINE, DEVICE = "GES_PrzewodWodociagowy", "GES_UrzadzeniaSiecWodociagowa"
SIZE, CHANGED, GONE, NEW = 40, 5, 3, 4


def write_deliveries(folder: Path) -> dict[str, Path]:
    """Write ``v1.gml`` to ``v5.gml`` of gesut, ``trees1.csv``, ``trees2.csv``, and a few rows of other feeds.

    All versions of gesut hold a line of an unknown status, which is rejected, and a superseded version of a
    line; in all but the first, one device stands twice.
    """
    with TemporaryDirectory() as whole:
        city = write_city(Path(whole))
        texts = {kind: path.read_text(encoding=_encoding(kind)) for kind, path in city.items()}
    folder.mkdir(parents=True, exist_ok=True)
    written = {f"v{n}.gml": text for n, text in enumerate(_versions(texts["gesut"]), 1)}
    written["egib.gml"] = _few(texts["egib"])
    written["districts.geojson"] = texts["districts"]
    written["stops.csv"] = texts["stops"]
    header, *trees = texts["trees"].splitlines(keepends=True)
    written["trees1.csv"] = "".join([header, *trees[:SIZE]])
    changed = [each.replace(";Tilia ", ";Acer ") for each in trees[:CHANGED]]
    now = [*changed, *trees[CHANGED : SIZE - GONE], *trees[SIZE : SIZE + NEW]]
    written["trees2.csv"] = "".join([header, *now, now[-1]])
    for name, text in written.items():
        (folder / name).write_text(text, encoding=_encoding(name))
    return {Path(name).stem: folder / name for name in written}


def _versions(text: str) -> Iterator[str]:
    """The first version, and four that might follow it."""
    by_class = _members(text)
    lines, devices = by_class[LINE], by_class[DEVICE]
    always = [_superseded(lines[0]), _of_unknown_status(lines[-1])]
    yield _document(text, [*always, *lines[:SIZE], *devices[:SIZE]])
    for version in range(2, 6):
        now = [*_moved_on(lines, version), *_moved_on(devices, version)]
        yield _document(text, [*always, *now, now[-1]])


def _moved_on(members: list[str], version: int) -> list[str]:
    """A later version: some changed, some gone, some new."""
    kept = members[: SIZE - GONE]
    changed = [_changed(each, version) for each in kept[-CHANGED:]]
    return [*kept[:-CHANGED], *changed, *members[SIZE : SIZE + NEW]]


def _changed(member: str, version: int) -> str:
    member = re.sub(r"(<ges:wladajacy>)[^<]+", rf"\g<1>Spółka {version}", member)
    return re.sub(r"(<ges:startWersjaObiekt>)[^<]+", r"\g<1>2025-11-11T11:11:11", member)


def _superseded(member: str) -> str:
    """A version of the same object that ended when the member's began."""
    since = re.search(r"<ges:startWersjaObiekt>([^<]+)", member)
    ended = f"<ges:koniecWersjaObiekt>{since[1]}</ges:koniecWersjaObiekt>" if since else ""
    earlier = re.sub(r"(<ges:startWersjaObiekt>)[^<]+", r"\g<1>2001-01-01T10:00:00", member)
    return earlier.replace("</ges:startWersjaObiekt>", f"</ges:startWersjaObiekt>\n{ended}")


def _of_unknown_status(member: str) -> str:
    return re.sub(r"<ges:status>[^<]+", "<ges:status>?", member)


def _few(text: str) -> str:
    return _document(text, [each for members in _members(text).values() for each in members[:SIZE]])


def _members(text: str) -> dict[str, list[str]]:
    by_class = defaultdict(list)
    for member in MEMBER.findall(text):
        found = CLASS.search(member)
        by_class[found[1] if found else ""].append(member)
    return by_class


def _document(text: str, members: list[str]) -> str:
    start, end = text.index("<gml:featureMember>"), text.rindex("</gml:featureMember>\n")
    return text[:start] + "".join(members) + text[end + len("</gml:featureMember>\n") :]


def _encoding(name: str) -> str:
    return "cp1250" if name.startswith("trees") else "utf-8"
