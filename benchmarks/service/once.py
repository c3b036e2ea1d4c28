"""Each event id sent several times at the same moment, over every worker: has it one effect?"""

import asyncio
import random
from collections import Counter
from typing import Any

from benchmarks.service.ledger import Ledger, Witness, faults
from benchmarks.service.load import Answer, Lines, post
from benchmarks.service.server import Server, store_of

TIMES = 5
AT_ONCE = 8
"""Ids that are sent at the same time."""
PEOPLE = 500
KEYS = 50
"""One in so many ids goes under an Idempotency-Key as well."""


def run(kind: str, ids: int, seed: int = 0) -> dict[str, Any]:
    """Send so many ids, two workers."""
    with store_of(kind) as (url, folder, _), Server.warmstart(url, folder) as server:
        counts = asyncio.run(_sent(server, ids, seed))
        witness = Witness(url)
        sent = Ledger(acknowledged={f"once-{number}" for number in range(ids)})
        wrong = faults(witness.rows(), witness.versions(), sent)
        logged = len(witness.rows())
        witness.close()
    found = {"ids": ids, "requests": ids * TIMES, "logged": logged, **wrong, **counts}
    fine = logged == ids and not any(wrong.values()) and not any(counts[name] for name in BAD)
    return found | {"ok": fine}


BAD = ("accepted not once", "versions differ", "failed")


async def _sent(server: Server, ids: int, seed: int) -> dict[str, int]:
    lines, rng, counts = Lines(server.port), random.Random(seed), Counter[str]()
    await lines.warm(AT_ONCE * TIMES)
    left = iter(range(ids))

    async def some() -> None:
        for number in left:
            _count(await asyncio.gather(*(lines.ask(request) for request in _requests(number, rng))), counts)

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    lines.close()
    return {name: counts[name] for name in (*BAD, "being answered, 409")}


def _requests(number: int, rng: random.Random) -> list[bytes]:
    body = {"event_id": f"once-{number}", "user_id": f"u{rng.randrange(PEOPLE)}", "item_id": "1", "type": "like"}
    header = f"Idempotency-Key: once-{number}\r\n" if number % KEYS == 0 else ""
    return [post("/v1/events", body, header)] * TIMES


def _count(answers: list[Answer], counts: Counter[str]) -> None:
    """Without a key one of the answers says accepted and the others duplicate; with a key all say the same."""
    told = [answer.told for answer in answers if answer.status == 200]
    waiting = sum(answer.status == 409 for answer in answers)
    counts["being answered, 409"] += waiting
    counts["failed"] += len(answers) - len(told) - waiting
    accepted = sum(one["accepted"] for one in told)
    keyed_alike = waiting or (accepted == len(told) == TIMES)
    counts["accepted not once"] += not (accepted == 1 or keyed_alike)
    counts["versions differ"] += len({one["state_version"] for one in told}) > 1
