"""``mesip serve``: the API and the map."""

import os
import shutil
from pathlib import Path

import click
import uvicorn
from uvicorn.config import LOGGING_CONFIG

from layers import all_layers
from mesip import logs
from mesip.database import open_database
from mesip.errors import KindChangedError
from mesip.settings import settings
from pipelines.migrate import migrate


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5000, show_default=True, help="Port to listen on.")
@click.option("--workers", default=1, show_default=True, help="Processes that answer.")
def serve(host: str, port: int, workers: int) -> None:
    """Serve the OGC APIs and the map.

    \b
    Example:
        mesip serve --port 8080 --workers 2
    """
    _migrate()
    listen(host, port, workers)


def listen(host: str, port: int, workers: int) -> None:
    """Answer requests until stopped. Workers are processes: the environment tells them the address."""
    os.environ.setdefault("MESIP_PUBLIC_URL", f"http://{host}:{port}")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_counts(settings().home / "metrics" / str(port)))
    click.echo(
        f"Map   {os.environ['MESIP_PUBLIC_URL']}/map\nAPI   {os.environ['MESIP_PUBLIC_URL']}/\nStop  Ctrl+C"
    )
    uvicorn.run(
        "api.app:application",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_config=logs.configuration(settings().log) or LOGGING_CONFIG,
        log_level="warning",
        server_header=False,
        proxy_headers=bool(settings().trusted_proxies),
        forwarded_allow_ips=",".join(settings().trusted_proxies),
    )


def _migrate() -> None:
    """Bring the database to the declarations. A layer that needs a person is left out, and not served."""
    layers = dict(all_layers())
    while True:
        try:
            migrate(open_database(settings()), layers.values(), settings().srid)
        except KindChangedError as fault:
            layers.pop(fault.layer)
            click.secho(f"warning: {fault} Until then {fault.layer} is unavailable.", err=True)
        else:
            return


def _counts(folder: Path) -> Path:
    """An empty folder in which the workers count requests together."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
