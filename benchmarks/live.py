"""What the live server promises, held against a running one; writes ``results/live.json``."""

import argparse
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.service import cost, crash, full, once, outage, overload, pairs, rolling
from benchmarks.service.awake import awake
from benchmarks.service.load import spent, stolen_since, surroundings
from benchmarks.service.server import has_postgres
from benchmarks.tables import RESULTS, run, write

Part = Callable[[argparse.Namespace, str], dict[str, Any]]
PARTS: dict[str, tuple[Part, tuple[str, ...]]] = {
    "cost": (lambda asked, kind: cost.run(kind, asked.requests), ("sqlite", "postgres")),
    "pairs": (lambda asked, kind: pairs.run(kind, asked.pairs), ("sqlite", "postgres")),
    "once": (lambda asked, kind: once.run(kind, asked.ids), ("sqlite", "postgres")),
    "crash": (lambda asked, kind: crash.run(kind, asked.kills), ("sqlite", "postgres")),
    "full": (lambda _asked, kind: full.run(kind), ("sqlite",) if full.can_mount() else ()),
    "outage": (lambda _asked, kind: outage.run(kind), ("postgres",)),
    "rolling": (lambda _asked, kind: rolling.run(kind), ("sqlite",)),
    "overload": (lambda _asked, kind: overload.run(kind), ("sqlite",)),
}


MOST_STOLEN = 0.02
"""Share of the processor's time that a host may give to others before times are left out of the README."""


def main(arguments: list[str]) -> int:
    """Run the parts that were asked for, keep what is known of the others, and say whether every bar holds."""
    asked = _parser().parse_args(arguments)
    # whoever stops this stops the servers that it started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found, fine = _known(asked.out), True
    for name in asked.only or PARTS:
        part, kinds = PARTS[name]
        for kind in kinds:
            if kind not in asked.stores or (kind == "postgres" and not has_postgres()):
                continue
            around = surroundings(asked.settle)
            with awake():
                before = spent()
                result = around | part(asked, kind)
                result["stolen"] = stolen_since(before)
            found.setdefault(name, {})[kind] = result
            fine &= bool(result["ok"])
            print(name, kind, json.dumps(result), flush=True)
            write("live", {"readme": _readme(found), "parts": found}, asked.out)
    return 0 if fine else 1


def _readme(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the table of the README; what hangs on time is left out where the machine was busy."""
    rows = [[what, *(_cell(found, name, kind, said) for kind in STORES)] for what, name, said in ROWS]
    rows += [[what, *(_timed(found, name, kind, said) for kind in STORES)] for what, name, said in TIMED]
    told = [row for row in rows if any(row[1:])]
    text = "Two workers on two cores; `python benchmarks/live.py`, explained in docs/notes/live.md."
    columns = ["promise", "SQLite", "PostgreSQL"]
    return [{"place": 6, "title": "The live server", "text": text, "columns": columns, "rows": told}]


def _timed(found: dict[str, Any], name: str, kind: str, said: Callable[[dict[str, Any]], str]) -> str | None:
    result = found.get(name, {}).get(kind, {})
    # what a host takes for others cannot be seen from within, but for the time that it took
    busy = result.get("busy", True) or result.get("stolen", 1.0) > MOST_STOLEN
    return None if busy else _cell(found, name, kind, said)


def _cell(found: dict[str, Any], name: str, kind: str, said: Callable[[dict[str, Any]], str]) -> str | None:
    result = found.get(name, {}).get(kind)
    return None if result is None else said(result)


STORES = ("sqlite", "postgres")
ROWS: tuple[tuple[str, str, Callable[[dict[str, Any]], str]], ...] = (
    ("next answers that miss the last event", "pairs", lambda one: f"{one['stale']} of {one['pairs']:,}"),
    (
        "acknowledged events lost or doubled by `kill -9`",
        "crash",
        lambda one: f"{one['lost'] + one['doubled']} of {one['acknowledged']:,}, {one['kills']} kills",
    ),
    ("event ids sent 5 times at once that count once", "once", lambda one: f"{one['logged']:,} of {one['ids']:,}"),
    (
        "disk full: reads answered, events lost",
        "full",
        lambda one: (
            f"{one['reads while full'].get('200', 0)} of {sum(one['reads while full'].values())}, {one['lost']}"
        ),
    ),
    (
        "database stopped, crashed, hanging: good reads (bar: 99%)",
        "outage",
        lambda one: ", ".join(f"{100 * one[way]['good']:.1f}%" for way in outage.WAYS),
    ),
    (
        "both workers replaced under load: requests that failed",
        "rolling",
        lambda one: f"{one['failed']} of {one['requests']:,}",
    ),
)
TIMED: tuple[tuple[str, str, Callable[[dict[str, Any]], str]], ...] = (
    ("slowest start after a kill, s (bar: 5)", "crash", lambda one: f"{one['ready again, s']['max']}"),
    ("a list of 10, CPU ms (bar: 1)", "cost", lambda one: f"{one['recommend, CPU ms']:.2f}"),
    (
        "all but scoring, times the smallest handler (bar: 2)",
        "cost",
        lambda one: f"{one['beside scoring, times bare']:.1f}",
    ),
    (
        "events a second, single and batched (bars: 500, 5,000)",
        "cost",
        lambda one: f"{one['single events a second']:,.0f}, {one['batched events a second']:,.0f}",
    ),
    ("event to visible, p99 ms (bar: 25)", "cost", lambda one: f"{one['event to visible, ms']['p99']}"),
    (
        "threefold overload: p99 of those served, times the usual (bar: 2)",
        "overload",
        lambda one: f"{one['accepted p99, times normal']}",
    ),
)


def _known(out: Path | None) -> dict[str, Any]:
    path = (out or RESULTS) / "live.json"
    return dict(json.loads(path.read_text()).get("parts", {})) if path.exists() else {}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=lambda text: text.split(","), default=None, help=f"some of {','.join(PARTS)}")
    parser.add_argument("--stores", type=lambda text: text.split(","), default=list(STORES))
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
