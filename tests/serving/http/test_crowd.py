"""Who is let in when more come than can be served."""

import asyncio

import pytest

from warmstart.serving.http.crowd import ALWAYS, FORGOTTEN_AFTER, LONG, MOMENT, PATIENCE, PATIENCE_IN_A_BURST, Crowd


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def admitted(clock, took, count):
    """Let some in that came at once, each taking so long to serve; return how many were."""
    crowd = Crowd(clock)

    async def come():
        inside = 0
        for _ in range(count):
            if not crowd.lets_in():
                continue
            inside += 1
            clock.now += took
        await asyncio.sleep(0)
        return inside

    return crowd, come


def test_whoever_comes_alone_is_let_in_however_slow_the_answers_are(clock):
    _, come = admitted(clock, 1.0, 1)

    async def one_after_another():
        return [await come() for _ in range(5)]

    assert asyncio.run(one_after_another()) == [1] * 5


def test_a_burst_after_a_quiet_moment_is_served_up_to_a_limit(clock):
    crowd, come = admitted(clock, PATIENCE_IN_A_BURST / 6, 20)

    async def quiet_then_burst():
        assert crowd.lets_in()
        await asyncio.sleep(0)
        return await come()

    assert asyncio.run(quiet_then_burst()) == 7


def test_a_burst_that_a_standstill_left_behind_is_served(clock):
    crowd, come = admitted(clock, PATIENCE_IN_A_BURST / 20, 15)

    async def stopped():
        assert crowd.lets_in()
        await asyncio.sleep(0)
        clock.now += 100 * MOMENT
        return await come()

    assert asyncio.run(stopped()) == 15


def test_a_line_that_stands_is_cut_short(clock):
    _, come = admitted(clock, PATIENCE / 5.5, 50)

    async def for_long():
        found = []
        while clock.now < 100 + 4 * MOMENT:
            found.append(await come())
        return found

    assert asyncio.run(for_long())[-1] == 6


def test_a_few_are_served_however_slow_the_machine_is(clock):
    _, come = admitted(clock, 1.0, 50)

    async def for_long():
        return [await come() for _ in range(5)]

    assert asyncio.run(for_long()) == [ALWAYS] * 5


def test_a_line_stays_short_while_somebody_is_refused_and_is_forgotten_when_nobody_is(clock):
    crowd, come = admitted(clock, PATIENCE / 1.9, 50)

    async def lines_then_quiet():
        while clock.now < 100 + 4 * MOMENT:
            clock.now += LONG
            await come()
        # so few are served at a time that the loop looks soon: a line it is all the same
        found = [await come() for _ in range(30)]
        clock.now += 2 * FORGOTTEN_AFTER
        assert crowd.lets_in()
        await asyncio.sleep(0)
        return found, await come()

    found, burst = asyncio.run(lines_then_quiet())
    assert found == [ALWAYS] * 30
    assert burst > 10
