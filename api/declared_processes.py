"""Which processes there are: every ``PROCESS`` in a file of ``api/processes``."""

import importlib
import pkgutil
from functools import cache

from api import processes
from api.process import Process
from mesip.errors import NoSuchProcessError


@cache
def all_processes() -> dict[str, Process]:
    """Every process by name, in the order of names.

    Raises:
        ValueError: two have one name.
    """
    modules = [
        importlib.import_module(f"{processes.__name__}.{module.name}")
        for module in pkgutil.iter_modules(processes.__path__)
    ]
    found = [module.PROCESS for module in modules if hasattr(module, "PROCESS")]
    named = {each.name: each for each in found}
    if len(named) < len(found):
        raise ValueError("two files of api/processes declare processes of one name")
    return dict(sorted(named.items()))


def get_process(name: str) -> Process:
    """The process of this name.

    Raises:
        NoSuchProcessError: there is none.
    """
    if name not in all_processes():
        known = ", ".join(all_processes())
        raise NoSuchProcessError(f"There is no process {name[:100]!r}. Known processes: {known}.")
    return all_processes()[name]
