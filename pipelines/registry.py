"""The registry: what was delivered, what each run did with it, what was refused, what changed."""

import sqlalchemy as sa
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.schema import CreateColumn

METADATA = sa.MetaData(schema="registry")
NOW = sa.func.now()
MOMENT = sa.DateTime(timezone=True)

DELIVERY = sa.Table(
    "delivery",
    METADATA,
    sa.Column("sha256", sa.Text, primary_key=True, comment="SHA-256 of the bytes"),
    sa.Column("name", sa.Text, nullable=False, comment="File name as delivered"),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("received_at", MOMENT, nullable=False, server_default=NOW),
)
RUN = sa.Table(
    "run",
    METADATA,
    sa.Column("run", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("feed", sa.Text, nullable=False),
    sa.Column("deliveries", ARRAY(sa.Text), nullable=False),
    sa.Column("stand", sa.Date, nullable=False),
    sa.Column(
        "state", sa.Text, nullable=False, comment="running, published, unchanged, dry, refused, failed"
    ),
    sa.Column("accepted", ARRAY(sa.Text), nullable=False, comment="Guards lifted by --accept"),
    sa.Column("message", sa.Text),
    sa.Column("declarations", sa.Text, comment="Fingerprint of how the delivery was understood"),
    sa.Column("recorded_at", MOMENT, comment="The moment its publication is recorded under"),
    sa.Column("started_at", MOMENT, nullable=False, server_default=NOW),
    sa.Column("finished_at", MOMENT),
)
ACCOUNT = sa.Table(
    "account",
    METADATA,
    sa.Column("run", sa.BigInteger, primary_key=True),
    sa.Column("layer", sa.Text, primary_key=True),
    *(
        sa.Column(name, sa.BigInteger, nullable=False)
        for name in ("read", "added", "changed", "confirmed", "removed", "rejected", "warnings", "archival")
    ),
    sa.Column("head", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
)
ISSUE = sa.Table(
    "issue",
    METADATA,
    sa.Column(
        "issue", sa.BigInteger, sa.Identity(), primary_key=True, comment="In the order they were found"
    ),
    sa.Column("run", sa.BigInteger, nullable=False, index=True),
    sa.Column("layer", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False, comment="File and line or row"),
    sa.Column("key", sa.Text),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("field", sa.Text, nullable=False),
    sa.Column("value", sa.Text),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("reject", sa.BigInteger, index=True, comment="The rejected row, if the row was rejected"),
    sa.Column("closed_by", sa.BigInteger, comment="Run that published the corrected row"),
)
REJECT = sa.Table(
    "reject",
    METADATA,
    sa.Column("reject", sa.BigInteger, sa.Identity(), nullable=False, index=True, unique=True),
    sa.Column("run", sa.BigInteger, nullable=False, index=True),
    sa.Column("layer", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("key", sa.Text),
    sa.Column(
        "archival", sa.Boolean, nullable=False, server_default=sa.false(), comment="A version that is over"
    ),
    sa.Column("row", JSONB, nullable=False, comment="The row in the words of the source"),
    sa.Column("geom", Geometry(spatial_index=False), comment="As delivered, if it could be read"),
    sa.Column("original", sa.BigInteger, index=True, comment="The first reject, if the row came back"),
    sa.Column("closed_by", sa.BigInteger, comment="Run that published the corrected row"),
)
CHANGE = sa.Table(
    "change",
    METADATA,
    sa.Column("layer", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, comment="Gap-free, in commit order"),
    sa.Column("op", sa.Text, nullable=False, comment="add, change, remove"),
    sa.Column("kind", sa.Text, nullable=False, comment="new, real, correction, redigitised, gone"),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("hash", sa.Uuid),
    sa.Column("run", sa.BigInteger, nullable=False),
)
HEAD = sa.Table(
    "head",
    METADATA,
    sa.Column("layer", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False, comment="Last change of the layer"),
    sa.Column("run", sa.BigInteger, nullable=False, comment="Run that published last"),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("stand", sa.Date, nullable=False, comment="Day the last delivery speaks of"),
    sa.Column("extent", ARRAY(sa.Double), comment="West, south, east, north in degrees"),
    sa.Column("published_at", MOMENT, nullable=False, server_default=NOW),
)
API_KEY = sa.Table(
    "api_key",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True, comment="Stands in the key itself, and may be told"),
    sa.Column("hash", sa.LargeBinary, nullable=False, unique=True, comment="SHA-256 of the key"),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False, comment="Whose key it is, or what for"),
    sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
    sa.Column("expires_at", MOMENT),
    sa.Column("revoked_at", MOMENT),
)
AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("audit", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("at", MOMENT, nullable=False, index=True),
    sa.Column("actor", sa.Text, comment="User of the machine, if it was a command"),
    sa.Column("key", sa.Text, comment="Key of the request, or the key that a command is about"),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False, comment="HTTP method, or the command"),
    sa.Column("path", sa.Text),
    sa.Column("query", sa.Text),
    sa.Column("status", sa.Integer),
    sa.Column("rows", sa.BigInteger, comment="How many were read, if that is known"),
)
JOB = sa.Table(
    "job",
    METADATA,
    sa.Column("job", sa.Uuid, primary_key=True, comment="Random: who knows it may ask for it"),
    sa.Column("level", sa.Text, nullable=False, comment="Whose role runs it"),
    sa.Column("owner", sa.Text, comment="Key it was asked with; nothing for anybody"),
    sa.Column("caller", sa.Text, nullable=False, comment="Who is counted: a key, or the hash of a network"),
    sa.Column("process", sa.Text, nullable=False),
    # Text, because jsonb cannot hold every string that JSON can.
    sa.Column("request", sa.Text, nullable=False, comment="Inputs and form of the answer, as JSON"),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, comment="accepted, running, successful, failed, dismissed"),
    sa.Column("message", sa.Text, comment="Why it failed or ended, in a sentence"),
    sa.Column("fault", sa.Integer, comment="HTTP status of the fault"),
    sa.Column("result", sa.Text, comment="Name of the file among the results of the node"),
    sa.Column("media_type", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("worker", sa.Uuid, comment="Who holds the lease"),
    sa.Column("lease_until", MOMENT, comment="Then another worker may take it"),
    sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
    sa.Column("started_at", MOMENT),
    sa.Column("updated_at", MOMENT, nullable=False, server_default=NOW),
    sa.Column("finished_at", MOMENT),
    sa.Index("job_unfinished", "level", "created_at", postgresql_where="finished_at IS NULL"),
    sa.Index("job_finished", "finished_at"),
    sa.Index("job_owner", "owner", "created_at"),
)
LEVEL_HEAD = sa.Table(
    "level_head",
    METADATA,
    sa.Column("layer", sa.Text, primary_key=True),
    sa.Column("level", sa.Text, primary_key=True, comment="A level that may not see every field"),
    sa.Column("seq", sa.BigInteger, nullable=False, comment="Changes of the layer that it has seen"),
)


def make_registry(connection: sa.Connection) -> None:
    """Make the tables; one made by an earlier version keeps its rows and gets the columns that it lacks."""
    METADATA.create_all(connection)
    inspector = sa.inspect(connection)
    for table in METADATA.sorted_tables:
        present = {column["name"] for column in inspector.get_columns(table.name, table.schema)}
        for column in table.columns:
            if column.name not in present:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {definition}")
        for index in table.indexes:
            index.create(connection, checkfirst=True)
