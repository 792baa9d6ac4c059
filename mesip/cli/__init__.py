"""The command line: thin skins over the rooms."""

import sys
import traceback
from datetime import UTC, datetime

import click

from mesip import logs
from mesip.cli.backup import backup, restore
from mesip.cli.demo import demo
from mesip.cli.happened import diff, issues, rejects, runs
from mesip.cli.layers import layer, layers
from mesip.cli.load import load
from mesip.cli.serve import serve
from mesip.cli.server import doctor, down, migrate, up
from mesip.errors import PlatformError
from mesip.settings import settings

FAULT_OF_OURS = 1


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def mesip() -> None:
    """The spatial information system of a city: registers in, OGC APIs and a map out.

    \b
    Example:
        mesip demo
    """
    logs.configure(settings().log)


for command in (
    demo,
    up,
    down,
    doctor,
    migrate,
    load,
    layers,
    layer,
    serve,
    backup,
    restore,
    runs,
    issues,
    rejects,
    diff,
):
    mesip.add_command(command)


def main() -> None:
    """Run the program; every fault is a sentence on stderr and an exit code."""
    try:
        mesip(standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _stop("Stopped.", FAULT_OF_OURS)
    except PlatformError as fault:
        _stop(str(fault), fault.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
    except Exception as fault:  # noqa: BLE001 - the last resort: a user never meets a traceback
        _stop(_logged(fault), FAULT_OF_OURS)


def _stop(sentence: str, exit_code: int) -> None:
    click.secho(f"mesip: {sentence}", fg="red" if sys.stderr.isatty() else None, err=True)
    sys.exit(exit_code)


def _logged(fault: Exception) -> str:
    path = settings().home / "logs" / "faults.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as log:
        log.write(f"{datetime.now(UTC).isoformat()} {' '.join(sys.argv)}\n{traceback.format_exc()}\n")
    return f"a fault of the program ({type(fault).__name__}). Please report it with {path}."
