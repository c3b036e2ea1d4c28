"""Randomness is a parameter: one stream a purpose, the same for the same seed."""

from hypothesis import given
from hypothesis import strategies as st

from warmstart.core.run import Quiet, Run

PURPOSE = st.lists(st.one_of(st.text(min_size=1, max_size=8), st.integers(0, 2**40)), max_size=3)


@given(st.integers(0, 2**40), PURPOSE)
def test_the_same_seed_and_purpose_give_the_same_stream(seed, purpose):
    first, second = (Run(seed=seed).rng(*purpose).random(4) for _ in range(2))
    assert first.tolist() == second.tolist()


@given(st.integers(0, 2**40), st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_other_purposes_have_other_streams(seed, one, other):
    same = Run(seed=seed).rng(one).random(4).tolist() == Run(seed=seed).rng(other).random(4).tolist()
    assert same == (one == other)


def test_other_seeds_have_other_streams():
    assert Run(seed=1).rng("split").random() != Run(seed=2).rng("split").random()


def test_progress_that_is_not_shown_changes_nothing():
    assert list(Quiet().track(range(3), "counting")) == [0, 1, 2]
