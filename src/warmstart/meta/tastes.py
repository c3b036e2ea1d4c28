"""The taste posterior: a new person is a mixture of people met in training, weighed by the events seen.

The linear map of the k-shot prior adds up what each event says by itself. This second voice lets events speak
together. Some training users stand as *tastes*. Each has a denoised profile, a probability for the next event on
every item. By Bayes' rule the events seen weigh the tastes,

    weight_m  ~  exp( inverse_temperature * sum_i weight_i log P(event on i | taste m) ),

and the score of an item is the mean of what the tastes like, ``sum_m weight_m outputs[m]``. It is a kernel smoother
over users (attention with users as keys) whose keys come from the closed form, so nothing is trained by gradient.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.errors import BadModelFile
from warmstart.core.histories import Floats, Ints
from warmstart.meta.factors import randomised_svd
from warmstart.meta.kshot import LARGEST_EXACT, Episodes, KShot
from warmstart.meta.maps import Indices, Narrow
from warmstart.meta.parameters import MANY

Reals = npt.NDArray[np.floating]

MOST_TASTES = 2048
"""Training users that stand as tastes; more make an answer dearer and gained about .002 of nDCG on MovieLens-1M."""
OUTPUT_RANK = 64
"""Rank of what the tastes like: it denoises, and it makes an answer cheap."""
OWN_EVENTS_IN_KEYS = 0.5
OWN_EVENTS_IN_OUTPUTS = 0.65
"""How much of a taste's profile is its own events, the rest being what the k-shot prior expects of it."""
FLOOR = 0.01
"""Share of the population's profile mixed into every taste's before the logarithm."""
TYPICAL_LENGTH = 100
"""Events above which a user is no more likely to be drawn as a taste."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


@dataclass(frozen=True, slots=True)
class Tastes:
    """A posterior over tastes.

    Args:
        keys: float32 [evidence items, tastes], centred log-probability of an event under each taste.
        place: int64 [items], row of ``keys`` of each item, or -1 for an item that is no evidence.
        values: float32 [tastes, rank], and
        outputs: float32 [rank, items], whose product is what each taste likes.
    """

    keys: Floats
    place: Ints
    values: Floats
    outputs: Floats
    _narrow: Narrow = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_narrow", Narrow.of(self.outputs))

    @classmethod
    def fit(cls, episodes: Episodes, profile: KShot, seed: int) -> "Tastes":
        """Take training users as tastes and denoise them by ``profile``, a prior for many events."""
        rows = _draw(episodes.query, seed)
        begun = _Begun.of(episodes.of_users(rows))
        evidence = _evidence_items(episodes.query)
        expected: Floats = np.maximum(profile.events.combine(begun.support, evidence) + profile.constant[evidence], 0)
        expected /= np.maximum(expected.sum(axis=1, keepdims=True), 1e-12)
        counts = np.maximum(np.diff(episodes.query[rows].indptr), 1).astype(np.float32)[:, None]
        keys = _log_profiles(expected, begun.first[:, evidence].toarray() / counts)
        place = np.full(episodes.n_items, -1, dtype=np.int64)
        place[evidence] = np.arange(len(evidence))
        liked = (
            OWN_EVENTS_IN_OUTPUTS * begun.later[:, evidence].toarray() + (1 - OWN_EVENTS_IN_OUTPUTS) * counts * expected
        )
        values, found = _factors(liked, seed)
        outputs = np.zeros((found.shape[0], episodes.n_items), dtype=np.float32)
        outputs[:, evidence] = found
        return cls(keys, place, values, outputs)

    def evidence(self, support: sparse.csr_matrix) -> Floats:
        """Return the summed log-probabilities of many users' events, float32 [n, tastes]."""
        met = np.flatnonzero(self.place >= 0)
        # the rows of keys are not in the order of items where some have been added later
        in_order = met[np.argsort(self.place[met])]
        return np.asarray(support[:, in_order] @ self.keys)

    def evidence_of(self, items: Indices, weights: Floats) -> Floats:
        """Return the summed log-probabilities of a few events, float32 [tastes]; the hot path of one user."""
        found: Floats = weights @ self.parts_of(items)
        return found

    def parts_of(self, items: Indices) -> Floats:
        """Return the log-probabilities of each of a few events, float32 [len(items), tastes]."""
        places = self.place[items]
        parts = self.keys[places]
        parts[places < 0] = 0
        return parts

    def scores(self, evidence: Floats, factor: float = 1.0) -> Floats:
        """Return scores times ``factor`` for tempered log-weights of tastes, float32 [..., tastes] to [..., items]."""
        return self._narrow.combine(self.mixture(evidence, factor))

    def mixture(self, evidence: Floats, factor: float = 1.0) -> Floats:
        """Return ``factor`` times what ``outputs`` are weighed by, float32 [..., tastes] to [..., rank]."""
        found: Floats = _softmax(evidence) @ self.values
        found *= np.float32(factor)
        return found

    def over(self, columns: Ints) -> "Tastes":
        """Return the same posterior with scores for some items only."""
        return replace(self, outputs=np.ascontiguousarray(self.outputs[:, columns]))

    def contributions(self, parts: Floats, item: int) -> tuple[float, Floats]:
        """Split a score into what the tastes say without evidence and what each piece of evidence adds.

        The shares are those of Aumann and Shapley (1974): evidence grows from nothing to all of it at one pace, and
        each piece is credited with what it adds on the way. They do not depend on an order and sum to the score.

        Args:
            parts: float32 [pieces, tastes], tempered log-weights that each piece of evidence adds.
            item: index of the item.
        """
        liking = (self.values @ self.outputs[:, item]).astype(np.float64)  # [tastes]
        pieces = parts.astype(np.float64)
        total = pieces.sum(axis=0)
        shares = np.zeros(len(pieces))
        for node, weight in zip((_NODES + 1) / 2, _WEIGHTS / 2, strict=True):
            posterior = _softmax(node * total)
            shares += weight * (pieces @ (posterior * (liking - posterior @ liking)))
        start, end = float(liking.mean()), float(_softmax(total) @ liking)
        return start, _summing_to(shares, end - start).astype(np.float32)

    def arrays(self) -> Arrays:
        """Return what is to be stored with a model."""
        return {
            "tastes.keys": self.keys,
            "tastes.place": self.place,
            "tastes.values": self.values,
            "tastes.outputs": self.outputs,
        }

    @classmethod
    def of_arrays(cls, arrays: Arrays, n_items: int) -> "Tastes":
        """Take back what ``arrays`` returned; raises ``BadModelFile`` if it does not fit."""
        values = array_of(arrays, "tastes.values", (None, None))
        keys = array_of(arrays, "tastes.keys", (None, values.shape[0]))
        outputs = array_of(arrays, "tastes.outputs", (values.shape[1], n_items))
        place = array_of(arrays, "tastes.place", (n_items,), kind="i")
        if len(keys) != int(place.max(initial=-1)) + 1:
            raise BadModelFile("The model's tastes and their places do not fit each other. Save it again.")
        return cls(keys, place, values, outputs)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What tastes began with and what they came to; without time both are all they like.

    Args:
        support: float32 [tastes, items], graded events that foretell the rest.
        first: float32 [tastes, items], likes that tell a taste from others.
        later: float32 [tastes, items], likes that a taste answers with.
    """

    support: sparse.csr_matrix
    first: sparse.csr_matrix
    later: sparse.csr_matrix

    @classmethod
    def of(cls, episodes: Episodes) -> "_Begun":
        support, likes, early = episodes.support, episodes.query, episodes.early
        if episodes.places is None or not early:
            return cls(support, likes, likes)
        seen, later = episodes.split(MANY)
        parts = ((support, seen), (likes, likes - later), (likes, later))
        return cls(*(((1 - early) * whole + early * part).astype(np.float32).tocsr() for whole, part in parts))


def _draw(likes: sparse.csr_matrix, seed: int) -> Ints:
    """Draw the users that stand as tastes, those with more events sooner, in order of their rows."""
    lengths = np.diff(likes.indptr)
    usable = np.flatnonzero(lengths > 0)
    if len(usable) <= MOST_TASTES:
        return usable
    chances = np.minimum(lengths[usable], TYPICAL_LENGTH).astype(np.float64)
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(usable, MOST_TASTES, replace=False, p=chances / chances.sum()))


def _evidence_items(likes: sparse.csr_matrix) -> Ints:
    """Return the items whose events weigh tastes: those with likes, the most liked ones of a huge catalogue."""
    counts = np.bincount(likes.indices, minlength=likes.shape[1])
    best = np.argsort(-counts, kind="stable")[:LARGEST_EXACT]
    return np.sort(best[counts[best] > 0])


def _log_profiles(expected: Floats, own: Floats) -> Floats:
    profiles = (1 - OWN_EVENTS_IN_KEYS) * expected + OWN_EVENTS_IN_KEYS * own
    profiles += FLOOR * profiles.mean(axis=0) + 1e-9
    logs = np.log(profiles)
    logs -= logs.mean(axis=0)
    return np.ascontiguousarray(logs.T, dtype=np.float32)


def _factors(liked: Floats, seed: int) -> tuple[Floats, Floats]:
    u, s, vt = randomised_svd(liked, OUTPUT_RANK, seed)
    return (u * s).astype(np.float32), vt.astype(np.float32)


def _softmax(logits: Reals) -> Any:
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def _summing_to(shares: npt.NDArray[np.float64], total: float) -> npt.NDArray[np.float64]:
    """Spread what the quadrature left over in proportion to the shares' sizes."""
    sizes = np.abs(shares)
    if not sizes.sum():
        return shares
    summing: npt.NDArray[np.float64] = shares + (total - shares.sum()) * sizes / sizes.sum()
    return summing
