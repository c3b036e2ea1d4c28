"""Asks a server what its own document allows and forbids, ten thousand times; writes ``results/fuzz.json``."""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.service.server import HOST, ROOT, Server
from benchmarks.tables import run, write

CONFIG = Path(__file__).parent / "service" / "schemathesis.toml"
WORDS = ROOT / "build" / "benchmarks" / "fuzz.txt"
"""What schemathesis said when something failed."""
SECONDS = 3_000


def main(arguments: list[str]) -> int:
    """Serve the sample, let schemathesis ask, and write what it found."""
    asked = _parser().parse_args(arguments)
    found = measured(asked.examples, asked.seed)
    write("fuzz", {"readme": [part_of(found)], "about": _ABOUT, "found": found}, asked.out)
    return 0 if not found["failures"] and not found["server errors"] else 1


def part_of(found: dict[str, Any]) -> dict[str, Any]:
    """Return the table of the README."""
    text = (
        "Requests drawn from the API's own document, valid and not, alone and in chains; `python benchmarks/fuzz.py`."
    )
    columns = ["requests", "answers that the document does not allow", "server errors"]
    rows = [[f"{found['cases']:,}", str(found["failures"]), str(found["server errors"])]]
    return {"place": 6.5, "title": "Fuzzing", "text": text, "columns": columns, "rows": rows}


def measured(examples: int, seed: int) -> dict[str, Any]:
    """Return how many cases were generated and how many failed; the last lines of a failing run are printed."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server.warmstart(f"sqlite:///{folder}/w.db", Path(folder), workers=1)
        server.start()
        address = f"http://{HOST}:{server.port}"
        command = [
            *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(CONFIG)),
            *("run", f"{address}/openapi.json", "--max-examples", str(examples), "--seed", str(seed)),
            *("--phases", "examples,coverage,fuzzing,stateful", "--continue-on-failure"),
        ]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
        finally:
            server.stop()
    summary = re.search(r"(\d+) generated, (?:(\d+) found \d+ unique failures?|(\d+) passed)", done.stdout)
    if summary is None:
        raise SystemExit(done.stdout[-3_000:] + done.stderr[-1_000:])
    if done.returncode:
        WORDS.parent.mkdir(parents=True, exist_ok=True)
        WORDS.write_text(done.stdout, encoding="utf-8")
        print(done.stdout[-6_000:], f"\nAll of it stands in {WORDS}.")
    errors = len(re.findall(r"ST101 Server error", done.stdout))
    return {"cases": int(summary[1]), "failures": int(summary[2] or 0), "server errors": errors, "seed": seed}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=400, help="cases drawn for each operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


_ABOUT = (
    "schemathesis over the OpenAPI document of a server with the packaged sample: examples, coverage of every "
    "constraint, random bodies and chains of requests. A case fails by a status, content type or body that the "
    "document does not name, by a body that breaks the schema and is taken, and by any status of 500 and above but "
    "503 and 507."
)

if __name__ == "__main__":
    run(main)
