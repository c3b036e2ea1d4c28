"""Answers over very large catalogues: an index finds candidates, exact scores decide among them.

In the low-rank form a score is a product of two vectors: one of the person, cheap to work out, one of the item. So the
best items are a search for the largest inner product, which faiss does without looking at every item. What it returns
is approximate only in *which* items it finds; their scores and their order are exact.

Most of an item's numbers hardly matter to any person. The vectors are turned, and cut to ``DIMENSIONS``, so that the
mean squared error of the scores of imagined people is least, and then rounded to a byte a number. Items with the
longest vectors, those famous with everybody, are scored for everybody: an index by clusters finds them badly.
"""

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from warmstart.core.errors import BadInput, MissingExtra
from warmstart.core.histories import Floats, Histories, Ints
from warmstart.core.ranking import top_k
from warmstart.core.threads import one_thread
from warmstart.meta.maps import FactoredMap
from warmstart.meta.prior import Prior, Support
from warmstart.meta.recommender import MetaRecommender
from warmstart.representation.context import Context

Doubles = npt.NDArray[np.float64]

INDEX_FROM = 200_000
"""Items from which on the index pays; below, scoring all of them is as quick."""
DIMENSIONS = 64
"""Numbers kept of an item's vector while searching."""
CANDIDATES, MOST = 400, 4_000
"""Items asked of the index for one answer, at least and at most; who needs more gets all items scored."""
HEAD = 8_192
"""Items with the longest vectors, which are scored for everybody."""
PROBED = 8
"""One cluster in so many is searched."""
IMAGINED = 2_000
"""People imagined to learn which directions matter."""
TRAINING_POINTS = 64
"""Items a cluster from which the clusters are found."""
BLOCK = 50_000
"""Items turned at a time: bounds memory."""
LEAST_DIRECTION = 1e-7
"""Share of the strongest direction's weight that the weakest has, so that the turning can be undone."""


@dataclass(frozen=True, eq=False, slots=True)
class ItemIndex:
    """The items of one prior, ready to be searched.

    Source: Guo, Kumar, Choromanski and Simcha (2016) for weighing errors by who asks; Jegou, Douze and Schmid (2011)
    for inverted lists; the library is faiss (Douze et al., 2024).

    Args:
        prior: what is searched; low-rank.
        turn: float64 [numbers of a person, dimensions], from a person to what is searched for.
        head: int64 [h], items that are always candidates.
        head_rows: float32 [h, numbers of a person], their vectors.
        kept: int64 [n], items in the search structure, in order.
        lists: faiss's structure over ``kept``; None where the head is all there is.

    Example:
        >>> import numpy as np
        >>> from scipy import sparse
        >>> from warmstart.meta.index import ItemIndex
        >>> from warmstart.meta.kshot import Episodes
        >>> from warmstart.meta.prior import Prior, Support
        >>> likes = sparse.random(300, 50, 0.2, format="csr", dtype=np.float32, random_state=0)
        >>> likes.data[:] = 1
        >>> nothing_told = np.zeros((300, 0), dtype=np.float32)
        >>> prior = Prior.fit(Episodes(likes, likes), nothing_told, 1.0, "low-rank", 8, seed=0)
        >>> one = Support(np.array([0, 2]), np.array([3, 7], np.int32), np.ones(2, np.float32))
        >>> items, scores = ItemIndex.of(prior).top(one, 3, exclude=one.items)
        >>> bool(np.allclose(scores, prior.scores(one)[0, items], atol=1e-5))
        True
    """

    prior: Prior
    turn: Doubles
    head: Ints
    head_rows: Floats
    kept: Ints
    lists: Any

    @classmethod
    def of(cls, prior: Prior, seed: int = 0, head: int = HEAD) -> "ItemIndex":
        """Build the index; see docs/notes/large-catalogues.md for what that costs.

        Args:
            prior: in the low-rank form, that of catalogues of more than 20,000 items.
            seed: of the people imagined and of the clusters.
            head: how many items are scored for everybody, at least 1.

        Raises:
            MissingExtra: faiss is not installed.
            BadInput: the prior is of another form.
        """
        faiss, rows = _faiss(), _rows(prior)
        filled = _filled(rows)
        with one_thread():
            there, back = _turns(rows, filled, _imagined(prior, seed))
            lengths = np.concatenate([np.linalg.norm(block, axis=1) for block in _turned(rows, filled, there)])
            longest = top_k(lengths, head)
            first, kept = np.sort(filled[longest]), np.delete(filled, longest)
            lists = _lists(faiss, rows, kept, there, seed) if len(kept) else None
        return cls(prior, back, first, np.ascontiguousarray(_columns(rows, first).T), kept, lists)

    def candidates(self, support: Support, n: int) -> Ints:
        """Return the items among which one person's ``n`` best most probably are, int64, each once.

        Args:
            support: of one person, with at least one event.
            n: how many are asked of the search; the head comes on top.
        """
        return np.concatenate([self.head, self._found(_person(self.prior, support), n)])

    def scores(self, support: Support, items: Ints) -> Floats:
        """Return the exact scores of some items for one person with at least one event, float32 [len(items)]."""
        scores = _combined(_rows(self.prior), _person(self.prior, support), items)
        own = support.items[:, None] == items  # what events say of their own items is no part of a score
        for anchor, factor in zip(self.prior.anchors, _factors(self.prior, support), strict=True):
            events = _low_rank(anchor.prior.events)
            scores -= (support.weights * factor[1] * events.diagonal[support.items]) @ own
        return scores.astype(np.float32, copy=False)

    def top(self, support: Support, k: int, exclude: npt.NDArray[np.integer]) -> tuple[Ints, Floats] | None:
        """Return the ``k`` best items and their exact scores; None where only scoring all items would tell.

        Args:
            support: of one person.
            k: how many.
            exclude: item indices that may not be returned, the person's own among them.
        """
        n = max(CANDIDATES, 10 * k) + len(exclude)
        if n > MOST or not len(support.items) or not np.isin(support.items, exclude).all():
            return None
        person = _person(self.prior, support)
        found = self._found(person, n)
        items = np.concatenate([self.head, found])
        scores = np.concatenate([self.head_rows @ person, _combined(_rows(self.prior), person, found)])
        scores[np.isin(items, exclude)] = -np.inf
        best = top_k(scores, k)
        # items of which nothing is known score zero and are in no list
        return (items[best], scores[best]) if len(best) == k and scores[best[-1]] >= 0 else None

    def _found(self, person: Floats, n: int) -> Ints:
        """Return up to ``n`` items from the lists, in order of index, so that ties fall as among all items."""
        if self.lists is None:
            return np.zeros(0, dtype=np.int64)
        wanted = (person @ self.turn).astype(np.float32)
        places = self.lists.search(wanted[None], min(n, len(self.kept)))[1][0]
        found: Ints = self.kept[np.sort(places[places >= 0])]
        return found


_BUILT: WeakKeyDictionary[MetaRecommender, ItemIndex] = WeakKeyDictionary()
_BUILDING = threading.Lock()


def index_of(model: MetaRecommender) -> ItemIndex:
    """Return the model's index, built when it is first asked for and kept as long as the model."""
    with _BUILDING:
        found = _BUILT.get(model)
        if found is None or found.prior is not model.learned.prior:
            found = ItemIndex.of(model.learned.prior)
            _BUILT[model] = found
        return found


def top_items(
    model: MetaRecommender,
    history: Histories,
    context: Context,
    k: int,
    exclude: npt.NDArray[np.integer],
    index_from: int = INDEX_FROM,
) -> tuple[Ints, Floats]:
    """Return the ``k`` best items for one person, int64, and their scores, through the index where that pays.

    All items are scored where the catalogue is smaller than ``index_from``, where there is a sentence or no event (a
    sentence weighs every item, and what everybody likes needs no search), where the person's own items are not
    excluded, and where so many are that an index could miss what is left. Scores are exact in every case.

    Args:
        model: a fitted recommender.
        history: one person's events.
        context: what else is known of the person.
        k: how many.
        exclude: item indices that may not be returned.
        index_from: items from which on the index is used.

    Raises:
        MissingExtra: the catalogue is large and faiss is not installed.

    Example:
        >>> import numpy as np
        >>> import warmstart as ws
        >>> from warmstart.core.histories import Histories
        >>> from warmstart.meta.index import top_items
        >>> from warmstart.representation.context import Context
        >>> data = ws.load_dataset("movielens-small")
        >>> model = ws.MetaRecommender(tune=False, values=False, item_text=False).fit(data)
        >>> one = Histories.of([[0]], [[5.0]])
        >>> items, scores = top_items(model, one, Context(), 10, exclude=one.items)
        >>> [model.catalogue.item_ids[item] for item in items] == model.recommend([1], k=10).item_ids
        True
    """
    prior = model.learned.prior
    if prior.n_items >= index_from and context.text is None and len(history.items):
        told = None if context.attributes is None else context.attributes.toarray()
        found = index_of(model).top(model.learned.support(history, told), k, exclude)
        if found is not None:
            return found
    scores = model.scores_of(history, context).copy()
    scores[exclude] = -np.inf
    best = top_k(scores, k)
    return best, scores[best]


def _factors(prior: Prior, support: Support) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return, of the linear voice at few and at many events, its share and the factor on what an event adds."""
    at = prior.parameters.at_one(support.count_of_one)
    linear = 1 - at.share if prior.tastes is not None else 1.0
    few, many = linear * (1 - at.near), linear * at.near
    return (few, few * at.gain), (many, many * at.gain)


def _person(prior: Prior, support: Support) -> Floats:
    """Return the numbers by which each of ``_rows`` counts for one person with at least one event, float32 [D]."""
    items, weights = support.items, support.weights
    factors = _factors(prior, support)
    told = np.zeros(len(prior.mean_attributes), dtype=np.float32)
    if support.attributes is not None:
        told = support.attributes[0] * np.float32(prior.parameters.attribute_gain)
    parts = [np.array([share for share, _ in factors], dtype=np.float32)]
    for anchor, (_, factor) in zip(prior.anchors, factors, strict=True):
        parts.append((weights * np.float32(factor)) @ _low_rank(anchor.prior.events).left[items])
    parts += [told * np.float32(share) for share, _ in factors]
    if prior.tastes is not None:
        at = prior.parameters.at_one(support.count_of_one)
        evidence = prior.tastes.evidence_of(items, weights * np.float32(at.sharpness))
        parts.append(prior.tastes.mixture(evidence, at.share))
    return np.concatenate(parts)


def _rows(prior: Prior) -> list[Floats]:
    """Return what all items are made of, float32 [some, items] each, in the order of ``_person``."""
    rows = [anchor.prior.constant[None] for anchor in prior.anchors]
    rows += [_low_rank(anchor.prior.events).right for anchor in prior.anchors]
    rows += [anchor.attributes for anchor in prior.anchors]
    return rows if prior.tastes is None else [*rows, prior.tastes.outputs]


def _low_rank(events: Any) -> Any:
    """Return a map of limited rank as it is."""
    if not isinstance(events, FactoredMap) or not isinstance(events.right, np.ndarray):
        raise BadInput("An index is for catalogues of more than 20,000 items, whose map is of limited rank.")
    return events


def _columns(rows: list[Floats], items: Ints) -> Floats:
    return np.concatenate([some[:, items] for some in rows])


def _combined(rows: list[Floats], person: Floats, items: Ints) -> Floats:
    return person @ _columns(rows, items)


def _filled(rows: list[Floats]) -> Ints:
    """Return the items of which anything is known."""
    found = np.zeros(rows[0].shape[1], dtype=bool)
    for some in rows:
        for row in some:
            found |= row != 0
    return np.flatnonzero(found)


def _imagined(prior: Prior, seed: int) -> Floats:
    """Return people such as may come, float32 [IMAGINED, D]: a few events each, drawn from what a taste likes."""
    rng = np.random.default_rng(seed)
    likely = np.argsort(-prior.popularity, kind="stable")[:HEAD]
    chances = np.maximum(prior.popularity[likely], 0)[None] + 1e-9
    if prior.tastes is not None:
        some = rng.integers(len(prior.tastes.values), size=IMAGINED)
        chances = np.maximum(prior.tastes.values[some] @ prior.tastes.outputs[:, likely], 0) + 1e-9
    mean = prior.mean_attributes
    people = []
    for number in range(IMAGINED):
        sums = np.cumsum(chances[number % len(chances)], dtype=np.float64)
        events = math.ceil(20 ** rng.random())
        items = np.unique(likely[np.searchsorted(sums, rng.random(events) * sums[-1])])
        # a column of a level is one or nothing, any other has been standardised
        level = (rng.random(len(mean)) < mean) - mean
        told = np.where((mean > 0) & (mean < 1), level, rng.standard_normal(len(mean))).astype(np.float32)
        ends = np.array([0, len(items)])
        people.append(_person(prior, Support(ends, items, np.ones(len(items), dtype=np.float32), told[None])))
    return np.stack(people)


def _turns(rows: list[Floats], filled: Ints, people: Floats) -> tuple[Doubles, Doubles]:
    """Return the best cut of items' vectors and the turn of people's that goes with it, float64 [D, dimensions].

    With people's second moments ``C = L L'`` a score's mean squared error is the squared length of what is cut off
    ``L'v``, so the leading directions of the items' moments seen through ``L`` are kept.
    """
    weights, axes = np.linalg.eigh(people.T.astype(np.float64) @ people / len(people))
    roots = np.sqrt(np.maximum(weights, max(float(weights[-1]), 1e-30) * LEAST_DIRECTION))
    moments = np.zeros((len(axes), len(axes)))
    for start in range(0, len(filled), BLOCK):
        block = _columns(rows, filled[start : start + BLOCK])
        moments += block @ block.T
    through = axes * roots
    directions = np.linalg.eigh(through.T @ moments @ through)[1][:, ::-1][:, :DIMENSIONS]
    return through @ directions, (axes / roots) @ directions


def _turned(rows: list[Floats], items: Ints, there: Doubles) -> Iterator[Floats]:
    """Yield the vectors of some items as they are searched, float32 [block, dimensions]."""
    turn = there.astype(np.float32)
    yield np.zeros((0, turn.shape[1]), dtype=np.float32)
    for start in range(0, len(items), BLOCK):
        yield np.ascontiguousarray(_columns(rows, items[start : start + BLOCK]).T @ turn)


def _lists(faiss: Any, rows: list[Floats], kept: Ints, there: Doubles, seed: int) -> Any:
    """Part items into clusters and round them to a byte a number."""
    clusters = max(math.isqrt(len(kept)) // 2, 1)
    lists = faiss.index_factory(there.shape[1], f"IVF{clusters},SQ8", faiss.METRIC_INNER_PRODUCT)
    lists.cp.seed, lists.cp.niter = seed + 1, 10
    lists.cp.min_points_per_centroid, lists.cp.max_points_per_centroid = 1, TRAINING_POINTS
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.choice(kept, min(len(kept), clusters * TRAINING_POINTS), replace=False))
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        lists.train(np.concatenate(list(_turned(rows, sample, there))))
        for block in _turned(rows, kept, there):
            lists.add(block)
    finally:
        faiss.omp_set_num_threads(threads)
    lists.nprobe = max(clusters // PROBED, 1)
    return lists


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise MissingExtra("faiss-cpu", extra="index") from error
    return faiss
