"""How fresh a layer is: what its cadence promises against the day that its rows speak of."""

import re
from datetime import date, timedelta
from typing import Literal

Freshness = Literal["fresh", "due", "overdue", "stale", "unknown"]

DURATION = re.compile(r"P(\d+)([YMWD])")
DAYS = {"Y": 365.25, "M": 30.4375, "W": 7, "D": 1}
# In cadences: until then a delivery is awaited, then missing; beyond, nobody should rely on the layer.
DUE_AFTER, OVERDUE_AFTER, STALE_AFTER = 1, 1.25, 2


def freshness(cadence: str, stand: date | None, today: date) -> Freshness:
    """Fresh until one cadence after ``stand``, then due, overdue, and after two cadences stale.

    ``cadence`` is an ISO 8601 duration of one part. Unknown where nothing was ever published, or the cadence
    is of another form.
    """
    read = DURATION.fullmatch(cadence)
    if stand is None or read is None:
        return "unknown"
    passed = (today - stand) / timedelta(days=int(read[1]) * DAYS[read[2]])
    if passed <= DUE_AFTER:
        return "fresh"
    if passed <= OVERDUE_AFTER:
        return "due"
    return "overdue" if passed <= STALE_AFTER else "stale"
