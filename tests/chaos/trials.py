"""One trial: something happens to a load while somebody reads; look what stands; load again; look again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ground import Ground, State
from loader import Attempt
from promises import broken, leftovers
from reading import DOWN, Answer, Reading, judged

from layers import layers_of
from pipelines.job import Order

PUBLISHED = ("published", "unchanged")


class Load(NamedTuple):
    """A load that will be disturbed: from which kept state, and what an undisturbed one leads to."""

    name: str
    before: str
    order: Order
    old: dict[str, str]
    new: dict[str, str]
    state: State
    steps: list[str]

    @property
    def layers(self) -> list[str]:
        """The names of the layers it publishes."""
        return sorted(self.old)


@dataclass
class Verdict:
    """What a trial showed: which version stood after it, what was read meanwhile, and what was wrong."""

    version: str = ""
    answers: list[Answer] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def refusals(self) -> int:
        """Answers that said that the database is down."""
        return sum(answer.status == DOWN for answer in self.answers)


class Trial(NamedTuple):
    """One accident: what it is called, and what makes it happen and looks what stood after it."""

    name: str
    run: Callable[[], Verdict]


# What happens: it returns what is wrong with how the load ended.
Happening = Callable[[], list[str]]


def undisturbed(ground: Ground, name: str, before: str, order: Order) -> Load:
    """Load from the kept state ``before`` with nothing in the way, to know what should come out."""
    ground.restore(before)
    layers = [layer.name for layer in layers_of(order.feed)]
    old = served_by(ground, layers)
    told = Attempt(order).end()
    if told.outcome != "published":
        raise RuntimeError(f"{name}: an undisturbed load ended with {told.outcome}")
    return Load(name, before, order, old, served_by(ground, layers), ground.state(), told.steps)


def served_by(ground: Ground, layers: list[str]) -> dict[str, str]:
    """What the API serves of the layers, as hashes; an error in words."""
    return {layer: ground.served(layer)[1] for layer in layers}


def tried(ground: Ground, load: Load, happening: Happening, *, may_be_down: bool = False) -> Verdict:
    """Let it happen to the load; look; load again; look again."""
    ground.restore(load.before)
    verdict = Verdict()
    with Reading(ground, load.layers) as reading:
        verdict.wrong += happening()
        verdict.version = _version(served_by(ground, load.layers), load)
        again = Attempt(load.order).end().outcome
    verdict.answers = reading.answers
    if verdict.version == "neither":
        verdict.wrong.append("afterwards the API served neither version whole")
    if again not in PUBLISHED:
        verdict.wrong.append(f"the next load ended with {again}")
    verdict.wrong += judged(verdict.answers, load.old, load.new, may_be_down=may_be_down)
    verdict.wrong += settled(ground, load)
    return verdict


def settled(ground: Ground, load: Load) -> list[str]:
    """What differs now from what an undisturbed load leads to."""
    served, state = served_by(ground, load.layers), ground.state()
    wrong = [f"{layer}: not the new version" for layer in served if served[layer] != load.new[layer]]
    differing = [table for table, hashed in state.items() if hashed != load.state[table]]
    wrong += [f"{table} differs from an undisturbed load" for table in differing]
    return wrong + list(broken(ground, layers_of(load.order.feed))) + leftovers(ground)


def _version(served: dict[str, str], load: Load) -> str:
    return "v" if served == load.old else "v+1" if served == load.new else "neither"
