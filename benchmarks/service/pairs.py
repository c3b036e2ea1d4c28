"""Does the next answer rest on the last event? Random people, the event to one process, the question to another."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from benchmarks.service.load import Answer, Line, get, milliseconds, post
from benchmarks.service.server import Server, store_of, worker_of

PEOPLE = 2_000
PER_WORKER = 4
TYPES = ("like", "like", "like", "dislike", "view", "purchase", "impression")
MEETS = {"like", "dislike", "view", "purchase"}
"""Types after which an item may not be recommended again."""


@dataclass(slots=True)
class _Found:
    pairs: int = 0
    stale: int = 0
    elsewhere: int = 0
    failed: int = 0
    took: list[float] = field(default_factory=list)


def run(kind: str, count: int, seed: int = 0) -> dict[str, Any]:
    """Measure ``count`` pairs on a store of a kind, two workers."""
    with store_of(kind) as (url, folder, _), Server.warmstart(url, folder) as server:
        found = asyncio.run(_measured(server, count, seed))
    return {
        "pairs": found.pairs,
        "stale": found.stale,
        "failed": found.failed,
        "answered by another process": found.elsewhere,
        "event and answer, ms": milliseconds(found.took),
        "ok": found.stale == 0 and found.failed == 0 and found.pairs == count,
    }


async def _measured(server: Server, count: int, seed: int) -> _Found:
    lines = await _lines_by_worker(server)
    found, rng = _Found(), random.Random(seed)
    left = iter(range(count))
    first, second = lines.values()
    crossed = [(first[0], second[0]), (second[1], first[1]), (first[2], second[2])]
    # one after the other on each pair of lines, so that a question never waits behind another one
    works = [_pairs(tells, asks, True, left, found, rng) for tells, asks in crossed]
    await asyncio.gather(*works, _pairs(first[3], first[3], False, left, found, rng))
    return found


async def _lines_by_worker(server: Server) -> dict[int, list[Line]]:
    """Return connections to each worker, by process; the kernel deals them out as it likes."""
    found: dict[int, list[Line]] = {pid: [] for pid in server.workers()}
    for _ in range(500):
        if min(map(len, found.values())) >= PER_WORKER:
            return found
        line = await Line.open(server.port)
        # it is taken when it is answered
        await line.ask(get("/health/live"))
        pid = worker_of(server, line.local_port)
        if pid is None or len(found[pid]) >= PER_WORKER:
            line.close()
        else:
            found[pid].append(line)
    raise SystemExit("One of the workers takes no connections.")


async def _pairs(tells: Line, asks: Line, crossed: bool, left: Any, found: _Found, rng: random.Random) -> None:
    loop = asyncio.get_running_loop()
    for number in left:
        person = f"{rng.randrange(PEOPLE)} ü"
        path = f"/v1/users/{quote(person)}/recommendations?n=10"
        before = await asks.ask(get(path))
        if before.status != 200:
            found.failed += 1
            continue
        item, kind = rng.choice(before.told["items"])["item_id"], rng.choice(TYPES)
        body = {"event_id": f"pair-{number}", "user_id": person, "item_id": str(item), "type": kind}
        began = loop.time()
        told = await tells.ask(post("/v1/events", body))
        answer = await asks.ask(get(path))
        found.took.append(loop.time() - began)
        found.pairs += 1
        found.elsewhere += crossed
        found.failed += told.status != 200 or answer.status != 200
        found.stale += told.status == 200 and answer.status == 200 and _is_stale(told, answer, item, kind)


def _is_stale(told: Answer, answer: Answer, item: Any, kind: str) -> bool:
    listed = answer.told
    shown_again = kind in MEETS and item in [row["item_id"] for row in listed["items"]]
    return bool(listed["state_version"] < told.told["state_version"] or shown_again)
