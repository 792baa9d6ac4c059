"""``mesip demo``: the sample city, made, loaded and served."""

from datetime import date

import click

from layers import all_layers
from mesip.cli.load import report, watched
from mesip.cli.serve import listen
from mesip.database import open_database
from mesip.settings import settings
from pipelines.load import Order
from pipelines.migrate import migrate
from pipelines.runs import issue_summary
from pipelines.sample_city.write import write_city

# The day the sample city's registers speak of.
STAND = date(2026, 1, 1)


@click.command()
@click.option(
    "--districts", default=1, show_default=True, help="Cadastral districts to make, 2,000 parcels each."
)
@click.option("--port", default=5000, show_default=True, help="Port to serve on.")
@click.option("--serve/--no-serve", default=True, show_default=True, help="Serve it when it is loaded.")
def demo(districts: int, port: int, serve: bool) -> None:
    """Make the sample city, load it, serve it, print the addresses.

    \b
    Example:
        mesip demo --districts 1
    """
    click.echo("Making the sample city …")
    files = write_city(settings().home / "sample_city", districts, stand=STAND)
    database = open_database(settings())
    migrate(database, all_layers().values(), settings().srid)
    for feed, path in files.items():
        # Another size of city removes rows of the last one; here that is meant.
        outcome = watched(Order(feed, (path,), STAND, frozenset({"removals"})), database)
        report(outcome, issue_summary(database, outcome.run))
    if serve:
        listen("127.0.0.1", port, workers=1)
