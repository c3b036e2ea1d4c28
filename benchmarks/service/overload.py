"""Three times as much as the server can do: is the excess refused at once, and are the others served as ever?"""

import asyncio
import random
import time
from collections import Counter
from typing import Any

from benchmarks.service.load import (
    Answer,
    Lines,
    Sample,
    get,
    milliseconds,
    open_loop,
    own_core,
    percentile,
    post,
)
from benchmarks.service.server import Server, store_of

PEOPLE = 500
EVENTS_EACH = 8
NORMAL, OVER = 0.8, 3.0
"""Shares of what the server can do."""
SECONDS = 10.0
REFUSED_WITHIN = 0.05
TIMES_NORMAL = 2.0


def run(kind: str, seed: int = 0) -> dict[str, Any]:
    """Ask a server with two workers for more than it can do."""
    with (
        own_core() as cores,
        store_of(kind, cores) as (url, folder, _),
        Server.warmstart(url, folder, cores=cores) as server,
    ):
        return asyncio.run(_measured(server, random.Random(seed)))


async def _measured(server: Server, rng: random.Random) -> dict[str, Any]:
    lines = Lines(server.port)
    await lines.warm(64)
    for person in range(PEOPLE):
        events = [{"user_id": str(person), "item_id": str(rng.randrange(1, 2000))} for _ in range(EVENTS_EACH)]
        await lines.ask(post("/v1/events", events))

    async def ask(number: int) -> Answer:
        return await lines.ask(get(f"/v1/users/{number * 7 % PEOPLE}/recommendations?n=10"))

    most = await _capacity(ask)
    normal = await open_loop(NORMAL * most, SECONDS, ask)
    over = await open_loop(OVER * most, SECONDS, ask)
    again = await open_loop(NORMAL * most, SECONDS, ask)
    lines.close()
    return {"what it can do, a second": round(most, 1)} | _judged(normal, over, again)


async def _capacity(ask: Any) -> float:
    """Return how many lists a second are given when a few clients ask without pause."""
    done = 0
    until = time.monotonic() + 5

    async def some(number: int) -> None:
        nonlocal done
        while time.monotonic() < until:
            answer = await ask(number + done)
            done += answer.status == 200  # not in one line: others count during the wait

    await asyncio.gather(*(some(number) for number in range(8)))
    return done / 5


def _judged(normal: list[Sample], over: list[Sample], again: list[Sample]) -> dict[str, Any]:
    usual = percentile([one.took for one in normal if one.status == 200], 0.99)
    taken = [one.took for one in over if one.status == 200]
    refused = [one.took for one in over if one.status == 503]
    late = sum(took > REFUSED_WITHIN for took in refused)
    return {
        "normal, ms": milliseconds([one.took for one in normal]),
        "normal by status": _by_status(normal),
        "over, accepted, ms": milliseconds(taken),
        "over, refused, ms": milliseconds(refused),
        "over by status": _by_status(over),
        "refused late": late,
        "afterwards, ms": milliseconds([one.took for one in again]),
        "afterwards by status": _by_status(again),
        "accepted p99, times normal": round(percentile(taken, 0.99) / usual, 2),
        "ok": percentile(refused, 0.99) <= REFUSED_WITHIN
        and percentile(taken, 0.99) <= TIMES_NORMAL * usual
        and set(_by_status(over)) <= {"200", "503"},
    }


def _by_status(samples: list[Sample]) -> dict[str, int]:
    return {str(status): count for status, count in sorted(Counter(one.status for one in samples).items())}
