"""Rows are put together so that none is lost, and what is said to be shared is shared."""

from hypothesis import given
from hypothesis import strategies as st

from warmstart.representation.sharing import WORTH_SHARING, covering, groups, in_common
from warmstart.representation.stopping import Stopped

ROWS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6).map(tuple), max_size=12)
LONG = st.lists(
    st.tuples(st.sampled_from([(0,) * 30, (1,) * 40, ()]), st.lists(st.integers(0, 3), min_size=1, max_size=5)).map(
        lambda parts: (*parts[0], *parts[1])
    ),
    max_size=12,
)


@given(ROWS)
def test_every_row_is_covered_by_one_that_begins_with_it(rows):
    found = covering(rows)
    assert set(found) == set(rows)
    for row, by in found.items():
        assert by[: len(row)] == row
        assert found[by] == by


@given(LONG, st.integers(1, 5))
def test_every_row_is_in_one_group_and_shares_what_is_shared(rows, most):
    limits = {row: len(row) - 1 for row in rows}
    seen = []
    for some, shared in groups(limits, most):
        assert 0 < len(some) <= most
        assert shared == 0 or shared >= WORTH_SHARING
        assert all(shared <= limits[row] and in_common(some[0], row) >= shared for row in some)
        seen += some
    assert sorted(seen) == sorted(limits)


@given(
    st.text("abEND\ufffd", max_size=30),
    st.lists(st.sampled_from(["END", "E", "ab", "DD", "", "NDa"]), max_size=3),
    st.lists(st.integers(0, 30), max_size=8),
)
def test_pieces_joined_are_the_text_before_the_first_stop_string(text, stops, cuts):
    stopped, pieces = Stopped(stops), ""
    for cut in sorted(cuts):
        pieces += stopped.grown(text[:cut])
        assert not any(stop and stop in pieces for stop in stops)
        if stopped.ended:
            break
    else:
        pieces += stopped.grown(text, last=True)
    places = [text.find(stop) for stop in stops if stop and stop in text]
    if stopped.ended:
        # found as soon as any is there, which may be before another that begins earlier is whole
        assert pieces == stopped.whole
        assert any(text.startswith(stop, len(pieces)) for stop in stops if stop)
    else:
        assert not places
        assert pieces == text
