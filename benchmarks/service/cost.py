"""What a request costs the processor, beside the smallest handler; how many events a second, how soon they count."""

import asyncio
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.service.load import Answer, Lines, get, milliseconds, open_loop, own_core, post
from benchmarks.service.server import HOST, Server, free_port, model_folder, store_of
from warmstart.core.histories import Histories
from warmstart.core.ranking import top_k
from warmstart.core.threads import stay_on_one_thread
from warmstart.recommenders.table import load
from warmstart.representation.context import Context

PEOPLE = 500
EVENTS_EACH = 8
ITEMS = range(1, 2_000)
ROUNDS = 9
"""In which everything is measured in turn; the median counts."""
TIMES = 200
"""That all items are scored in a round."""
BATCH = 100
SINGLE_LINES, BATCH_LINES = 64, 8
RATE = 100.0
STALE = -1
BARS = {
    "recommend, CPU ms": 1.0,
    "beside scoring, times bare": 2.0,
    "single": 500.0,
    "batched": 5_000.0,
    "visible p99": 25.0,
}


def run(kind: str, requests: int, seed: int = 0) -> dict[str, Any]:
    """Measure on a store of a kind, two workers."""
    rng = random.Random(seed)
    with own_core() as cores, store_of(kind, cores) as (url, folder, _):
        # the second store is gone before events are timed: what it still writes would hold up the first one's commits
        with (
            store_of(kind, cores) as (other, beside, _),
            Server.warmstart(url, folder, cores=cores) as server,
            Server.warmstart(other, beside, cores=cores, model=model_folder("popularity")) as mute,
            _bare(folder, cores) as bare,
        ):
            lists = asyncio.run(_of_lists(server, mute, bare, requests, rng))
        with Server.warmstart(url, folder, cores=cores) as server:
            found = lists | asyncio.run(_of_events(server, requests, rng))
    rounded = {name: value if isinstance(value, dict) else round(value, 4) for name, value in found.items()}
    return rounded | {"bars": _bars(found), "ok": all(_bars(found).values())}


async def _of_lists(server: Server, mute: Server, bare: Server, requests: int, rng: random.Random) -> dict[str, Any]:
    """Return what a list costs, beside the smallest handler and scoring, all asked in turn: medians of some rounds.

    A machine of which others have a part is slower at one time than at another, so what is compared is measured within
    a few seconds. ``mute`` serves the same people with a model that has next to nothing to score.
    """
    everyone = [[_event(rng, person) for _ in range(EVENTS_EACH)] for person in range(PEOPLE)]
    lines = {one: Lines(one.port) for one in (server, mute, bare)}
    for one, some in lines.items():
        await some.warm(BATCH_LINES)
        if one is not bare:
            for events in everyone:
                await some.ask(post("/v1/events", events))
    scoring, rounds = _Scoring(rng), list[dict[str, float]]()
    for _ in range(ROUNDS + 1):
        ours = await _cpu(server, lines[server], 2 * requests // ROUNDS, _list)
        others = await _cpu(mute, lines[mute], 2 * requests // ROUNDS, _list)
        # it costs a tenth, and the system counts in hundredths of a second
        smallest = await _cpu(bare, lines[bare], 8 * requests // ROUNDS, _list)
        rounds.append(_beside(ours, others, smallest, scoring.measured()))
    for some in lines.values():
        some.close()
    told = rounds[1:]  # the first one warmed everything up
    found: dict[str, Any] = {name: statistics.median(one[name] for one in told) for name in told[0]}
    spread = {name: [round(pick(one[name] for one in told), 4) for pick in (min, max)] for name in told[0]}
    return found | {"least and most of the rounds": spread}


def _beside(ours: float, mute: float, bare: float, scoring: dict[str, float]) -> dict[str, float]:
    """Return what an answer costs beside its scoring, in two ways, in milliseconds and in smallest handlers.

    Taken off what a list costs, the rest holds what scoring does to others: it empties the caches of the processor.
    Where the model scores nothing that is away.
    """
    beside = {
        "beside scoring": ours - scoring["scoring"] - scoring["best ten"],
        "beside scoring by popularity": mute - scoring["popularity"] - scoring["best ten"],
    }
    spent = {"recommend": ours, "recommend by popularity": mute, "bare": bare} | scoring | beside
    times = {f"{name}, times bare": value / bare for name, value in beside.items()}
    return {f"{name}, CPU ms": value for name, value in spent.items()} | times


def _bars(found: dict[str, Any]) -> dict[str, bool]:
    return {
        "recommend at most 1.0 CPU ms": found["recommend, CPU ms"] <= BARS["recommend, CPU ms"],
        "beside scoring at most twice bare": found["beside scoring, times bare"] <= BARS["beside scoring, times bare"],
        "500 single events a second": found["single events a second"] >= BARS["single"],
        "5,000 batched events a second": found["batched events a second"] >= BARS["batched"],
        "event to visible p99 at most 25 ms": found["event to visible, ms"]["p99"] <= BARS["visible p99"]
        and not found["event to visible, ms"]["refused"],
    }


async def _of_events(server: Server, requests: int, rng: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    found |= await _events(server, "single", requests, 1, SINGLE_LINES, rng)
    found |= await _events(server, "batched", 10 * requests // BATCH, BATCH, BATCH_LINES, rng)
    found["event to visible, ms"], found["event acknowledged, ms"] = await _visible(server, rng)
    return found


def _list(number: int) -> bytes:
    return get(_path(number % PEOPLE))


def _path(person: int) -> str:
    return f"/v1/users/{person}/recommendations?n=10"


def _event(rng: random.Random, person: int | None = None) -> dict[str, Any]:
    who = rng.randrange(PEOPLE) if person is None else person
    item = str(rng.choice(ITEMS))
    return {"event_id": f"{rng.getrandbits(64):x}", "user_id": str(who), "item_id": item, "type": "like"}


async def _cpu(server: Server, lines: Lines, requests: int, request: Any) -> float:
    """Return the CPU milliseconds of a request, the requests coming a few at a time."""
    before = server.cpu()
    answers = await _all(lines, requests, request, 2)
    if any(answer.status != 200 for answer in answers):
        raise SystemExit(f"Some requests failed: {sorted({answer.status for answer in answers})}.")
    return 1000 * (server.cpu() - before) / requests


async def _all(lines: Lines, count: int, request: Any, at_once: int) -> list[Answer]:
    left, found = iter(range(count)), list[Answer]()

    async def some() -> None:
        found.extend([await lines.ask(request(number)) for number in left])

    await asyncio.gather(*(some() for _ in range(at_once)))
    return found


async def _events(
    server: Server, name: str, requests: int, size: int, at_once: int, rng: random.Random
) -> dict[str, float]:
    """Return how many events a second are acknowledged, so many requests at once, and what one costs."""
    lines = Lines(server.port)
    await lines.warm(at_once)
    bodies = [[_event(rng) for _ in range(size)] for _ in range(requests)]
    raw = [post("/v1/events", body[0] if size == 1 else body) for body in bodies]
    before, began = server.cpu(), time.perf_counter()
    answers = await _all(lines, requests, lambda number: raw[number], at_once)
    took, cpu = time.perf_counter() - began, server.cpu() - before
    lines.close()
    accepted = sum(answer.told["accepted"] for answer in answers if answer.status == 200)
    return {f"{name} events a second": accepted / took, f"{name} event, CPU ms": 1000 * cpu / max(1, accepted)}


async def _visible(server: Server, rng: random.Random) -> tuple[dict[str, float], dict[str, float]]:
    """Return how long after its intended start an event was in an answer, and when it was acknowledged."""
    lines, acknowledged = Lines(server.port), list[float]()
    await lines.warm(16)
    loop = asyncio.get_running_loop()

    async def one(_number: int) -> Answer:
        began, event = loop.time(), _event(rng)
        told = await lines.ask(post("/v1/events", event))
        acknowledged.append(loop.time() - began)
        answer = await lines.ask(get(_path(int(event["user_id"]))))
        stale = told.status == answer.status == 200 and answer.told["state_version"] < told.told["state_version"]
        return Answer(STALE, b"") if stale else answer

    samples = await open_loop(RATE, 20.0, one)
    lines.close()
    if any(sample.status == STALE for sample in samples):
        raise SystemExit("An event was not in the next answer.")
    refused = sum(sample.status != 200 for sample in samples)
    return milliseconds([sample.took for sample in samples]) | {"refused": refused}, milliseconds(acknowledged)


def _bare(folder: Path, cores: set[int] | None) -> Server:
    """Return the smallest handler, under the settings that our server gives uvicorn."""
    port = free_port()
    program = (
        "import sys, uvicorn; uvicorn.run('benchmarks.service.bare:app', host=sys.argv[1], port=int(sys.argv[2]), "
        "workers=2, access_log=False, log_config=None, server_header=False)"
    )
    return Server([sys.executable, "-c", program, HOST, str(port)], port, folder / "bare.log", cores=cores)


class _Scoring:
    """What scoring all items for one person costs in process, and finding the best ten."""

    def __init__(self, rng: random.Random) -> None:
        stay_on_one_thread()  # as the server does
        self._model, self._popular = load(model_folder()), load(model_folder("popularity"))
        items = [rng.sample(range(len(self._model.catalogue)), EVENTS_EACH)]
        self._history = Histories.of(items, [[self._model.catalogue.like_value] * EVENTS_EACH])

    def measured(self) -> dict[str, float]:
        """Return milliseconds of one answer."""
        scored = ranked = counted = 0
        for _ in range(TIMES):
            began = time.thread_time_ns()
            scores = self._model.scores_of(self._history, Context())
            middle = time.thread_time_ns()
            top_k(scores, 10)
            after = time.thread_time_ns()
            self._popular.scores_of(self._history, Context())
            counted += time.thread_time_ns() - after
            scored, ranked = scored + middle - began, ranked + after - middle
        spent = {"scoring": scored, "best ten": ranked, "popularity": counted}
        return {name: value / TIMES / 1e6 for name, value in spent.items()}
