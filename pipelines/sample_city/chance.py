"""Whether something happens that happens with a given probability."""

from numpy.random import Generator


def happens(rng: Generator, share: float) -> bool:
    """Draw once: true in ``share`` of all cases."""
    return bool(rng.random() < share)
