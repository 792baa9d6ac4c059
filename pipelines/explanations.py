"""Where and what the doubtful rows of a run are, in sentences: by district, by class, by reason."""

from collections import Counter

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from layers import Field, Layer
from layers.table import SCHEMA
from pipelines.guards import Account
from pipelines.publication import Publication

WITHHELD = "{:,} absent rows stay, because a rejected row without a readable key may be one of them."
LARGEST = 5
REASONS = 3
NOWHERE, UNKNOWN, UNSAID = "in no district", "–", "not stated"
OPENINGS = {"removals": "Absent by district", "rejects": "Rejected by district", "extent": "By district"}
# The number of a cadastral district at the front of every parcel's identifier, such as 306401_1.0051.
DISTRICT_NUMBER = r"[0-9]{6}_[0-9]\.[0-9]{4}"


def explanation(connection: sa.Connection, this: Publication, counted: Account) -> list[str]:
    """Sentences about the rows that would vanish, were rejected, or lie outside, if there are any."""
    told = {"removals": counted.removed, "rejects": counted.rejected, "extent": counted.outside}
    said = [sentence for guard, rows in told.items() if rows for sentence in explain(connection, this, guard)]
    return [WITHHELD.format(counted.withheld), *said] if counted.withheld else said


def explain(connection: sa.Connection, this: Publication, guard: str) -> list[str]:
    """Sentences about the rows that ``guard`` doubts; none for a guard that is not about rows."""
    if guard not in OPENINGS:
        return []
    counts = _counted(connection, this, guard)
    said = [reasons(connection, this.run, this.layer)] if guard == "rejects" else []
    districts = _summed(counts, 0)
    if set(districts) - {UNKNOWN}:
        said.append(f"{OPENINGS[guard]}: {_listed(districts)}.")
    if (by := this.layer.style.by) and (classes := _summed(counts, 1)):
        field = this.layer.field(by)
        said.append(f"By {field.en[0].lower()}{field.en[1:]}: {_listed(_labelled(classes, field))}.")
    return said


def reasons(connection: sa.Connection, run: int, layer: Layer) -> str:
    """The commonest reasons of rejection: what is wrong, in how many rows, and where first."""
    query = sa.text("""
        SELECT count(*) AS rows, (array_agg(origin ORDER BY issue))[1] AS origin,
               (array_agg(message ORDER BY issue))[1] AS message
        FROM registry.issue WHERE run = :run AND layer = :layer AND severity = 'error'
        GROUP BY field, code ORDER BY rows DESC, field LIMIT :most
    """)
    found = connection.execute(query, {"run": run, "layer": layer.name, "most": REASONS}).all()
    told = [
        f"{row.message.rstrip('.')} ({row.rows:,} row{'s' * (row.rows > 1)}, first at {row.origin})"
        for row in found
    ]
    return f"The commonest reasons: {'; '.join(told)}."


def _counted(connection: sa.Connection, this: Publication, guard: str) -> Counter[tuple[str, str]]:
    """Rows per district and class; by the districts' numbers if coordinates are beyond the earth."""
    rows = {"removals": _absent, "rejects": _rejected, "extent": _outside}[guard](this)
    by = _class(this.layer) if this.layer.style.by else "NULL"
    west, south, east, north = this.extent
    asked = this.moments | {"srid": this.srid, "west": west, "south": south, "east": east, "north": north}
    for district, joined, elsewhere in _districts(connection):
        query = (
            f"SELECT {district} AS district, {by} AS class, count(*) AS rows FROM ({rows}) AS told {joined}"
        )
        try:
            with connection.begin_nested():
                found = connection.execute(sa.text(f"{query} GROUP BY 1, 2"), asked).all()
        except DBAPIError:
            continue
        return Counter({(row.district or elsewhere, row[1] or UNSAID): row.rows for row in found})
    return Counter()


def _districts(connection: sa.Connection) -> list[tuple[str, str, str]]:
    """How to tell the district of a row, best first: an expression, what it joins, and what else to say."""
    by_number = f"substring(told.row::text from '{DISTRICT_NUMBER}')", "", UNKNOWN
    if not connection.exec_driver_sql(f"SELECT EXISTS (SELECT FROM {SCHEMA}.districts)").scalar_one():
        return [by_number]
    by_place = f"""
        LEFT JOIN LATERAL (
            SELECT name FROM {SCHEMA}.districts AS district
            WHERE ST_Intersects(district.geom, ST_Centroid(ST_Envelope(told.geom))) ORDER BY name LIMIT 1
        ) AS around ON true
    """
    return [("around.name", by_place, NOWHERE), by_number]


def _absent(this: Publication) -> str:
    return (
        f"SELECT old.geom, {_told(this.layer, 'old')} AS row FROM {this.current} AS old "
        f"JOIN {this.diff} AS diff ON diff.op = 'remove' AND diff.key = old.{this.layer.key}"
    )


def _rejected(_: Publication) -> str:
    return (
        "SELECT CASE WHEN ST_SRID(geom) > 0 AND NOT ST_IsEmpty(geom) "
        "THEN ST_Transform(ST_Centroid(ST_Envelope(geom)), :srid) END AS geom, row "
        "FROM registry.reject WHERE run = :run AND layer = :layer AND NOT archival"
    )


def _outside(this: Publication) -> str:
    names = ", ".join(this.columns)
    passed = f"SELECT {names} FROM {this.staged} WHERE ended IS NULL UNION ALL SELECT {names} FROM "
    passed += this.recognised_rows
    return (
        f"SELECT new.geom, {_told(this.layer, 'new')} AS row FROM ({passed}) AS new WHERE NOT geom && "
        "(SELECT ST_Transform(ST_MakeEnvelope(:west, :south, :east, :north, 4326), :srid))"
    )


def _told(layer: Layer, row: str) -> str:
    names = ", ".join(f"{row}.{field.name}" for field in layer.fields)
    return f"(SELECT to_jsonb(told) FROM (SELECT {names}) AS told)"


def _class(layer: Layer) -> str:
    """The class of a row, whether it is in our words or in those of the source."""
    field = layer.field(layer.style.by or layer.key)
    said = ", ".join(f"told.row->>{_quoted(name)}" for name in (field.name, *field.sources))
    return f"COALESCE({said})"


def _quoted(name: str) -> str:
    # A colon in a statement's text would be taken for a parameter.
    return "'" + name.replace("'", "''").replace(":", r"\:") + "'"


def _summed(counts: Counter[tuple[str, str]], place: int) -> Counter[str]:
    summed: Counter[str] = Counter()
    for names, rows in counts.items():
        summed[names[place]] += rows
    return summed


def _labelled(classes: Counter[str], field: Field) -> Counter[str]:
    """The classes by their labels, whichever way the source writes them."""
    labels = {word: code.en for code in field.codes for word in (code.value, *code.also)}
    named: Counter[str] = Counter()
    for value, rows in classes.items():
        named[labels.get(value, value)] += rows
    return named


def _listed(counts: Counter[str]) -> str:
    """The largest counts, and how many rows the others have."""
    largest = counts.most_common(LARGEST)
    said = ", ".join(f"{name} {rows:,}" for name, rows in largest)
    left = counts.total() - sum(rows for _, rows in largest)
    return f"{said} and {left:,} in {len(counts) - LARGEST} others" if left else said
