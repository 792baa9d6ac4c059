"""``mesip up``, ``down``, ``doctor``, ``migrate``: the database under it all."""

import sys

import click

from layers import all_layers
from mesip import cluster
from mesip.database import open_database
from mesip.errors import DatabaseDownError, PlatformError
from mesip.settings import settings
from pipelines.migrate import migrate as run_migrate


@click.command()
def up() -> None:
    """Start the private PostGIS server, making it first where there is none.

    \b
    Example:
        mesip up
    """
    if settings().database_url:
        click.echo("MESIP_DATABASE_URL names your own database; there is no private server to start.")
        return
    server = cluster.start(settings().home)
    click.echo(f"PostGIS runs on 127.0.0.1:{server.port}, data in {server.data}.")


@click.command()
def down() -> None:
    """Stop the private PostGIS server.

    \b
    Example:
        mesip down
    """
    stopped = cluster.stop(settings().home)
    click.echo("PostGIS has stopped." if stopped else "PostGIS was not running.")


@click.command()
def migrate() -> None:
    """Bring the database to what the declarations say.

    \b
    Example:
        mesip migrate
    """
    done = run_migrate(open_database(settings()), all_layers().values(), settings().srid)
    click.echo("\n".join(done) or "Nothing to do: the database says what the declarations say.")


@click.command()
def doctor() -> None:
    """Say what is wrong with this node and how to mend it; exit 6 if the database is.

    \b
    Example:
        mesip doctor
    """
    wrong: PlatformError | None = None
    for name, look in CHECKS.items():
        try:
            click.echo(f"ok     {name}: {look()}")
        except PlatformError as fault:
            wrong = fault
            click.secho(f"wrong  {name}: {fault}", fg="red" if sys.stdout.isatty() else None)
    if wrong:
        sys.exit(wrong.exit_code)


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"


def _programs() -> str:
    return "not needed, MESIP_DATABASE_URL is set" if settings().database_url else str(cluster.binaries())


def _database() -> str:
    if not settings().database_url and cluster.running(settings().home) is None:
        raise DatabaseDownError("the private PostGIS server does not run. Start it with `mesip up`.")
    with open_database(settings()).transaction() as connection:
        return str(connection.exec_driver_sql("SELECT version()").scalar_one()).split(" on ")[0]


def _postgis() -> str:
    with open_database(settings()).transaction() as connection:
        known = "SELECT default_version FROM pg_available_extensions WHERE name = 'postgis'"
        version = connection.exec_driver_sql(known).scalar()
    if version is None:
        raise DatabaseDownError(
            "the server has no PostGIS. Install the package postgresql-<version>-postgis-3."
        )
    return str(version)


def _declarations() -> str:
    return f"{len(all_layers())} layers"


CHECKS = {
    "Python": _python,
    "PostgreSQL programs": _programs,
    "declarations": _declarations,
    "database": _database,
    "PostGIS": _postgis,
}
