"""What passed is counted once, whoever looks at the counts meanwhile."""

import asyncio
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from warmstart.serving.answers import Recorded
from warmstart.serving.http.tally import MOMENT, Tally

ROUNDS, EACH = 20, 200


def counted(text, name):
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


@pytest.fixture
def restless():
    """Threads that take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("restless")
def test_nothing_is_lost_or_counted_twice_by_many_who_look(sqlite_live):
    tally = Tally(sqlite_live)
    before = counted(tally.text(), "warmstart_events_total")
    found = Recorded(1, 0, (), 1)

    def note_and_look(_):
        for _ in range(EACH):
            tally.recorded(found, 0.001)
        return tally.text()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note_and_look, range(ROUNDS)))
    assert counted(tally.text(), "warmstart_events_total") - before == ROUNDS * EACH


def test_requests_are_logged_a_moment_later_and_once(sqlite_live, capsys):
    tally = Tally(sqlite_live)

    async def two():
        for name in ("first", "second"):
            tally.passed("GET", "/v1/items", 200, 0.001, (name, None, None))
        assert capsys.readouterr().err == ""
        await asyncio.sleep(2 * MOMENT)

    asyncio.run(two())
    tally.settle()
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["request_id"] for line in lines] == ["first", "second"]
