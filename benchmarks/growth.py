"""How training grows with items and users, on synthetic data; writes ``results/growth.json``."""

import argparse
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.tables import rounded, run, write
from warmstart.core.histories import Histories
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset

ITEMS = (1_000, 10_000, 100_000, 1_000_000)
USERS = (1_000, 10_000, 100_000)
EVENTS = 10
TASTES = 50
BAR_SECONDS, BAR_MB = 600.0, 8192.0
TIMEOUT = 1800
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def world(n_users: int, n_items: int, seed: int = 0) -> Dataset:
    """Return users with ``EVENTS`` events each: items of Zipf popularity, half of them drawn from a user's own taste.

    Items belong to ``TASTES`` tastes by turns of popularity, so that every taste has famous and obscure ones.

    Example:
        >>> from benchmarks.growth import world
        >>> data = world(100, 1000)
        >>> data.n_users, data.n_items, int(data.histories.lengths.min()) >= 5
        (100, 1000, True)
    """
    rng = np.random.default_rng(seed)
    tastes = rng.integers(TASTES, size=n_users)
    anywhere = _zipf(rng, n_items, (n_users, EVENTS))
    own = np.minimum(_zipf(rng, math.ceil(n_items / TASTES), (n_users, EVENTS)) * TASTES + tastes[:, None], n_items - 1)
    drawn = np.where(rng.random((n_users, EVENTS)) < 0.5, own, anywhere)
    rows = np.repeat(np.arange(n_users), EVENTS)
    keys = np.unique(rows * n_items + drawn.ravel())
    users, items = np.divmod(keys, n_items)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=n_users))]).astype(np.int64)
    histories = Histories(indptr, items.astype(np.int32), np.ones(len(items), dtype=np.float32))
    numbers = range(n_items)
    catalogue = Catalogue(numbers, [str(number) for number in numbers])
    return Dataset(f"{n_users} users, {n_items} items", catalogue, np.arange(n_users), histories)


def _zipf(rng: np.random.Generator, n: int, shape: tuple[int, int]) -> Any:
    """Draw ranks below ``n`` with probability falling as one over the rank."""
    # the inverse of the harmonic sum, which grows as the logarithm
    return np.minimum(np.floor(np.exp(rng.random(shape) * math.log(n + 1))).astype(np.int64) - 1, n - 1)


def main(arguments: list[str]) -> int:
    """Train in a fresh process for every size and write the table; ``--one`` is such a process."""
    asked = _parser().parse_args(arguments)
    if asked.one:
        print(json.dumps(measured(asked.model, *asked.one)))
        return 0
    found = []
    for n_items in asked.items:
        for n_users in asked.users:
            one = _in_fresh_process(asked.model, n_users, n_items, asked.threads)
            print(one, flush=True)
            found.append(one)
    write("growth", _content(found, asked.model, asked.threads), asked.out)
    return 0


def measured(name: str, n_users: int, n_items: int) -> dict[str, Any]:
    """Return what training costs at one size; the peak is that of the process, data and packages included."""
    from warmstart.evaluation.cost import Stopwatch, adapt_microseconds
    from warmstart.recommenders.table import recommender

    data, watch = world(n_users, n_items), Stopwatch()
    with watch.running():
        model = recommender(name).fit(data)
    adapting = adapt_microseconds(model, data.histories[:20], sample=20)
    numbers = {"wall": watch.wall, "cpu": watch.cpu, "peak_mb": watch.peak_mb, "adapt_us": adapting}
    return {"users": n_users, "items": n_items} | {key: rounded(value, 2) for key, value in numbers.items()}


def exponents(found: list[dict[str, Any]], what: str) -> dict[str, float | None]:
    """Return the powers of items and users by which a cost grows, by least squares in logarithms.

    Example:
        >>> from benchmarks.growth import exponents
        >>> found = [{"items": i, "users": u, "cpu": 3 * i * u**0.5} for i in (10, 100) for u in (10, 100)]
        >>> exponents(found, "cpu")
        {'items': 1.0, 'users': 0.5}
    """
    sizes = {axis: {one[axis] for one in found} for axis in ("items", "users")}
    axes = [axis for axis, values in sizes.items() if len(values) > 1]
    design = np.array([[1.0, *(math.log(one[axis]) for axis in axes)] for one in found])
    target = np.array([math.log(one[what]) for one in found])
    weights = np.linalg.lstsq(design, target, rcond=None)[0]
    return {"items": None, "users": None} | {
        axis: rounded(weight, 2) for axis, weight in zip(axes, weights[1:], strict=True)
    }


def _in_fresh_process(name: str, n_users: int, n_items: int, threads: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--model", name, "--one", str(n_users), str(n_items)]
    limited = os.environ | dict.fromkeys(THREAD_LIMITS, str(threads))
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=TIMEOUT, env=limited)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        return {"users": n_users, "items": n_items, "failed": type(error).__name__}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _content(found: list[dict[str, Any]], name: str, threads: int) -> dict[str, Any]:
    whole = [one for one in found if "failed" not in one]
    fitted = {what: exponents(whole, what) for what in ("cpu", "peak_mb")} if len(whole) > 1 else {}
    rows = [[f"{one['items']:,}", f"{one['users']:,}", *_cells(one)] for one in found]
    grown = ""
    if fitted:
        grown = (
            f"CPU seconds grow as items^{fitted['cpu']['items']} users^{fitted['cpu']['users']}, memory as "
            f"items^{fitted['peak_mb']['items']} users^{fitted['peak_mb']['users']} (fitted over all rows)."
        )
    part = {
        "place": 5,
        "title": f"Growth of training, `{name}`",
        "text": f"Synthetic users of ten events, Zipf popularity and latent tastes, a fresh process a row, "
        f"{threads} thread{'s' * (threads > 1)}. {grown}",
        "columns": ["items", "users", "wall s", "CPU s", "peak MB", "CPU ms a request"],
        "rows": rows,
        "digits": 1,
    }
    bars = {"users": 100_000, "items": 1_000_000, "wall": BAR_SECONDS, "peak_mb": BAR_MB}
    return {"readme": [part], "model": name, "threads": threads, "sizes": found, "exponents": fitted, "bar": bars}


def _cells(one: dict[str, Any]) -> list[float | None]:
    """Return what the table says of one size; nothing where training failed."""
    asked = one.get("adapt_us")
    return [*(one.get(what) for what in ("wall", "cpu", "peak_mb")), None if asked is None else asked / 1000]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="meta", help="name of a recommender")
    parser.add_argument("--items", nargs="+", type=int, default=list(ITEMS))
    parser.add_argument("--users", nargs="+", type=int, default=list(USERS))
    # threads that wait for each other on a busy machine count as working, so CPU seconds are honest with one only
    parser.add_argument("--threads", type=int, default=1, help="threads of the linear algebra; default 1")
    parser.add_argument("--one", nargs=2, type=int, metavar=("USERS", "ITEMS"), help="measure here, print JSON")
    parser.add_argument("--out", type=Path, default=None, help="folder of the results; default benchmarks/results")
    return parser


if __name__ == "__main__":
    run(main)
