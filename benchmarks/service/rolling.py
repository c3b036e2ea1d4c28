"""A new release: every worker is replaced under load, one after the other. Does a request fail?"""

import asyncio
import random
import time
from collections import Counter
from typing import Any

from benchmarks.service.load import LOST, Answer, Lines, get, milliseconds, open_loop, post
from benchmarks.service.server import Server, store_of

PEOPLE = 200
RATE = 100.0
SECONDS = 40.0
AFTER = 2.0
"""Seconds of load before the server is told."""
EVENTS = 0.3
"""Share of the requests that are events."""


def run(kind: str, seed: int = 0) -> dict[str, Any]:
    """Replace two workers, and count what went wrong meanwhile."""
    with store_of(kind) as (url, folder, _), Server.warmstart(url, folder) as server:
        return asyncio.run(_measured(server, random.Random(seed)))


async def _measured(server: Server, rng: random.Random) -> dict[str, Any]:
    lines, before, again = Lines(server.port), set(server.workers()), Counter[str]()

    async def ask(number: int) -> Answer:
        person = number * 7 % PEOPLE
        if rng.random() < EVENTS:
            event = {"event_id": f"e{number}", "user_id": str(person), "item_id": str(rng.randrange(1, 2_000))}
            request = post("/v1/events", event)
        else:
            request = get(f"/v1/users/{person}/recommendations?n=10")
        answer = await lines.ask(request)
        if answer.status == LOST:
            # the server hung up on a connection that it thought idle; every HTTP client asks again over a new one
            again["connections"] += 1
            answer = await lines.ask(request, anew=True)
        return answer

    load = asyncio.ensure_future(open_loop(RATE, SECONDS, ask))
    await asyncio.sleep(AFTER)
    server.replace_workers()
    replaced, took = await _replaced(server, before)
    samples = await load
    lines.close()
    failed = [one for one in samples if one.status != 200]
    return {
        "requests": len(samples),
        "failed": len(failed),
        "by status": {str(status): count for status, count in Counter(one.status for one in samples).items()},
        "asked again over another connection": again["connections"],
        "workers replaced": replaced,
        "within, s": round(took, 1),
        "ms": milliseconds([one.took for one in samples]),
        "ok": not failed and replaced == len(before),
    }


async def _replaced(server: Server, before: set[int]) -> tuple[int, float]:
    """Wait until none of the old workers is left; return how many are gone, and after how many seconds."""
    began = time.perf_counter()
    # processes of another parent tell nobody when they end
    while before & set(server.workers()) and time.perf_counter() - began < SECONDS - 2 * AFTER:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    return len(before - set(server.workers())), time.perf_counter() - began
