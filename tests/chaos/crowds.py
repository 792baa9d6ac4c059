"""Many loads at once: four of one layer, and one of every feed."""

from collections.abc import Iterator
from functools import partial

from ground import Ground
from loader import Attempt
from promises import broken, leftovers
from reading import Reading
from trials import PUBLISHED, Load, Trial, Verdict, judged, served_by

from layers import layers_of
from pipelines.job import Order


def of_one_layer(ground: Ground, loads: list[Load], times: int) -> Iterator[Trial]:
    """All ``loads`` at once, of the same layers, from the same state: in the end one of them stands whole."""
    for number in range(times):
        name = f"{len(loads)} loads of the same layers, round {number + 1}"
        yield Trial(name, partial(_rivals, ground, loads))


def of_many_layers(ground: Ground, before: str, orders: list[Order], times: int) -> Iterator[Trial]:
    """One load of each feed at once: in the end, all stand as they would one after the other."""
    ground.restore(before)
    for order in orders:
        if (outcome := Attempt(order).end().outcome) != "published":
            raise RuntimeError(f"an undisturbed load of {order.feed} ended with {outcome}")
    alone = ground.state()
    for number in range(times):
        label = f"{len(orders)} loads of all feeds, round {number + 1}"
        yield Trial(label, partial(_neighbours, ground, before, orders, alone))


def _rivals(ground: Ground, loads: list[Load]) -> Verdict:
    ground.restore(loads[0].before)
    verdict, layers = Verdict(), loads[0].layers
    with Reading(ground, layers) as reading:
        verdict.wrong += _all_publish(ground, [load.order for load in loads])
    verdict.answers = reading.answers
    served = served_by(ground, layers)
    standing = [load for load in loads if load.new == served]
    verdict.version = "v+1" if standing else "neither"
    if not standing:
        verdict.wrong.append("in the end no version stands whole")
    verdict.wrong += _mixed(verdict, loads)
    verdict.wrong += broken(ground, layers_of(loads[0].order.feed))
    verdict.wrong += leftovers(ground)
    return verdict


def _neighbours(ground: Ground, before: str, orders: list[Order], alone: dict[str, str]) -> Verdict:
    ground.restore(before)
    verdict = Verdict()
    layers = [layer for order in orders for layer in layers_of(order.feed)]
    names = [layer.name for layer in layers]
    old = served_by(ground, names)
    with Reading(ground, names) as reading:
        verdict.wrong += _all_publish(ground, orders)
    verdict.answers = reading.answers
    verdict.version = "v+1"
    verdict.wrong += judged(reading.answers, old, served_by(ground, names), may_be_down=False)
    state = ground.state()
    verdict.wrong += [
        f"{table} differs from loads in turn" for table in state if state[table] != alone[table]
    ]
    verdict.wrong += [*broken(ground, layers), *leftovers(ground)]
    return verdict


def _all_publish(ground: Ground, orders: list[Order]) -> list[str]:
    begun = [Attempt(order) for order in orders]
    outcomes = [each.end().outcome for each in begun]
    return [f"a load ended with {outcome}" for outcome in outcomes if outcome not in PUBLISHED]


def _mixed(verdict: Verdict, loads: list[Load]) -> Iterator[str]:
    for layer, status, hashed in verdict.answers:
        versions = {loads[0].old[layer], *(load.new[layer] for load in loads)}
        if status != 200 or hashed not in versions:
            yield f"{layer}: the API answered {status} with no version that was delivered"
