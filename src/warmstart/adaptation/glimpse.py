"""What a model says of a few items that stand for all: enough to tell profiles apart, for a tenth of a ranking's cost.

Items are drawn with a chance that rises with their popularity, for that is where profiles differ, and each stands for
one item over its chance (Horvitz and Thompson, 1952). The draw is systematic along the order of popularity (Madow and
Madow, 1944), with no source of chance: what is seen depends on the model alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.histories import Floats, Histories, Ints
from warmstart.meta.maps import DenseMap, FactoredMap
from warmstart.meta.parameters import MANY, nearness_to_many
from warmstart.meta.prior import Prior, Support
from warmstart.meta.recommender import MetaRecommender
from warmstart.recommenders.base import Recommender
from warmstart.representation.context import Context

Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.integer]
Span = tuple[int, int]

SAMPLE = 300
"""Items that stand for a larger catalogue."""
FLOOR = 0.1
"""Share of the mean popularity that every item is drawn by beside its own."""
NEVER = -70.0
"""Log-weight beside the heaviest taste's at which a taste counts for nothing, short of where floats become slow."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model says of each part of one history.

    Args:
        scores: float32 [parts, columns], of items that stand for the catalogue.
        stands_for: float32 [columns], how many items each stands for; 0 for those of the history.
        met: float32 [parts, likes], scores of the likes themselves.
    """

    scores: Floats
    stands_for: Floats
    met: Floats


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a history that are scored: the same for all histories with as many likes.

    Args:
        indptr: int64 [parts + 1], where each part's events begin.
        likes: int64 [events], which of the likes each event is.
    """

    indptr: Ints
    likes: Ints

    @classmethod
    def of(cls, spans: Sequence[Span]) -> "Parts":
        """Take the start and end of each part."""
        likes = np.concatenate([np.arange(start, end) for start, end in spans])
        return cls(np.cumsum([0, *(end - start for start, end in spans)]), likes)

    def rows(self, history: Histories, places: Ints) -> Histories:
        """Return the parts of one history, one row each."""
        events = places[self.likes]
        times = None if history.times is None else history.times[events]
        weights = None if history.weights is None else history.weights[events]
        return Histories(self.indptr, history.items[events], history.values[events], times, weights)


def seen(model: Recommender, history: Histories, places: Ints, parts: Parts) -> Seen:
    """Score parts of one history, on a sample of the items where the model lets itself be asked for some items only.

    Args:
        model: any fitted recommender; it is asked without context.
        history: one row.
        places: int64 [likes], the events that are looked at, each item once.
        parts: of these likes.

    Example:
        >>> import numpy as np
        >>> import warmstart as ws
        >>> from warmstart.adaptation.glimpse import Parts, seen
        >>> model = ws.MetaRecommender(tune=False, values=False).fit(ws.load_dataset("movielens-small"))
        >>> found = seen(model, model.profile([1, 2, 3]).history, np.arange(3), Parts.of([(0, 2), (0, 3)]))
        >>> found.scores.shape, found.met.shape, round(float(found.stands_for.sum()), -3)
        ((2, 300), (2, 3), 10000.0)
    """
    rows = parts.rows(history, places)
    if not isinstance(model, MetaRecommender):
        scores = model.scores_of_many(rows, Context())
        stands_for = np.ones(scores.shape[1], dtype=np.float32)
        stands_for[history.items] = 0
        return Seen(scores, stands_for, scores[:, history.items[places]])
    sample, items = _sample_of(model), history.items[places]
    scores, met = sample.scores(model.learned.support(rows), parts.likes, items)
    return Seen(scores, np.where(sample.marked(history.items), np.float32(0), sample.stands_for), met)


def prepare(model: Recommender) -> None:
    """Draw the model's sample now, so that the first person who is looked at need not wait for it."""
    if isinstance(model, MetaRecommender):
        _sample_of(model)


def keys_of(model: Recommender, history: Histories, places: Ints) -> Floats | None:
    """Return the centred log-probability of some events under each taste, float32 [likes, tastes], times their weights.

    It is None for a model without tastes.

    Example:
        >>> import numpy as np
        >>> import warmstart as ws
        >>> from warmstart.adaptation.glimpse import keys_of
        >>> model = ws.MetaRecommender(tune=False, values=False).fit(ws.load_dataset("movielens-small"))
        >>> keys_of(model, model.profile([1, 2, 3]).history, np.arange(3)).shape
        (3, 609)
    """
    tastes = model.learned.prior.tastes if isinstance(model, MetaRecommender) else None
    if tastes is None:
        return None
    keys = tastes.parts_of(history.items[places])
    return keys if history.weights is None else keys * history.weights[places, None]


def drawn(popularity: Floats, most: int = SAMPLE) -> tuple[Ints, Floats]:
    """Return the items that stand for all, in order, and how many each stands for, float32.

    Example:
        >>> import numpy as np
        >>> from warmstart.adaptation.glimpse import drawn
        >>> items, stands_for = drawn(np.array([0.9, 0.1, 0.1, 0.1, 0.1], dtype=np.float32), most=3)
        >>> items.tolist(), stands_for.round(2).tolist()
        ([0, 1, 3], [1.0, 2.0, 2.0])
    """
    n_items = len(popularity)
    if n_items <= most:
        return np.arange(n_items), np.ones(n_items, dtype=np.float32)
    sizes = np.maximum(popularity, 0).astype(np.float64)
    order = np.argsort(-sizes, kind="stable")
    chances = _chances(sizes[order] + FLOOR * sizes.mean() + 1e-12, most)
    reached = np.floor(np.concatenate([[0.0], np.cumsum(chances)]) + 0.5)
    found = np.flatnonzero(np.diff(reached) > 0)
    places = np.argsort(order[found], kind="stable")
    return order[found][places], (1 / chances[found][places]).astype(np.float32)


def _chances(sizes: Doubles, most: int) -> Doubles:
    """Return chances in proportion to falling sizes, none above one, that add up to ``most``."""
    behind = np.cumsum(sizes[::-1])[::-1][:most]
    # the first so many are certain: those whose chance among what is left would be one or more
    certain = int(np.argmin(np.append((most - np.arange(most)) * sizes[:most] >= behind, False)))
    chances = np.ones(len(sizes))
    if certain < most:
        chances[certain:] = (most - certain) * sizes[certain:] / behind[certain]
    return chances


class _Voice(Protocol):
    """The linear voice, of which only some columns are worked out."""

    def combine(self, few: Floats, many: Floats, items: Indices) -> tuple[Floats, Floats]:
        """Return what events add to the sample and to themselves, float32 [parts, columns] and [parts, likes].

        Args:
            few: float32 [parts, likes], what each event weighs at few events.
            many: the same at many.
            items: the likes.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Dense:
    few: Floats
    many: Floats
    columns: Ints

    def combine(self, few: Floats, many: Floats, items: Indices) -> tuple[Floats, Floats]:
        rows, asked = items[:, None], np.concatenate([self.columns, items])
        found: Floats = few @ self.few[rows, asked] + many @ self.many[rows, asked]
        return found[:, : len(self.columns)], found[:, len(self.columns) :]


@dataclass(frozen=True, slots=True)
class _Factored:
    """Rows as products; the right factors stand below each other, so that both anchors take one pass.

    Args:
        few, many: the maps.
        sampled: float32 [r, columns].
        right: [r, items] by columns where they are sparse, otherwise None: they are asked themselves.
    """

    few: FactoredMap
    many: FactoredMap
    sampled: Floats
    right: sparse.csc_matrix | None

    @classmethod
    def of(cls, few: FactoredMap, many: FactoredMap, columns: Ints) -> "_Factored":
        if isinstance(few.right, np.ndarray) or isinstance(many.right, np.ndarray):
            return cls(few, many, _stacked(few, many, columns), None)
        right = sparse.vstack([few.right, many.right], format="csc")
        return cls(few, many, np.ascontiguousarray(right[:, columns].toarray()), right)

    def combine(self, few: Floats, many: Floats, items: Indices) -> tuple[Floats, Floats]:
        mixed = np.concatenate([few @ self.few.left[items], many @ self.many.left[items]], axis=1)
        own = _stacked(self.few, self.many, items) if self.right is None else _columns(self.right, items)
        said = few * self.few.diagonal[items] + many * self.many.diagonal[items]  # of their own items
        return mixed @ self.sampled, mixed @ own - said


def _stacked(few: FactoredMap, many: FactoredMap, columns: Indices) -> Floats:
    parts = (one.right[:, columns] for one in (few, many))
    return np.concatenate([part if isinstance(part, np.ndarray) else part.toarray() for part in parts])


def _columns(matrix: sparse.csc_matrix, items: Indices) -> Floats:
    """Return some columns written out, at half of what scipy takes for it."""
    starts = matrix.indptr[items]
    lengths = matrix.indptr[items + 1] - starts
    ends = np.cumsum(lengths)
    cells = np.arange(int(ends[-1])) + np.repeat(starts - (ends - lengths), lengths)
    found = np.zeros((len(items), matrix.shape[0]), dtype=np.float32)
    found[np.repeat(np.arange(len(items)), lengths), matrix.indices[cells]] = matrix.data[cells]
    return found.T


@dataclass(frozen=True, slots=True)
class Sample:
    """A prior of which only the scores of some items are worked out; see ``Prior.scores``.

    Args:
        prior: what is asked.
        columns: int64, the items, in order.
        stands_for: float32, how many each stands for.
        voice: the linear voice.
        constants: float32 [3, items], popularity and what the linear voice says without events.
        sampled: float32 [3, columns], the same of the sample.
        numbers: float32 [7, 21], what depends on k at so many whole events; beyond, nothing changes.
        outputs: float32 [rank, columns], the tastes'; None where there are none.
    """

    prior: Prior
    columns: Ints
    stands_for: Floats
    voice: _Voice
    constants: Floats
    sampled: Floats
    numbers: Floats
    outputs: Floats | None

    @classmethod
    def of(cls, prior: Prior, most: int = SAMPLE) -> "Sample":
        """Draw at most so many items; none is left out where there are no more."""
        columns, stands_for = drawn(prior.popularity, most)
        few, many = (anchor.prior.events for anchor in prior.anchors)
        if isinstance(few, DenseMap) and isinstance(many, DenseMap):
            voice: _Voice = _Dense(few.rows, many.rows, columns)
        elif isinstance(few, FactoredMap) and isinstance(many, FactoredMap):
            voice = _Factored.of(few, many, columns)
        else:
            raise TypeError(f"Both anchors of a prior have one form; these are {type(few)} and {type(many)}.")
        outputs = None if prior.tastes is None else np.ascontiguousarray(prior.tastes.outputs[:, columns])
        constants = np.stack([prior.popularity, *(anchor.prior.constant for anchor in prior.anchors)])
        numbers = _numbers(prior, np.arange(MANY + 1, dtype=np.float64))
        return cls(prior, columns, stands_for, voice, constants, constants[:, columns], numbers, outputs)

    def marked(self, items: Indices) -> npt.NDArray[np.bool_]:
        """Return which of the columns are among some items, bool [columns]."""
        places = np.minimum(np.searchsorted(self.columns, items), len(self.columns) - 1)
        found = np.zeros(len(self.columns), dtype=bool)
        found[places[self.columns[places] == items]] = True
        return found

    def scores(self, support: Support, local: Ints, items: Indices) -> tuple[Floats, Floats]:
        """Score the sample and some likes, float32 [n, columns] and [n, likes].

        Args:
            support: evidence on these likes alone.
            local: int64 [events], which of the likes each event is.
            items: the likes.
        """
        parts = np.zeros((len(support), len(items)), dtype=np.float32)
        parts[np.repeat(np.arange(len(support)), np.diff(support.indptr)), local] = support.weights
        if support.whole is None:
            at = self.numbers[:, np.minimum(np.diff(support.indptr), MANY)]
        else:
            at = _numbers(self.prior, support.counts)
        few, many, sharpness, share = at[3:, :, None]
        sampled, met = self.voice.combine(parts * few, parts * many, items)
        sampled += at[:3].T @ self.sampled
        met += at[:3].T @ self.constants[:, items]
        tastes = self.prior.tastes
        if tastes is not None and self.outputs is not None:
            evidence = (parts * sharpness) @ tastes.parts_of(items)
            evidence -= evidence.max(axis=1, keepdims=True)
            mixture = tastes.mixture(np.maximum(evidence, NEVER, out=evidence)) * share
            sampled += mixture @ self.outputs
            met += mixture @ tastes.outputs[:, items]
        return sampled, met


def _numbers(prior: Prior, counts: Doubles) -> Floats:
    """Return what depends on k, float32 [7, n]: three constants' shares, two gains, sharpness and share of tastes."""
    of, near = prior.parameters, nearness_to_many(counts)
    known = (counts > 0).astype(np.float64)
    share = known * of.at("taste_share", counts) * (prior.tastes is not None)
    few, many = (known - share) * (1 - near), (known - share) * near
    gain = of.at("gain", counts)
    rows = [1 - known, few, many, few * gain, many * gain, of.at("sharpness", counts), share]
    return np.array(rows, dtype=np.float32)


_SAMPLES: "WeakKeyDictionary[Recommender, Sample]" = WeakKeyDictionary()


def _sample_of(model: MetaRecommender) -> Sample:
    """Return the model's sample, drawn at the first question; a model that was fitted anew gets a new one."""
    found = _SAMPLES.get(model)
    if found is None or found.prior is not model.learned.prior:
        found = _SAMPLES[model] = Sample.of(model.learned.prior)
    return found
