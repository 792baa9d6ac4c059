"""Somebody who reads the API all the while, layer after layer."""

import threading
import time
from typing import NamedTuple

import httpx2
from ground import OK, Ground

PAUSE_S = 0.05
DOWN = 503


class Answer(NamedTuple):
    """One answer: of which layer, its status, and the hash of what was served."""

    layer: str
    status: int
    hashed: str


class Reading:
    """Reads while the block runs: ``with Reading(ground, layers) as reading``; then ``reading.answers``."""

    def __init__(self, ground: Ground, layers: list[str]) -> None:
        self.ground, self.layers = ground, layers
        self.answers: list[Answer] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> "Reading":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._over.is_set():
            for layer in self.layers:
                try:
                    answer = Answer(layer, *self.ground.served(layer))
                except httpx2.HTTPError as fault:
                    answer = Answer(layer, 0, repr(fault))
                self.answers.append(answer)
            time.sleep(PAUSE_S)


def judged(
    answers: list[Answer], before: dict[str, str], after: dict[str, str], *, may_be_down: bool
) -> list[str]:
    """What is wrong with the answers: neither of the two versions, the old one after the new, or an error."""
    wrong, moved_on = [], set()
    for layer, status, hashed in answers:
        if status == DOWN and may_be_down:
            continue
        if status != OK:
            wrong.append(f"{layer}: the API answered {status}: {hashed}")
        elif hashed not in (before[layer], after[layer]):
            wrong.append(f"{layer}: the API served neither version")
        elif hashed == after[layer] != before[layer]:
            moved_on.add(layer)
        elif layer in moved_on and before[layer] != after[layer]:
            wrong.append(f"{layer}: the API served the old version after the new one")
    return wrong
