"""What the OpenAPI document promises, against what the server answers: schemathesis, with all its checks.

python tests/bench_openapi.py [--examples 25] [--seed 1]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from layers import all_layers
from mesip import cluster
from mesip.database import Database
from mesip.settings import settings
from pipelines.load import Order, load
from pipelines.migrate import migrate
from pipelines.sample_city.write import write_city

PORT = 5344
# Nobody is to be kept from asking too often.
RATE = {"MESIP_RATE_PER_SECOND": "100000", "MESIP_RATE_BURST": "100000"}


def main() -> None:
    """Load the sample city, serve it, let schemathesis ask; exit as it does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--examples", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    wish = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="mesip-bench-"))
    home.chmod(0o755)
    os.environ |= {"MESIP_HOME": str(home)} | RATE
    database = Database(cluster.start(home).url, home)
    migrate(database, all_layers().values(), settings().srid)
    for feed, path in write_city(home / "city", districts=1).items():
        load(Order(feed, (path,)), database, settings())
    program = [sys.executable, "-c", "from mesip.cli import main; main()", "serve", "--port", str(PORT)]
    serving = subprocess.Popen(program, stdout=subprocess.DEVNULL)
    try:
        time.sleep(5)
        sys.exit(ask(home, wish))
    finally:
        serving.terminate()
        serving.wait()
        cluster.stop(home)


def ask(home: Path, wish: argparse.Namespace) -> int:
    """Run schemathesis on the document that the server gives."""
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/openapi?lang=en") as answer:
        definition = json.load(answer)
    # The standard wants a larger limit to be cut, though the document states the largest (Part 1, 7.15.2).
    definition["components"]["parameters"]["limit"]["schema"].pop("maximum")
    (home / "openapi.json").write_text(json.dumps(definition))
    schemathesis = str(Path(sys.executable).with_name("schemathesis"))
    command = [schemathesis, "run", str(home / "openapi.json"), "--url", f"http://127.0.0.1:{PORT}"]
    # What is a filter, a token or an interval that ends after it begins, no schema can say.
    command += ["--checks", "all", "--exclude-checks", "positive_data_acceptance"]
    command += ["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--warnings", "off"]
    command += ["--max-examples", str(wish.examples), "--seed", str(wish.seed), "--workers", "2"]
    print(*command)
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    main()
