"""Histories hold events row by row, and cutting them never changes an event."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart.core.histories import Histories

N_ITEMS = 6
ROWS = st.lists(st.lists(st.tuples(st.integers(0, N_ITEMS - 1), st.floats(0.5, 5, width=32)), max_size=5), max_size=6)


def built(rows: list[list[tuple[int, float]]], timed: bool = True) -> Histories:
    items, values = ([[event[part] for event in row] for row in rows] for part in range(2))
    times = [[float(place) for place, _ in enumerate(row)] for row in rows]
    return Histories.of([list(map(int, row)) for row in items], values, times if timed else None)


def as_rows(histories: Histories) -> list[list[tuple[int, float]]]:
    found = [histories[user] for user in range(len(histories))]
    return [list(zip(one.items.tolist(), one.values.tolist(), strict=True)) for one in found]


@given(ROWS)
def test_what_goes_in_comes_out(rows):
    histories = built(rows)
    assert as_rows(histories) == rows
    assert len(histories) == len(rows)
    assert histories.lengths.tolist() == [len(row) for row in rows]
    assert histories.rows.tolist() == [user for user, row in enumerate(rows) for _ in row]


@given(ROWS, st.data())
def test_users_are_taken_in_the_order_asked_for(rows, data):
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8)) if rows else []
    taken = built(rows)[np.array(chosen, dtype=np.int64)]
    assert as_rows(taken) == [rows[user] for user in chosen]


@given(ROWS)
def test_slices_and_masks_take_users(rows):
    histories = built(rows)
    assert as_rows(histories[1:3]) == rows[1:3]
    mask = np.arange(len(rows)) % 2 == 0
    assert as_rows(histories[mask]) == rows[::2]


@given(ROWS)
def test_events_are_kept_where_asked(rows):
    histories = built(rows)
    kept = histories.where(histories.values >= 3)
    assert as_rows(kept) == [[event for event in row if event[1] >= 3] for row in rows]
    assert as_rows(histories.where(np.ones(len(histories.items), dtype=bool))) == rows


@given(ROWS)
def test_times_stay_with_their_events(rows):
    histories = built(rows)
    kept = histories.where(histories.values >= 3)
    wanted = [float(place) for row in rows for place, event in enumerate(row) if event[1] >= 3]
    assert kept.times is not None
    assert kept.times.tolist() == wanted
    assert built(rows, timed=False)[:1].times is None


@given(ROWS)
def test_the_matrix_adds_what_repeats(rows):
    wanted = np.zeros((len(rows), N_ITEMS))
    for user, row in enumerate(rows):
        for item, value in row:
            wanted[user, item] += value
    histories = built(rows)
    np.testing.assert_allclose(histories.matrix(N_ITEMS).toarray(), wanted, rtol=1e-5)
    counts = histories.matrix(N_ITEMS, np.ones(len(histories.items), dtype=np.float32))
    assert counts.dtype == np.float32
    assert counts.sum() == len(histories.items)


def test_the_matrix_is_a_copy():
    histories = Histories.of([[2, 1]], [[1.0, 2.0]])
    matrix = histories.matrix(3)
    matrix.data[:] = 9
    matrix.indices[:] = 0
    assert as_rows(histories) == [[(2, 1.0), (1, 2.0)]]


def test_a_user_that_is_not_there():
    with pytest.raises(IndexError):
        Histories.of([[0]])[1]
