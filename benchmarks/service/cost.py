"""What a request costs the processor, beside the smallest handler; how many events a second, how soon they count."""

import asyncio
import random
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.service.load import Answer, Lines, get, milliseconds, open_loop, own_core, post
from benchmarks.service.server import HOST, Server, free_port, model_folder, store_of
from warmstart.core.histories import Histories
from warmstart.core.ranking import top_k
from warmstart.core.seal import version_of
from warmstart.core.threads import stay_on_one_thread
from warmstart.recommenders.table import load
from warmstart.representation.context import Context
from warmstart.serving.store import kept
from warmstart.serving.store.store import Store

PEOPLE = 500
EVENTS_EACH = 8
ITEMS = range(1, 2_000)
ROUNDS = 1_000
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
        with Server.warmstart(url, folder, cores=cores) as server:
            found = asyncio.run(_of_server(server, requests, rng))
        (folder / "beside").mkdir()
        with _mute(url, folder / "beside", cores) as server:
            found["recommend by popularity, CPU ms"] = asyncio.run(_of_lists(server, requests))
        found["bare, CPU ms"] = _bare(folder, requests, cores)
    found |= _scoring(rng)
    found |= _beside(found)
    rounded = {name: value if isinstance(value, dict) else round(value, 4) for name, value in found.items()}
    return rounded | {"bars": _bars(found), "ok": all(_bars(found).values())}


def _mute(url: str, folder: Path, cores: set[int] | None) -> Server:
    """Return a server over the same people whose model has next to nothing to score.

    The store has to forget the model that answered, or that one would go on.
    """
    with Store.open(url) as store:
        model = model_folder("popularity")
        add = partial(kept.add_model, version=version_of(model), path=str(model), activate=True)
        store.write(add).result()
    return Server.warmstart(url, folder, cores=cores, model=model)


def _beside(found: dict[str, Any]) -> dict[str, float]:
    """Return what an answer costs beside its scoring, in two ways.

    Taken off what a list costs, the rest holds what scoring does to others: it empties the caches of the processor.
    Where the model scores nothing that is away.
    """
    scoring = found["scoring, CPU ms"] + found["best ten, CPU ms"]
    alone = found["popularity, CPU ms"] + found["best ten, CPU ms"]
    beside = {
        "beside scoring": found["recommend, CPU ms"] - scoring,
        "beside scoring by popularity": found["recommend by popularity, CPU ms"] - alone,
    }
    times = {f"{name}, times bare": value / found["bare, CPU ms"] for name, value in beside.items()}
    return {f"{name}, CPU ms": value for name, value in beside.items()} | times


def _bars(found: dict[str, Any]) -> dict[str, bool]:
    return {
        "recommend at most 1.0 CPU ms": found["recommend, CPU ms"] <= BARS["recommend, CPU ms"],
        "beside scoring at most twice bare": found["beside scoring, times bare"] <= BARS["beside scoring, times bare"],
        "500 single events a second": found["single events a second"] >= BARS["single"],
        "5,000 batched events a second": found["batched events a second"] >= BARS["batched"],
        "event to visible p99 at most 25 ms": found["event to visible, ms"]["p99"] <= BARS["visible p99"]
        and not found["event to visible, ms"]["refused"],
    }


async def _of_server(server: Server, requests: int, rng: random.Random) -> dict[str, Any]:
    lines = Lines(server.port)
    await lines.warm(BATCH_LINES)
    for person in range(PEOPLE):
        await lines.ask(post("/v1/events", [_event(rng, person) for _ in range(EVENTS_EACH)]))
    found: dict[str, Any] = {}
    lines.close()
    found["recommend, CPU ms"] = await _of_lists(server, requests)
    found |= await _events(server, "single", requests, 1, SINGLE_LINES, rng)
    found |= await _events(server, "batched", 10 * requests // BATCH, BATCH, BATCH_LINES, rng)
    found["event to visible, ms"], found["event acknowledged, ms"] = await _visible(server, rng)
    return found


async def _of_lists(server: Server, requests: int) -> float:
    """Return the CPU milliseconds of a list, all being warm."""
    lines = Lines(server.port)
    await lines.warm(BATCH_LINES)
    for _ in range(2):
        found = await _cpu(server, lines, requests, lambda number: get(_path(number % PEOPLE)))
    lines.close()
    return found


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


def _bare(folder: Path, requests: int, cores: set[int] | None) -> float:
    """Return the CPU milliseconds of the smallest handler, under the settings that our server gives uvicorn."""
    port = free_port()
    program = (
        "import sys, uvicorn; uvicorn.run('benchmarks.service.bare:app', host=sys.argv[1], port=int(sys.argv[2]), "
        "workers=2, access_log=False, log_config=None, server_header=False)"
    )
    command = [sys.executable, "-c", program, HOST, str(port)]

    with Server(command, port, folder / "bare.log", cores=cores) as server:
        return asyncio.run(_of_lists(server, requests))


def _scoring(rng: random.Random) -> dict[str, float]:
    """Return what scoring all items for one person costs in process, and finding the best ten."""
    stay_on_one_thread()  # as the server does
    model, popular = load(model_folder()), load(model_folder("popularity"))
    items = [rng.sample(range(len(model.catalogue)), EVENTS_EACH)]
    history = Histories.of(items, [[model.catalogue.like_value] * EVENTS_EACH])
    scored = ranked = counted = 0
    for _ in range(ROUNDS):
        began = time.thread_time_ns()
        scores = model.scores_of(history, Context())
        middle = time.thread_time_ns()
        top_k(scores, 10)
        after = time.thread_time_ns()
        popular.scores_of(history, Context())
        counted += time.thread_time_ns() - after
        scored, ranked = scored + middle - began, ranked + after - middle
    names = ("scoring", "best ten", "popularity")
    return {
        f"{name}, CPU ms": spent / ROUNDS / 1e6 for name, spent in zip(names, (scored, ranked, counted), strict=True)
    }
