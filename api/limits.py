"""How often somebody may ask: a bucket of tokens per caller, refilled at a steady rate."""

import ipaddress
from collections import OrderedDict
from math import ceil
from typing import NamedTuple

# Callers remembered at once; those longest silent are forgotten first, and they have full buckets anyway.
MOST_CALLERS = 50_000
# One household or office has a whole network of this many bits.
IPV6_NETWORK_BITS = 64


class Rate(NamedTuple):
    """Requests per second in the long run, and how many at once after a silence. Zero means no limit."""

    per_second: float
    burst: int


class Bucket(NamedTuple):
    """What a caller may still ask at once, as of a moment of the monotonic clock, seconds."""

    left: float
    at: float


class Buckets:
    """The buckets of the callers of one process."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._known: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, caller: str, now: float) -> int:
        """Take a token of ``caller`` at the moment ``now``, seconds; how long to wait if there is none."""
        if not self.rate.per_second:
            return 0
        last = self._known.get(caller, Bucket(self.rate.burst, now))
        left = min(self.rate.burst, last.left + (now - last.at) * self.rate.per_second)
        self._keep(caller, Bucket(left - 1 if left >= 1 else left, now))
        return 0 if left >= 1 else ceil((1 - left) / self.rate.per_second)

    def _keep(self, caller: str, bucket: Bucket) -> None:
        self._known[caller] = bucket
        self._known.move_to_end(caller)
        if len(self._known) > MOST_CALLERS:
            self._known.popitem(last=False)


def network(address: str) -> str:
    """Whom an address belongs to: itself, or the network that IPv6 gives to one customer."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], IPV6_NETWORK_BITS), strict=False))
    except ValueError:
        return address
