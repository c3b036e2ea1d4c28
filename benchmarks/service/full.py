"""The disk is full: are writes refused in so many words, do reads go on, and does all go on by itself afterwards?"""

import asyncio
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.service.ledger import Ledger, Witness, faults
from benchmarks.service.load import Answer, Lines, get, post
from benchmarks.service.server import Server, store_of

SMALL, LARGER = "6m", "64m"
BATCH = 100
PEOPLE = 100
FULL_FOR = 8.0
"""Seconds for which the disk stays full."""
RECOVERED_WITHIN = 10.0
REFUSALS = {503, 507}


def can_mount() -> bool:
    """Whether a small disk can be made here."""
    return os.getuid() == 0 and Path("/bin/mount").exists()


def run(kind: str) -> dict[str, Any]:
    """Fill the disk of a server on SQLite, two workers."""
    with store_of(kind) as (_, folder, _), _small_disk(folder / "disk") as disk:
        url = f"sqlite:///{disk}/w.db"
        with Server.warmstart(url, folder) as server:
            filling = _Filling(server, disk)
            result = asyncio.run(filling.all())
            witness = Witness(url)
            wrong = faults(witness.rows(), witness.versions(), filling.ledger) | {
                "damaged": int(not witness.is_whole())
            }
            witness.close()
    fine = not any(wrong.values()) and result.pop("fine")
    return result | wrong | {"acknowledged": len(filling.ledger.acknowledged), "ok": fine}


class _Filling:
    def __init__(self, server: Server, disk: Path) -> None:
        self._lines, self._disk = Lines(server.port), disk
        self.ledger = Ledger()
        self._sent = 0
        self.writes, self.reads = Counter[int](), Counter[int]()

    async def all(self) -> dict[str, Any]:
        """Fill the disk, write and read on while it is full, make room, and wait until writes succeed again."""
        until = time.monotonic() + 60
        while (await self._write(BATCH)).status == 200 and time.monotonic() < until:
            pass
        until = time.monotonic() + FULL_FOR
        while time.monotonic() < until:
            size = 1 if self._sent % 2 else BATCH
            written, read, _ = await asyncio.gather(
                self._write(size), self._read(self._sent % PEOPLE), asyncio.sleep(0.02)
            )
            self.writes[written.status] += 1
            self.reads[read.status] += 1
        _run("mount", "-o", f"remount,size={LARGER}", str(self._disk))
        recovered = await self._recovered()
        after = Counter([(await self._write(1)).status for _ in range(100)])
        self._lines.close()
        fine = set(self.writes) <= REFUSALS | {200} and set(self.reads) == {200}
        return {
            "writes while full": _by_status(self.writes),
            "reads while full": _by_status(self.reads),
            "degraded reads": self._degraded,
            "writes again after, s": round(recovered, 2),
            "writes afterwards": _by_status(after),
            "fine": fine
            and recovered <= RECOVERED_WITHIN
            and set(after) == {200}
            and REFUSALS & set(self.writes) != set(),
        }

    _degraded = 0

    async def _write(self, size: int) -> Answer:
        events = []
        for _ in range(size):
            self._sent += 1
            told = {"user_id": f"u{self._sent % PEOPLE}", "item_id": "1", "type": "view", "context": {"pad": "x" * 200}}
            events.append({"event_id": f"f{self._sent}"} | told)
        names = {str(event["event_id"]) for event in events}
        answer = await self._lines.ask(post("/v1/events", events))
        if answer.status == 200:
            self.ledger.acknowledged |= names
        else:
            self.ledger.refused |= names
        return answer

    async def _read(self, person: int) -> Answer:
        answer = await self._lines.ask(get(f"/v1/users/u{person}/recommendations"))
        self._degraded += answer.status == 200 and answer.told["degraded"]
        return answer

    async def _recovered(self) -> float:
        """Return after how many seconds a write succeeds, at most a minute."""
        began = time.monotonic()
        while (await self._write(1)).status != 200 and time.monotonic() < began + 60:
            pass
        return time.monotonic() - began


def _by_status(counts: Counter[int]) -> dict[str, int]:
    return {str(status): count for status, count in sorted(counts.items())}


@contextmanager
def _small_disk(at: Path) -> Iterator[Path]:
    at.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(at))
    try:
        yield at
    finally:
        _run("umount", "-l", str(at))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
