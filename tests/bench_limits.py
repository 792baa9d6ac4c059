"""How long one key waits while another asks a thousand times per second, and is refused.

One worker. Who asks for pages of ten trees at a steady pace is measured alone, beside the other, and alone.

    python tests/bench_limits.py [--seconds 20]
"""

import argparse
import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from layers import all_layers
from mesip import cluster
from mesip.database import Database
from mesip.settings import settings
from pipelines.keys import new_key
from pipelines.load import Order, load
from pipelines.migrate import migrate
from pipelines.sample_city.write import write_city

PORT, HERE = 5333, "/collections/trees/items?limit="
RATE = {"MESIP_RATE_PER_SECOND": "20", "MESIP_RATE_BURST": "40"}
CROWD, REQUESTS_PER_SECOND, STEADY_PAUSE_S = 4, 250, 0.055


def main() -> None:
    """Load the trees, serve them, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--attack", help=argparse.SUPPRESS)
    wish = parser.parse_args()
    if wish.attack:
        print(attack(wish.attack, wish.seconds))
        return
    home = Path(tempfile.mkdtemp(prefix="mesip-bench-"))
    home.chmod(0o755)
    os.environ |= {"MESIP_HOME": str(home)} | RATE
    database = Database(cluster.start(home).url, home)
    migrate(database, all_layers().values(), settings().srid)
    load(Order("trees", (write_city(home / "city", districts=1)["trees"],)), database, settings())
    steady, other = (new_key(database, "partner", "", None).token for _ in range(2))
    program = [sys.executable, "-c", "from mesip.cli import main; main()", "serve", "--port", str(PORT)]
    serving = subprocess.Popen(program, stdout=subprocess.DEVNULL)
    try:
        time.sleep(5)
        print("| one key | p50 ms | p99 ms |\n|---|---|---|")
        print(line("alone", steady, wish.seconds))
        again = [sys.executable, __file__, "--attack", other, "--seconds", str(wish.seconds)]
        crowd = [subprocess.Popen(again) for _ in range(CROWD)]
        print(line("beside the other", steady, wish.seconds))
        for each in crowd:
            each.wait()
        print(line("alone again", steady, wish.seconds))
    finally:
        serving.terminate()
        serving.wait()
        cluster.stop(home)


def line(name: str, key: str, seconds: int) -> str:
    """A line of the table: how long the requests of ``key`` took."""
    connection, waits, end = http.client.HTTPConnection("127.0.0.1", PORT), [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        assert ask(connection, key, 10) == 200
        waits.append(1000 * (time.monotonic() - began))
        time.sleep(STEADY_PAUSE_S)
    waits.sort()
    return f"| {name} | {waits[len(waits) // 2]:.1f} | {waits[len(waits) * 99 // 100]:.1f} |"


def attack(key: str, seconds: int) -> str:
    """Ask as often as may be, whatever the answer; how often each status came."""
    connection, began, statuses = http.client.HTTPConnection("127.0.0.1", PORT), time.monotonic(), Counter()
    while time.monotonic() < began + seconds:
        statuses[ask(connection, key, 1000)] += 1
        time.sleep(max(0, began + statuses.total() / REQUESTS_PER_SECOND - time.monotonic()))
    return f"the other: {statuses.total() / seconds:.0f} requests/s, {dict(statuses)}"


def ask(connection: http.client.HTTPConnection, key: str, limit: int) -> int:
    """The status of a page of trees."""
    connection.request("GET", f"{HERE}{limit}", headers={"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


if __name__ == "__main__":
    main()
