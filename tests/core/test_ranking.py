"""The best come first, ties in order of index, and a ranking says what it rests on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from warmstart.core.ranking import KNOWN_FROM, Ranking, evidence_of, top_k

SCORES = arrays(np.float32, st.integers(0, 30), elements=st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0, 3.5]))


@given(SCORES, st.integers(0, 40))
def test_top_k_is_a_stable_sort_without_what_is_ruled_out(scores, k):
    order = np.argsort(-scores, kind="stable")
    wanted = [item for item in order if np.isfinite(scores[item])][:k]
    assert top_k(scores, k).tolist() == wanted


@given(SCORES, st.integers(0, 30))
def test_fewer_are_the_beginning_of_more(scores, k):
    assert top_k(scores, k + 1).tolist()[:k] == top_k(scores, k).tolist()


@pytest.mark.parametrize(
    ("n_events", "says"), [(0, "prior"), (1, "few-shot"), (KNOWN_FROM - 1, "few-shot"), (KNOWN_FROM, "known")]
)
def test_evidence_is_named(n_events, says):
    assert evidence_of(n_events) == says


def test_a_ranking_iterates_as_rows_and_exports_a_frame():
    ranking = Ranking(["b", "a"], ["Heat", "Alien"], np.array([2, 1], dtype=np.float32), "ease", "known", ("x",))
    assert len(ranking) == 2
    assert [(row.rank, row.item_id, row.title, row.score) for row in ranking] == [
        (1, "b", "Heat", 2.0),
        (2, "a", "Alien", 1.0),
    ]
    frame = ranking.to_frame()
    assert frame.columns == ["rank", "item_id", "title", "score"]
    assert frame.rows() == [(1, "b", "Heat", 2.0), (2, "a", "Alien", 1.0)]


def test_an_empty_ranking_is_one():
    ranking = Ranking([], [], np.zeros(0, dtype=np.float32), "ease", "prior")
    assert (len(ranking), list(ranking), ranking.to_frame().height) == (0, [], 0)
