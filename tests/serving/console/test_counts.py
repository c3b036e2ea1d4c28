"""Counts as people read them: what is summed, what is a rate, and times between the edges of their buckets."""

import math

from hypothesis import given
from hypothesis import strategies as st

from warmstart.serving.console.counts import Reading, between, read

EDGES = (0.001, 0.01, 0.1, 1.0, math.inf)
in_buckets = st.lists(st.integers(0, 50), min_size=len(EDGES), max_size=len(EDGES))


def cumulative(counts):
    return {edge: float(sum(counts[: place + 1])) for place, edge in enumerate(EDGES)}


def text_of(counts):
    lines = [
        f'warmstart_event_to_visible_seconds_bucket{{le="{"+Inf" if math.isinf(edge) else edge}"}} {n}'
        for edge, n in cumulative(counts).items()
    ]
    return "# HELP x y\n" + "\n".join(lines)


@given(in_buckets)
def test_what_is_written_is_read(counts):
    assert read(text_of(counts), 0.0).lag == cumulative(counts)


@given(in_buckets)
def test_the_median_is_no_more_than_the_tail_and_both_lie_between_the_edges(counts):
    health = between(Reading(0.0), Reading(1.0, lag=cumulative(counts)))
    if not sum(counts):
        assert health.median is None
        assert health.tail is None
    else:
        assert health.median is not None
        assert health.tail is not None
        assert 0 <= health.median <= health.tail <= 1000 * EDGES[-2]


@given(in_buckets, in_buckets)
def test_times_are_those_of_what_came_between(before, more):
    both = [a + b for a, b in zip(before, more, strict=True)]
    fresh = between(Reading(0.0, lag=cumulative(before)), Reading(1.0, lag=cumulative(both)))
    alone = between(Reading(0.0), Reading(1.0, lag=cumulative(more)))
    if sum(more):
        assert (fresh.median, fresh.tail) == (alone.median, alone.tail)


def test_processes_and_labels_are_summed_and_only_our_faults_are_failures():
    text = """
    warmstart_recommendations_total{evidence="prior",fallback="none"} 2.0
    warmstart_recommendations_total{evidence="known",fallback="a \\"b\\" {c}"} 3.0
    warmstart_request_seconds_count{route="GET /x",status="503"} 4.0
    warmstart_request_seconds_count{route="GET /x",status="404"} 9.0
    warmstart_drift_share{tenant="shop"} 0.25
    """
    found = read("\n".join(line.strip() for line in text.splitlines()), 0.0)
    assert (found.answers, found.failed, found.drift) == (5.0, 4.0, {"share shop": 0.25})


def test_a_worker_that_was_replaced_makes_no_rate_negative():
    health = between(Reading(0.0, events=9, answers=9), Reading(1.0, events=1, answers=1))
    assert (health.events, health.answers) == (0.0, 0.0)
