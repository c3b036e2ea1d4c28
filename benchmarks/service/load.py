"""A client that costs little: keep-alive connections on bare sockets, load at a rate that waits for nobody."""

import asyncio
import json
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.service.server import HOST

IDLE_BELOW = 0.1
"""Cores that others may use on a machine that counts as idle."""
MOST_LINES = 800
LOST = 0
"""Status of a request whose connection broke."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: ``status`` is 0 where the connection broke."""

    status: int
    body: bytes

    @property
    def told(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def get(path: str) -> bytes:
    """Return a GET as it goes over the line."""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def post(path: str, body: Any, headers: str = "") -> bytes:
    """Return a POST of JSON as it goes over the line."""
    content = json.dumps(body).encode()
    kind = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n{headers}"
    return f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{kind}\r\n".encode() + content


class Line(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._came = b""
        self._waiting: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None
        self.local_port = 0
        self.broken = False

    @classmethod
    async def open(cls, port: int) -> "Line":
        """Connect."""
        _, line = await asyncio.get_running_loop().create_connection(cls, HOST, port)
        return line

    def connection_made(self, transport: Any) -> None:
        """Remember where this is."""
        self._transport = transport
        self.local_port = transport.get_extra_info("sockname")[1]

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer, and give it out when it is whole."""
        self._came += data
        head, end, rest = self._came.partition(b"\r\n\r\n")
        if not end:
            return
        length = next((int(row[15:]) for row in head.split(b"\r\n") if row[:15].lower() == b"content-length:"), 0)
        if len(rest) >= length and self._waiting is not None:
            self._came, waiting, self._waiting = b"", self._waiting, None
            if not waiting.done():
                waiting.set_result(Answer(int(head[9:12]), rest[:length]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Let whoever waits know."""
        self.broken = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(LOST, b""))

    async def ask(self, request: bytes) -> Answer:
        """Send a request and wait for the answer."""
        if self.broken or self._transport is None:
            return Answer(LOST, b"")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class Lines:
    """As many connections as are needed at once; each takes another request when it has its answer.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Line] = []
        self._open = 0

    async def ask(self, request: bytes, *, anew: bool = False) -> Answer:
        """Send a request over a free connection, or a new one; one that broke is replaced for the next."""
        try:
            line = (None if anew else self._free()) or await self._another()
        except OSError:
            return Answer(LOST, b"")
        found = await line.ask(request)
        if line.broken:
            self._open -= 1
        else:
            self._idle.append(line)
        return found

    def _free(self) -> Line | None:
        """Return a line that waits for a request; servers hang up on those that wait for long."""
        while self._idle:
            line = self._idle.pop()
            if not line.broken:
                return line
            self._open -= 1
        return None

    async def _another(self) -> Line:
        if self._open >= MOST_LINES:
            raise OSError("too many connections wait")
        self._open += 1
        try:
            return await Line.open(self._port)
        except OSError:
            self._open -= 1
            raise

    async def warm(self, count: int) -> None:
        """Open connections before anything is measured."""
        self._idle += [await self._another() for _ in range(count)]

    def close(self) -> None:
        """Hang up all."""
        for line in self._idle:
            line.close()


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: when it was to be sent, in seconds from the beginning, how long until its answer, and its status."""

    at: float
    took: float
    status: int
    answer: Answer | None = None


async def open_loop(
    rate: float, seconds: float, work: Callable[[int], Awaitable[Answer]], *, keep: bool = False
) -> list[Sample]:
    """Begin ``work(number)`` at a constant rate, whatever becomes of it; latency counts from the intended start."""
    loop = asyncio.get_running_loop()
    count, began = int(rate * seconds), loop.time()
    found: list[Sample] = []

    async def one(number: int, at: float) -> None:
        answer = await work(number)
        found.append(Sample(at, loop.time() - began - at, answer.status, answer if keep else None))

    running = set()
    for number in range(count):
        at = number / rate
        wait = began + at - loop.time()
        # below a millisecond the loop's clock is too coarse; the lateness counts as latency
        if wait > 0:
            await asyncio.sleep(wait)
        task = asyncio.ensure_future(one(number, at))
        running.add(task)
        task.add_done_callback(running.discard)
    while running:
        await asyncio.wait(running)
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def milliseconds(values: Sequence[float]) -> dict[str, float]:
    """Return the usual percentiles of seconds, in milliseconds."""
    if not values:
        return {}
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
    found = {name: round(1000 * percentile(values, share), 2) for name, share in shares.items()}
    return found | {"max": round(1000 * max(values), 2), "mean": round(1000 * statistics.fmean(values), 2)}


def spent() -> tuple[int, int]:
    """Return the processor time that was wanted since the start, and of it what a host gave to others."""
    fields = [int(value) for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _waiting, hard, soft, stolen = fields
    return user + nice + system + hard + soft + stolen, stolen


def stolen_since(before: tuple[int, int]) -> float:
    """Return the share of the processor time wanted since then that a host gave to others."""
    wanted, stolen = (now - then for now, then in zip(spent(), before, strict=True))
    return round(stolen / max(1, wanted), 4)


def surroundings(settle: float = 0.0) -> dict[str, Any]:
    """Return how busy the machine is, after waiting up to ``settle`` seconds for it to become idle."""
    until = time.monotonic() + settle
    while (used := _used(1.0)) > IDLE_BELOW and time.monotonic() < until:
        time.sleep(1)
    return {"busy": used > IDLE_BELOW, "others_cpu": round(used, 2)}


def _used(seconds: float) -> float:
    """Return how many cores are in use, while this process does nothing."""
    before = _busy_ticks()
    time.sleep(seconds)
    return (_busy_ticks() - before) / os.sysconf("SC_CLK_TCK") / seconds


def _busy_ticks() -> int:
    parts = [int(part) for part in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(parts) - parts[3] - parts[4]


@contextmanager
def own_core() -> Iterator[set[int] | None]:
    """Keep this process on one core, and lend the others to the server; None where there is one only."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        yield None
        return
    os.sched_setaffinity(0, {cores[-1]})
    try:
        yield set(cores[:-1])
    finally:
        os.sched_setaffinity(0, set(cores))
