"""A fault at every step of a load."""

from collections.abc import Iterator
from functools import partial

from ground import Ground
from loader import Attempt, Fault
from trials import PUBLISHED, Load, Trial, tried

# How a load may end when this happened to it; it may also have published before.
ENDINGS = {
    "exception": ("InjectedError", "DatabaseDownError"),
    "SIGKILL": ("SIGKILL",),
    "connection lost": ("DatabaseDownError", "InjectedError"),
}


def at_every_step(ground: Ground, load: Load, kind: str, every: int = 1, first: int = 1) -> Iterator[Trial]:
    """One trial per step: ``kind`` happens just before it."""
    for step in range(first, len(load.steps) + 1, every):
        yield _trial(ground, load, Fault(kind, step))


def in_copy(ground: Ground, load: Load, every: int = 1) -> Iterator[Trial]:
    """One trial per piece of COPY: the server ends the session just before it."""
    pieces = [step for step, name in enumerate(load.steps, 1) if name.startswith(("copy_to", "copy_end"))]
    for step in pieces[::every]:
        yield _trial(ground, load, Fault("connection lost", step))


def _trial(ground: Ground, load: Load, fault: Fault) -> Trial:
    label = f"{load.name}, {fault.kind} at step {fault.step}: {load.steps[fault.step - 1]}"
    return Trial(label, partial(tried, ground, load, partial(_happens, load, fault)))


def _happens(load: Load, fault: Fault) -> list[str]:
    outcome = Attempt(load.order, fault).end().outcome
    fitting = outcome in PUBLISHED or outcome.partition(":")[0] in ENDINGS[fault.kind]
    return [] if fitting else [f"the load ended with {outcome}"]
