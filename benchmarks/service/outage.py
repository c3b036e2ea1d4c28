"""PostgreSQL goes away under load and comes back: do people still get lists, and is nothing acknowledged lost?"""

import asyncio
import random
import signal
from collections import Counter
from typing import Any

from benchmarks.service.ledger import Ledger, Witness, faults
from benchmarks.service.load import LOST, Answer, Lines, Sample, get, milliseconds, open_loop, post
from benchmarks.service.server import Postgres, Server, store_of

PEOPLE = 200
READS, WRITES = 50.0, 30.0
"""A second."""
BEFORE, GONE, AFTER = 5.0, 6.0, 9.0
WAYS = ("stopped", "crashed", "hanging")
READS_BAR = 0.99
BOUND = 1.0
"""Seconds within which a read must be answered to count as good."""


def run(kind: str, seed: int = 0) -> dict[str, Any]:
    """Take PostgreSQL away in three ways, each under load and on a store of its own."""
    ways = {way: _one(kind, way, random.Random(seed)) for way in WAYS}
    return ways | {"ok": all(found["ok"] for found in ways.values())}


def _one(kind: str, way: str, rng: random.Random) -> dict[str, Any]:
    with store_of(kind) as (url, folder, postgres), Server.warmstart(url, folder) as server:
        if postgres is None:
            raise SystemExit("This part is about PostgreSQL.")
        ledger = Ledger()
        reads, writes = asyncio.run(_under_load(server, postgres, way, ledger, rng))
        witness = Witness(url)
        wrong = faults(witness.rows(), witness.versions(), ledger) | {"damaged": int(not witness.is_whole())}
        witness.close()
    # what was refused may still have been written, if the answer to its commit was lost; a retry finds it
    there = wrong.pop("refused but there")
    good = [one for one in reads if one.status == 200 and one.took <= BOUND]
    share = len(good) / len(reads)
    degraded = sum(one.answer.told["degraded"] for one in good if one.answer is not None)
    late = [one.status for one in writes if one.at > BEFORE + GONE + AFTER - 3]
    return {
        "reads": len(reads),
        "good": round(share, 4),
        "by status": {str(status): count for status, count in sorted(Counter(one.status for one in reads).items())},
        "degraded": degraded,
        "reads, ms": milliseconds([one.took for one in reads]),
        "writes by status": {str(status): count for status, count in sorted(Counter(s.status for s in writes).items())},
        "writes well at the end": set(late) == {200},
        "acknowledged": len(ledger.acknowledged),
        **wrong,
        "unacknowledged but there": there,
        "ok": share >= READS_BAR and not any(wrong.values()) and set(late) == {200},
    }


async def _under_load(
    server: Server, postgres: Postgres, way: str, ledger: Ledger, rng: random.Random
) -> tuple[list[Sample], list[Sample]]:
    lines = Lines(server.port)
    await lines.warm(20)
    for person in range(PEOPLE):
        body = {"event_id": f"first-{person}", "user_id": f"u{person}", "item_id": str(1 + person), "type": "like"}
        await lines.ask(post("/v1/events", body))
        await lines.ask(get(f"/v1/users/u{person}/recommendations"))

    async def read(_number: int) -> Answer:
        return await lines.ask(get(f"/v1/users/u{rng.randrange(PEOPLE)}/recommendations"))

    async def write(number: int) -> Answer:
        name, person = f"w{number}", rng.randrange(PEOPLE)
        body = {"event_id": name, "user_id": f"u{person}", "item_id": str(rng.randrange(1, 2000)), "type": "like"}
        answer = await lines.ask(post("/v1/events", body))
        kept = {200: ledger.acknowledged, LOST: ledger.in_flight}.get(answer.status, ledger.refused)
        kept.add(name)
        return answer

    seconds = BEFORE + GONE + AFTER
    reads, writes, _ = await asyncio.gather(
        open_loop(READS, seconds, read, keep=True), open_loop(WRITES, seconds, write), _take_away(postgres, way)
    )
    lines.close()
    return reads, writes


async def _take_away(postgres: Postgres, way: str) -> None:
    await asyncio.sleep(BEFORE)
    if way == "hanging":
        postgres.signal(signal.SIGSTOP)
        await asyncio.sleep(GONE)
        postgres.signal(signal.SIGCONT)
        return
    await asyncio.to_thread(postgres.stop, {"stopped": "fast", "crashed": "immediate"}[way])
    await asyncio.sleep(GONE)
    await asyncio.to_thread(postgres.start)
