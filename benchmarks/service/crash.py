"""``kill -9`` at random moments under load: is everything acknowledged there, once, and does all go on at once?"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from benchmarks.service.ledger import Ledger, Row, Witness, faults, lists_from_log
from benchmarks.service.load import LOST, Line, Lines, get, percentile, post
from benchmarks.service.server import Server, model_folder, store_of
from warmstart.serving.shelf import open_model

WRITERS = 8
PEOPLE = 200
LARGEST_BATCH = 20
KEYED = 0.25
"""Share of the requests that carry an Idempotency-Key."""
LONGEST = 1.0
"""Seconds of load before a kill, at most."""
READY_BAR = 5.0
FAULTS = (
    *("lost", "doubled", "refused but there", "damaged", "torn", "retry failed", "retry told wrong"),
    "list is not the log's",
)
LOOKED_AT = 3
"""People whose list is compared with the log after each kill."""


def run(kind: str, kills: int, seed: int = 0) -> dict[str, Any]:
    """Kill a server with two workers so many times."""
    rng = random.Random(seed)
    with store_of(kind) as (url, folder, _):
        server = Server.warmstart(url, folder)
        rounds = _Rounds(server, url, rng)
        try:
            server.start()
            for number in range(kills):
                asyncio.run(rounds.one())
                if (number + 1) % 10 == 0:
                    print(rounds.said(number + 1), flush=True)
            result = rounds.summary(kills)
        finally:
            server.kill()
    print(rounds.said(kills), flush=True)
    return result


@dataclass(frozen=True, slots=True)
class _Request:
    events: tuple[dict[str, Any], ...]
    key: str | None

    @property
    def names(self) -> set[str]:
        return {event["event_id"] for event in self.events}

    @property
    def raw(self) -> bytes:
        header = "" if self.key is None else f"Idempotency-Key: {self.key}\r\n"
        return post("/v1/events", list(self.events), header)


class _Rounds:
    def __init__(self, server: Server, url: str, rng: random.Random) -> None:
        self._server, self._url, self._rng = server, url, rng
        self._witness, self._served = Witness(url), open_model(model_folder())
        self._items = [str(item) for item in self._served.model.catalogue.item_ids]
        self._ledger = Ledger()
        self._pending: list[_Request] = []
        self._rows: list[Row] = []
        self._ready: list[float] = []
        self._faults = Counter[str]()
        self._counts = Counter[str]()

    async def one(self) -> None:
        """Write, kill, start again, and compare."""
        writers = [asyncio.ensure_future(self._write()) for _ in range(WRITERS)]
        await asyncio.sleep(self._rng.uniform(0.02, LONGEST))
        self._server.kill()
        await asyncio.gather(*writers)
        self._ready.append(await asyncio.to_thread(self._server.start))
        self._compare()
        await self._send_again()
        await self._look_at_lists()

    async def _write(self) -> None:
        """Send requests one after the other until the line breaks."""
        try:
            line = await Line.open(self._server.port)
        except OSError:
            return
        while not line.broken:
            size = self._rng.choice((1, 1, 1, self._rng.randint(2, LARGEST_BATCH)))
            key = f"key-{self._counts['sent']}" if self._rng.random() < KEYED else None
            request = _Request(tuple(self._event() for _ in range(size)), key)
            answer = await line.ask(request.raw)
            if answer.status == 200:
                self._ledger.acknowledged |= request.names
            elif answer.status == LOST:
                self._ledger.in_flight |= request.names
                self._pending.append(request)
            else:
                self._ledger.refused |= request.names

    def _event(self) -> dict[str, Any]:
        self._counts["sent"] += 1
        person, item = f"u{self._rng.randrange(PEOPLE)}", self._rng.choice(self._items)
        kind = self._rng.choice(("like", "dislike", "view"))
        return {"event_id": f"e{self._counts['sent']}", "user_id": person, "item_id": item, "type": kind}

    def _compare(self) -> None:
        """Hold the store against what the client was told."""
        self._rows = self._witness.rows()
        wrong = faults(self._rows, self._witness.versions(), self._ledger)
        # what is wrong stays wrong, so that the last look counts
        self._faults |= Counter(wrong)
        self._faults["damaged"] += not self._witness.is_whole()

    async def _send_again(self) -> None:
        """Send what was in flight once more, as a client does: it counts once, whether it was there or not."""
        there, lines = {row.event_id for row in self._rows}, Lines(self._server.port)
        for request in self._pending:
            found = len(request.names & there)
            self._counts["in flight and there"] += found
            self._counts["in flight and not there"] += len(request.names) - found
            self._faults["torn"] += found not in {0, len(request.names)}
            answer = await lines.ask(request.raw)
            if answer.status != 200:
                self._faults["retry failed"] += 1
                continue
            # an answer under a key is the one that was lost; without a key, what was there is a duplicate
            fits = answer.told["accepted"] == (len(request.names) if request.key or not found else 0)
            self._faults["retry told wrong"] += not fits
            self._ledger.acknowledged |= request.names
        self._ledger.in_flight.clear()
        self._pending.clear()
        lines.close()

    async def _look_at_lists(self) -> None:
        """Compare the live lists of some people with those that the log says."""
        people = [f"u{person}" for person in self._rng.sample(range(PEOPLE), LOOKED_AT)]
        meant = await asyncio.to_thread(lists_from_log, self._served, self._url, people, 10)
        lines = Lines(self._server.port)
        for person, ids in zip(people, meant, strict=True):
            answer = await lines.ask(get(f"/v1/users/{person}/recommendations?n=10"))
            told = [row["item_id"] for row in answer.told["items"]] if answer.status == 200 else []
            self._faults["list is not the log's"] += told != ids
        lines.close()

    def summary(self, kills: int) -> dict[str, Any]:
        """Return what was found."""
        late = sum(took > READY_BAR for took in self._ready)
        told = {name: self._faults[name] for name in FAULTS}
        return {
            "kills": kills,
            "acknowledged": len(self._ledger.acknowledged),
            **told,
            "in flight and there": self._counts["in flight and there"],
            "in flight and not there": self._counts["in flight and not there"],
            "refused": len(self._ledger.refused),
            "ready again, s": {"median": round(percentile(self._ready, 0.5), 2), "max": round(max(self._ready), 2)},
            "later than 5 s": late,
            "ok": not any(told.values()) and not late,
        }

    def said(self, kills: int) -> str:
        """Return the sentence."""
        wrong = {name: count for name, count in self._faults.items() if count and name not in {"lost", "doubled"}}
        acknowledged = len(self._ledger.acknowledged)
        lost, doubled = self._faults["lost"], self._faults["doubled"]
        return (
            f"{kills} kills, {acknowledged} acknowledged, {lost} lost, {doubled} doubled{f', {wrong}' if wrong else ''}"
        )
