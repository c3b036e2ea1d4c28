"""Spaces of vectors: what whitening promises, what projection keeps, and that nothing changes on the way to disk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.core.errors import BadInput, BadModelFile
from warmstart.representation.whitening import VectorSpace, Whitening

KINDS: tuple[Whitening, ...] = ("none", "centred", "top", "whitened", "soft")
every = pytest.mark.parametrize("kind", KINDS)


def catalogue(n=200, d=12, seed=0):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(d, d)) * np.linspace(4, 0.2, d)
    return (rng.normal(size=(n, d)) @ mix + 3).astype(np.float32)


def cosines(vectors):
    return vectors @ vectors.T


@given(
    st.sampled_from(KINDS),
    st.integers(1, 30),
    st.integers(1, 8),
    st.one_of(st.none(), st.integers(1, 10)),
    st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_rows_have_length_one_or_zero_and_at_most_the_length_asked_for(kind, n, d, dimension, seed):
    vectors = catalogue(n, d, seed)
    found = VectorSpace.fit(vectors, kind, dimension).encode(vectors)
    assert found.dtype == np.float32
    assert found.shape[0] == n
    assert found.shape[1] <= min(d, dimension or d)
    lengths = np.linalg.norm(found, axis=1)
    assert np.isfinite(found).all()
    assert ((np.abs(lengths - 1) < 1e-4) | (lengths == 0)).all()


@every
def test_batch_equals_single_and_silence_stays_silent(kind):
    vectors = catalogue()
    space = VectorSpace.fit(vectors, kind, 5)
    whole = space.encode(np.vstack([vectors, np.zeros((1, 12), dtype=np.float32)]))
    assert np.allclose(space.encode(vectors[7:8])[0], whole[7], atol=1e-5)
    assert not whole[-1].any()


@every
def test_silent_rows_and_the_order_of_the_catalogue_change_nothing(kind):
    vectors = catalogue()
    first = VectorSpace.fit(vectors, kind)
    other = VectorSpace.fit(np.vstack([np.zeros((3, 12), dtype=np.float32), vectors[::-1]]), kind)
    assert np.allclose(cosines(first.encode(vectors)), cosines(other.encode(vectors)), atol=1e-3)


def test_none_changes_no_cosine():
    vectors = catalogue()
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    assert np.allclose(cosines(VectorSpace.fit(vectors, "none").encode(vectors)), cosines(vectors / lengths), atol=1e-4)


def test_centred_takes_away_what_all_share():
    vectors = catalogue()
    space = VectorSpace.fit(vectors, "centred")
    assert np.allclose(space.centre, vectors.mean(axis=0), atol=1e-4)
    moved = vectors + np.float32(10)
    again = VectorSpace.fit(moved, "centred")
    assert np.allclose(cosines(again.encode(moved)), cosines(space.encode(vectors)), atol=1e-3)


def test_whitened_directions_vary_alike():
    vectors = catalogue()
    space = VectorSpace.fit(vectors, "whitened")
    spread = np.cov(((vectors - space.centre) @ space.axes).T, bias=True)
    assert np.allclose(spread, np.eye(12), atol=1e-2)


def test_soft_stands_between_centred_and_whitened():
    vectors = catalogue()

    def roundness(kind):
        space = VectorSpace.fit(vectors, kind)
        variances = np.linalg.eigvalsh(np.cov(((vectors - space.centre) @ space.axes).T))
        return variances[0] / variances[-1]

    assert roundness("centred") < roundness("soft") < roundness("whitened")


def test_top_no_longer_sees_the_strongest_direction():
    vectors = catalogue()
    centred = vectors - vectors.mean(axis=0)
    strongest = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    space = VectorSpace.fit(vectors, "top")
    assert (
        np.abs(strongest @ space.axes).max() < 1e-4 < np.abs(strongest @ VectorSpace.fit(vectors, "centred").axes).max()
    )


@pytest.mark.parametrize("kind", ["none", "centred", "soft", "whitened"])
def test_projection_on_all_directions_loses_nothing_and_on_more_loses_less(kind):
    vectors = catalogue()
    whole = cosines(VectorSpace.fit(vectors, kind).encode(vectors))
    lost = [
        float(np.abs(cosines(VectorSpace.fit(vectors, kind, n).encode(vectors)) - whole).mean()) for n in (2, 6, 12)
    ]
    assert lost[0] > lost[1] > lost[2]
    assert lost[2] < 1e-3


def test_directions_without_variance_do_not_blow_up():
    flat = np.hstack([catalogue(), np.full((200, 3), 7, dtype=np.float32)])
    for kind in KINDS:
        assert np.isfinite(VectorSpace.fit(flat, kind).encode(flat)).all()
    twins = np.ones((5, 4), dtype=np.float32)
    assert not VectorSpace.fit(twins, "whitened").encode(twins).any()


@pytest.mark.parametrize("dimension", [None, 3, 99])
def test_without_a_catalogue_vectors_stay_as_they_are_or_are_cut(dimension):
    space = VectorSpace.fit(np.zeros((2, 4), dtype=np.float32), "soft", dimension)
    assert space.dimension == min(dimension or 4, 4)
    assert space.encode(np.eye(4, dtype=np.float32))[0, 0] == 1


@every
def test_a_space_survives_storing(kind):
    vectors = catalogue()
    space = VectorSpace.fit(vectors, kind, 6)
    again = VectorSpace.of_arrays(space.arrays("x"), "x")
    np.testing.assert_array_equal(again.encode(vectors), space.encode(vectors))
    with pytest.raises(BadModelFile, match="does not fit"):
        VectorSpace.of_arrays(space.arrays("x") | {"x.centre": space.centre[1:]}, "x")


@pytest.mark.parametrize(
    ("how", "says"), [({"dimension": 0}, "at least 1"), ({"whitening": "bleached"}, "There is no whitening 'bleached'")]
)
def test_what_cannot_be_is_refused(how, says):
    with pytest.raises(BadInput, match=says):
        VectorSpace.fit(catalogue(), **how)
