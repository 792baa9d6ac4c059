"""Nobody learns from any answer what is hidden.

Two databases are equal in their public part and differ in every hidden value. The same requests get the same
bytes from both. Requests are made of the API's own description and of the declarations, those of the closed
layers too, so an address or a parameter that is added later is asked without anybody adding it here.

    pytest tests/privacy --requests 10000
"""

import itertools
import json
import math
import random
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

import pytest
from starlette.testclient import TestClient

from api.app import application
from api.gate import Caller, Gate
from api.reading import close_readers
from layers import all_layers, layers_for
from mesip.database import Database
from mesip.settings import settings
from pipelines.keys import new_key

# Moments at which answers may differ from each other without telling anything.
CLOCK = re.compile(rb'"timeStamp": ?"[^"]*"')
OF_JOBS = re.compile(rb'"(created|started|updated|finished)": ?"[^"]*"|<dd>[^<]*\d\d:\d\d</dd>')
JOB = re.compile(rb"/jobs/(job-\d+)")
PESEL = re.compile(rb"(?<![\w.-])\d{11}(?![\w.-])")
LAND_REGISTER = re.compile(rb"[A-Z]{2}\d[A-Z]/\d{8}/\d")
LINK = re.compile(rb'"href": ?"(http://testserver/[^"{]*)"')
SHORTEST_TELLING = 6
MALFORMED = [
    "",
    "x",
    "-1",
    "1e99",
    "%",
    "'",
    '"',
    "\\",
    "a,b",
    "null",
    "' OR 1=1 --",
    "ąć",
    "\u202e",
    "9" * 30,
]
DAYS = ["2022-06-01", "2023-01-01", "2023-06-01", "2024-06-01", "2025-06-01", "2026-06-01T12:00:00Z", "now"]
BOXES = [
    "16.8,52.3,17.1,52.5",
    "16.88,52.38,16.9,52.4",
    "16.9,52.4,16.901,52.401",
    "0,0,1,1",
    "16.9,52.4,16.8,52",
]


class Asked(NamedTuple):
    """One request of anybody's."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Answer(NamedTuple):
    """All that is told: nothing but the date is left out."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@pytest.fixture(scope="module")
def described(vaulted):
    """The API as it describes itself to those who see the most; addresses in it are not secret."""
    key = new_key(vaulted, "internal", "a test", None)
    with TestClient(application(), base_url="http://testserver") as asking:
        header = {"Authorization": f"Bearer {key.token}"}
        stated = asking.get("/openapi", headers=header).json()
    shared = stated["components"]["parameters"]
    for methods in stated["paths"].values():
        for operation in methods.values():
            operation["parameters"] = [
                shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
                for each in operation.get("parameters", [])
            ]
    return stated["paths"]


# Requests


class Questions:
    """Requests made at random, the same for one seed: described addresses, declared names, real values."""

    def __init__(self, seed: int, described: dict[str, Any], database: Database) -> None:
        self.random = random.Random(seed)
        # Addresses of layers are much alike, so each kind of address is drawn first, then one of the kind.
        self.kinds: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
        for path, methods in described.items():
            for method, operation in methods.items():
                self.kinds.setdefault(shape(path), []).append((method.upper(), path, operation))
        self.fields = sorted({field.name for layer in all_layers().values() for field in layer.fields})
        self.values = {layer.name: told_values(database, layer) for layer in all_layers().values()}
        self.places = {layer.name: told_places(database, layer) for layer in all_layers().values()}
        self.recorded = told_moments(database)
        self.found: list[str] = []
        self.jobs = ["job-0"]

    def __iter__(self) -> Iterator[Asked]:
        while True:
            kind = self.random.random()
            if kind < 0.15 and self.found:
                yield Asked("GET", self.random.choice(self.found), self.headers())
            elif kind < 0.2:
                yield Asked("GET", f"/{self.nonsense()}", self.headers())
            else:
                yield self.described()

    def described(self) -> Asked:
        """A described address: more often one of data, with fitting and unfitting parameters."""
        weights = [
            12 if kind.endswith("LAYER/items") else 3 if "{" in kind or "execution" in kind else 1
            for kind in self.kinds
        ]
        (kind,) = self.random.choices(list(self.kinds), weights)
        method, path, operation = self.random.choice(self.kinds[kind])
        layer = next((name for name in all_layers() if f"/{name}" in path.split("{")[0]), "benches")
        query = urlencode(self.query(operation, layer), errors="replace")
        body, headers = self.body(operation), self.headers()
        if body and self.random.random() < 0.5:
            headers = (*headers, ("Prefer", "respond-async"))
        if self.random.random() < 0.06:
            method = self.random.choice(["HEAD", "POST", "DELETE"])
        here = self.filled(path, layer, operation)
        return Asked(method, here + (f"?{query}" if query else ""), headers, body)

    def heard(self, body: bytes) -> None:
        """Take addresses from an answer, to follow them later."""
        self.jobs += [name.decode() for name in JOB.findall(body)][:1]
        links = [urlsplit(link.decode()) for link in LINK.findall(body)]
        further = [link for link in links if "after=" in link.query]
        for link in [*further, *self.random.sample(links, min(3, len(links)))]:
            self.found.append(link.path + (f"?{link.query}" if link.query else ""))

    def filled(self, path: str, layer: str, operation: dict[str, Any]) -> str:
        """A described path, with something in its places: a tile with data in it, a key, or anything."""
        codes = {each["name"]: each["schema"].get("enum") for each in operation["parameters"]}
        zoom = self.random.randint(9, 17)
        column, row = tile_of(*self.random.choice(self.places[layer]), zoom)
        axes = {"tileMatrix": zoom, "tileRow": row, "tileCol": column, "jobId": self.random.choice(self.jobs)}
        key = self.value(layer, all_layers()[layer].key if self.random.random() < 0.8 else "")

        def place(named: re.Match) -> str:
            chosen = self.random.choice(codes.get(named[1]) or [axes.get(named[1], key)])
            return quote(str(chosen), safe="")

        return re.sub(r"{(\w+)}", place, path)

    def body(self, operation: dict[str, Any]) -> bytes:
        """Inputs of a process, fitting ones and others, of layers that may be hidden; nothing for others."""
        if "requestBody" not in operation:
            return b""
        stated = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
        needed = stated["inputs"]["required"]
        layer = self.random.choice([*all_layers(), "benches", "benches", "benches"])
        inputs: dict[str, Any] = {"layer": layer} if self.random.random() < 0.95 else {}
        for name, schema_ in stated["inputs"]["properties"].items():
            if name != "layer" and self.random.random() < (0.95 if name in needed else 0.3):
                inputs[name] = self.parameter(name, layer, {"schema": schema_})
        if "bbox" in inputs and self.random.random() < 0.95:
            inputs["bbox"] = {"bbox": [float(each) for each in self.random.choice(BOXES).split(",")]}
        asked = {"inputs": inputs, "response": self.random.choice(["raw", "raw", "document"])}
        return json.dumps(asked).encode()

    def query(self, operation: dict[str, Any], layer: str) -> list[tuple[str, str]]:
        """Some described parameters, and sometimes a field, be it hidden or of another layer."""
        stated = {each["name"]: each for each in operation["parameters"] if each["in"] == "query"}
        chosen = {name for name, each in stated.items() if each["required"] and self.random.random() < 0.95}
        general = sorted(name for name in stated if name not in self.fields)
        chosen |= set(self.random.sample(general, min(len(general), self.random.choice([0, 1, 2, 3, 4]))))
        if len(general) < len(stated) and self.random.random() < 0.4:
            chosen.add(self.field(layer))
        if "filter" in stated and self.random.random() < 0.25:
            chosen = {"filter", self.random.choice(["limit", "resulttype", "sortby"])}
        if self.random.random() < 0.05:
            chosen.add(self.random.choice([*self.fields, "nonsense"]))
        return [(name, self.parameter(name, layer, stated.get(name, {}))) for name in sorted(chosen)]

    def parameter(self, name: str, layer: str, stated: dict[str, Any]) -> str:
        """A value for the parameter ``name``, mostly one that fits what is stated of it."""
        pick, field = self.random.choice, self.field(layer)
        if self.random.random() < 0.04:
            return pick([*MALFORMED, self.nonsense()])
        if codes := stated.get("schema", {}).get("enum"):
            return pick(codes)
        special = {
            "limit": lambda: str(pick([1, 2, 7, 50, 100, 100, 1000])),
            "bbox": lambda: pick(BOXES),
            "datetime": lambda: pick([pick(DAYS), f"{pick(DAYS)}/{pick(DAYS)}", f"../{pick(DAYS)}"]),
            "known-at": lambda: pick([pick(DAYS), *self.recorded]),
            "sortby": lambda: pick(["", "-", "+"]) + field,
            "properties": lambda: ",".join(dict.fromkeys((field, self.field(layer)))),
            "filter": lambda: self.filter(layer),
            "q": lambda: self.value(layer)[: pick([1, 3, 20])],
        }
        return special[name]() if name in special else self.value(layer, name)

    def filter(self, layer: str) -> str:
        """A condition in CQL2, on fields that may be hidden."""
        field = self.field(layer)
        text = self.value(layer, field).replace("'", "''")
        one = self.random.choice(
            [
                f"{field} = '{text}'",
                f"{field} <> '{text}'",
                f"{field} > {self.random.randint(0, 99)}",
                f"{field} LIKE '{text[:2]}%'",
                f"CASEI({field}) = CASEI('{text}')",
                f"{field} IS NOT NULL",
                f"{field} IN ('{text}', 'x')",
                f"{field} BETWEEN 1 AND 50",
                f"{field} = DATE('2024-05-01')",
                f"S_INTERSECTS(geometry, BBOX({self.random.choice(BOXES)}))",
                f"T_AFTER({field}, DATE('2024-01-01'))",
                f"{field} = {self.random.choice(self.fields)}",
            ]
        )
        return one if self.random.random() < 0.7 else f"NOT ({one}) OR {self.filter(layer)}"

    def field(self, layer: str) -> str:
        """A field: mostly one that is seen, else a hidden one, or one of another layer."""
        seen = [field.name for field in all_layers()[layer].visible_fields("public")]
        chosen = self.random.choice([seen, seen, seen, self.own(layer), self.fields])
        return self.random.choice(chosen or self.fields)

    def own(self, layer: str) -> list[str]:
        """The fields of a layer, hidden ones too."""
        return [field.name for field in all_layers()[layer].fields]

    def value(self, layer: str, field: str = "") -> str:
        """A value that stands in the layer, of any field or of one."""
        told = self.values[layer]
        known = told.get(field) or told[self.random.choice(list(told))]
        return self.random.choice(known)

    def headers(self) -> tuple[tuple[str, str], ...]:
        """What clients send along."""
        accepted = self.random.choice(
            ["application/json", "application/json", "*/*", "text/html", "image/png"]
        )
        language = self.random.choice(["pl", "en", "en-GB,pl;q=0.5"])
        # The moment in an answer is of one length, but not when it is compressed.
        return (("Accept", accepted), ("Accept-Language", language), ("Accept-Encoding", "identity"))

    def nonsense(self) -> str:
        """A path that somebody might try."""
        parts = [
            "collections",
            "items",
            "search",
            "jobs",
            "processes",
            "map",
            "health",
            *all_layers(),
            *self.fields,
        ]
        return "/".join(quote(part) for part in self.random.choices(parts, k=self.random.randint(1, 4)))


def shape(path: str) -> str:
    """A path without the name of its layer."""
    return re.sub("|".join(rf"(?<=/){name}\b" for name in all_layers()), "LAYER", path)


def tile_of(longitude: float, latitude: float, zoom: int) -> tuple[int, int]:
    """The column and the row of the tile of WebMercatorQuad that holds a place in degrees."""
    sine = math.sin(math.radians(latitude))
    down = 0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)
    return int((longitude + 180) / 360 * 2**zoom), int(down * 2**zoom)


def told_moments(database: Database) -> list[str]:
    """When something was published."""
    with database.transaction() as connection:
        query = "SELECT DISTINCT recorded_at FROM registry.run WHERE recorded_at IS NOT NULL ORDER BY 1"
        return [moment.isoformat() for moment in connection.exec_driver_sql(query).scalars()]


def told_places(database: Database, layer) -> list[tuple[float, float]]:
    """Where some features are, longitude first."""
    with database.transaction() as connection:
        place = "ST_PointOnSurface(lonlat)"
        query = f"SELECT ST_X({place}), ST_Y({place}) FROM city.{layer.name} ORDER BY {layer.key} LIMIT 50"
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def told_values(database: Database, layer) -> dict[str, list[str]]:
    """Some values of every field, hidden ones too; there is at least one."""
    with database.transaction() as connection:
        return {
            field.name: [
                str(value.isoformat() if isinstance(value, date) else value)
                for value in connection.exec_driver_sql(
                    f"SELECT DISTINCT {field.name} FROM ("
                    f"SELECT * FROM city.{layer.name} ORDER BY {layer.key} LIMIT 200"
                    f") AS few WHERE {field.name} IS NOT NULL ORDER BY 1 LIMIT 20"
                ).scalars()
            ]
            or ["x"]
            for field in layer.fields
        }


# The comparison


class Jobs:
    """The jobs of one node, called after the order in which they were asked for: their names are random."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def seen(self, headers: Any) -> None:
        """Learn the name of a job from an answer that tells of a new one."""
        told = headers.get("location", "") + headers.get("link", "")
        self.ids += [each for each in re.findall(r"/jobs/([0-9a-f-]{36})", told) if each not in self.ids]

    def asked(self, path: str) -> str:
        """An address, with the name of the job that is meant."""
        return re.sub(
            r"job-(\d+)", lambda at: self.ids[int(at[1])] if int(at[1]) < len(self.ids) else at[0], path
        )

    def told(self, text: str) -> str:
        """A text, with its jobs called after their order."""
        for number, each in enumerate(self.ids):
            text = text.replace(each, f"job-{number}")
        return text

    def body(self, path: str, content: bytes) -> bytes:
        """The body of an answer, with its jobs called after their order, and without the clock."""
        for number, each in enumerate(self.ids):
            content = content.replace(each.encode(), f"job-{number}".encode())
        told = path.startswith(("/jobs", "/processes"))
        return CLOCK.sub(b"", OF_JOBS.sub(b"", content) if told else content)


def answers(database: Database, asked, heard=lambda _: None):
    """What anybody is answered over ``database``, by a node that has kept nothing of the other one.

    A job that was asked for is over before the next request: how fast it is tells nothing.
    """
    named = Jobs()
    close_readers()
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as home:
        shutil.copy(database.home / "secrets.json", home)
        patch.setenv("MESIP_HOME", home)
        patch.setenv("MESIP_DATABASE_URL", database.url)
        settings.cache_clear()
        with TestClient(application(), base_url="http://testserver", raise_server_exceptions=False) as asking:
            for each in asked:
                path = named.asked(each.path)
                got = asking.request(each.method, path, headers=dict(each.headers), content=each.body)
                named.seen(got.headers)
                headers = sorted(
                    (name, named.told(value)) for name, value in got.headers.items() if name != "date"
                )
                answer = Answer(got.status_code, tuple(headers), named.body(path, got.content))
                while got.status_code == 201 and not ended(asking, got.headers["location"]):
                    time.sleep(0.01)
                heard(answer.body)
                yield each, answer
    close_readers()
    settings.cache_clear()


def ended(asking: TestClient, address: str) -> bool:
    return asking.get(address).json()["status"] not in ("accepted", "running")


class Replay(NamedTuple):
    """Requests with their answers, and the first that was answered in another way over the other database."""

    answers: list[tuple[Asked, Answer]]
    difference: tuple[Asked, Answer, Answer] | None


def replay(one: Database, two: Database, questions: Questions, requests: int) -> Replay:
    """Ask the same over both databases."""
    told = list(answers(one, itertools.islice(questions, requests), questions.heard))
    for (asked, before), (_, after) in zip(told, answers(two, [asked for asked, _ in told]), strict=True):
        if before != after:
            return Replay(told, (asked, before, after))
    return Replay(told, None)


@pytest.fixture(scope="module")
def replayed(vaulted, other, described, pytestconfig):
    return replay(vaulted, other, Questions(1, described, vaulted), pytestconfig.getoption("requests"))


def test_the_same_is_answered_whatever_is_hidden(replayed):
    if replayed.difference:
        asked, *told = replayed.difference
        parts = [f"{answer.status} {answer.headers}\n{answer.body[:2000]!r}" for answer in told]
        pytest.fail("\n".join([str(asked), *parts]))


def test_the_requests_are_of_all_kinds(replayed, described):
    told = replayed.answers
    statuses = [answer.status for _, answer in told]
    shapes = {shape(re.sub(r"\{.*", "", path)) for path in described}
    assert statuses.count(200) > len(told) / 4
    assert {200, 400, 404, 405} <= set(statuses)
    assert not [asked for asked, answer in told if answer.status >= 500]
    reached = {shape(asked.path.split("?")[0]) for asked, _ in told}
    assert [each for each in shapes if not any(path.startswith(each) for path in reached)] == []


def test_no_public_byte_tells_a_hidden_value(vaulted, replayed):
    secrets = {value for layer in all_layers().values() for value in hidden_texts(vaulted, layer)}
    assert len(secrets) > 100
    telling = re.compile(b"|".join(re.escape(value.encode()) for value in sorted(secrets)))
    for asked, answer in replayed.answers:
        told = {*telling.findall(answer.body), *LAND_REGISTER.findall(answer.body)}
        told |= {number for number in PESEL.findall(answer.body) if is_pesel(number)}
        # What the caller said themselves may be said back.
        said = unquote_plus(asked.path).encode()
        assert [each for each in told if each not in said] == [], asked


def hidden_texts(database: Database, layer) -> set[str]:
    """What closed text fields hold, unless the public sees the same somewhere."""
    open_ = layers_for("public").get(layer.name)
    hidden = [
        field
        for field in layer.fields
        if field.kind == "text" and field not in (open_.fields if open_ else ())
    ]
    with database.transaction() as connection:
        return {
            value
            for field in hidden
            for value in connection.exec_driver_sql(
                f"SELECT DISTINCT {field.name} FROM city.{layer.name}"
            ).scalars()
            if value and len(value) >= SHORTEST_TELLING
        }


def is_pesel(number: bytes) -> bool:
    """Whether eleven digits are a personal number: its month, its day and its last digit fit."""
    digits = [int(digit) for digit in number.decode()]
    weighted = sum(
        digit * weight for digit, weight in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), strict=True)
    )
    month, day = digits[2] * 10 + digits[3], digits[4] * 10 + digits[5]
    return weighted % 10 == 0 and 1 <= month % 20 <= 12 and 1 <= day <= 31


# A test that cannot fail proves nothing: the wall is broken on purpose, and that is noticed.


@pytest.fixture
def everybody_is_taken_for_staff(monkeypatch):
    async def internal(*_):
        return Caller("internal", None)

    monkeypatch.setattr(Gate, "_caller", internal)


@pytest.mark.parametrize("broken", ["rows_chosen_by_a_hidden_field", "everybody_is_taken_for_staff"])
def test_a_broken_wall_would_be_noticed(vaulted, other, described, broken, request):
    request.getfixturevalue(broken)
    here = "/collections/benches"
    about_benches = {path: methods for path, methods in described.items() if path.startswith(here)}
    assert replay(vaulted, other, Questions(2, about_benches, vaulted), 60).difference
