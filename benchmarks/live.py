"""What the live server promises, held against a running one; writes ``results/live.json``."""

import argparse
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.service import cost, crash, full, once, outage, overload, pairs
from benchmarks.service.server import has_postgres
from benchmarks.tables import RESULTS, run, write

Part = Callable[[argparse.Namespace, str], dict[str, Any]]
PARTS: dict[str, tuple[Part, tuple[str, ...]]] = {
    "cost": (lambda asked, kind: cost.run(kind, asked.requests, asked.settle), ("sqlite", "postgres")),
    "pairs": (lambda asked, kind: pairs.run(kind, asked.pairs, asked.settle), ("sqlite", "postgres")),
    "once": (lambda asked, kind: once.run(kind, asked.ids, asked.settle), ("sqlite", "postgres")),
    "crash": (lambda asked, kind: crash.run(kind, asked.kills, asked.settle), ("sqlite", "postgres")),
    "full": (lambda asked, kind: full.run(kind, asked.settle), ("sqlite",) if full.can_mount() else ()),
    "outage": (lambda asked, kind: outage.run(kind, asked.settle), ("postgres",)),
    "overload": (lambda asked, kind: overload.run(kind, asked.settle), ("sqlite",)),
}


def main(arguments: list[str]) -> int:
    """Run the parts that were asked for, keep what is known of the others, and say whether every bar holds."""
    asked = _parser().parse_args(arguments)
    # whoever stops this stops the servers that it started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found = _known(asked.out)
    fine = True
    for name in asked.only or PARTS:
        part, kinds = PARTS[name]
        for kind in kinds:
            if kind not in asked.stores or (kind == "postgres" and not has_postgres()):
                continue
            result = part(asked, kind)
            found.setdefault(name, {})[kind] = result
            fine &= bool(result.get("ok", True))
            print(name, kind, json.dumps(result), flush=True)
    write("live", {"parts": found}, asked.out)
    return 0 if fine else 1


def _known(out: Path | None) -> dict[str, Any]:
    path = (out or RESULTS) / "live.json"
    return dict(json.loads(path.read_text()).get("parts", {})) if path.exists() else {}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=lambda text: text.split(","), default=None, help=f"some of {','.join(PARTS)}")
    parser.add_argument("--stores", type=lambda text: text.split(","), default=["sqlite", "postgres"])
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--ids", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=4_000, help="over which costs are averaged")
    parser.add_argument(
        "--settle", type=float, default=0.0, help="seconds to wait for an idle machine before each part"
    )
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


if __name__ == "__main__":
    run(main)
