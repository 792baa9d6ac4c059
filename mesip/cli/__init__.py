"""The command line: thin skins over the rooms."""

import sys
import traceback
from datetime import UTC, datetime
from importlib import import_module

import click

from mesip import logs
from mesip.errors import PlatformError
from mesip.settings import settings
from pipelines.forked import make_ready

FAULT_OF_OURS = 1
# The commands of each module of this folder.
COMMANDS = {
    "demo": ("demo",),
    "server": ("up", "down", "doctor", "migrate"),
    "load": ("load",),
    "layers": ("layers", "layer"),
    "serve": ("serve",),
    "backup": ("backup", "restore"),
    "happened": ("runs", "issues", "rejects", "diff"),
    "keys": ("keys",),
    "export": ("export",),
}


class Commands(click.Group):
    """A command is imported when it is asked for: `mesip doctor` needs nothing of what a load needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command by name, in the order of modules."""
        return [name for names in COMMANDS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        for module, names in COMMANDS.items():
            if cmd_name in names:
                return getattr(import_module(f"mesip.cli.{module}"), cmd_name)
        return None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def mesip() -> None:
    """The spatial information system of a city: registers in, OGC APIs and a map out.

    \b
    Example:
        mesip demo
    """
    logs.configure(settings().log)


def main() -> None:
    """Run the program; every fault is a sentence on stderr and an exit code."""
    if sys.argv[1:2] == ["load"]:
        make_ready()
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
