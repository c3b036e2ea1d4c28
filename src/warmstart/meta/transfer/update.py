"""Further users of the same catalogue move what was learned; the earlier ones' events are not needed.

The sums ``A`` and ``C`` of the k-shot prior add up over users, so an exact update would keep both and solve again. Both
are items x items; here only the map is kept, and the diagonal of ``A`` is worked out again from popularity: an item
that a share ``f`` of ``n`` earlier users liked holds its row with ``n f p`` users' worth, where ``p`` is revealed
(consolidation by a diagonal, as in Kirkpatrick et al., 2017).
"""

from dataclasses import replace

import numpy as np
from scipy import sparse

from warmstart.core.errors import BadInput
from warmstart.core.run import Run
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset
from warmstart.meta.evidence import episodes_of
from warmstart.meta.kshot import Episodes
from warmstart.meta.learned import Learned
from warmstart.meta.maps import DenseMap, FactoredMap
from warmstart.meta.parameters import FEW, MANY
from warmstart.meta.prior import Anchor, Prior
from warmstart.meta.tastes import MOST_TASTES
from warmstart.meta.transfer.carry import RANK, passed_map
from warmstart.meta.transfer.meet import corrected, with_tastes
from warmstart.meta.transfer.passage import Passage

LEAST_PULL = 0.3
"""Ridge towards what was learned, for one revealed event on an item that nobody met."""


def updated(learned: Learned, catalogue: Catalogue, data: Dataset, earlier: float, run: Run) -> Learned:
    """Move what was learned by further users.

    Args:
        learned: what was learned of ``catalogue``.
        catalogue: the items.
        data: further users over the same catalogue.
        earlier: how many users what was learned counts as.
        run: seed.

    Raises:
        BadInput: the catalogues differ, or ``earlier`` is not positive.
    """
    if list(map(str, catalogue.item_ids)) != list(map(str, data.item_ids)):
        raise BadInput(
            f"update takes users of the catalogue that was learned; {data.name!r} has another. Add new items with "
            "with_items(frame) first, or meet another catalogue with adapt(domain)."
        )
    if not earlier > 0:
        raise BadInput(f"earlier must be a positive number of users; came: {earlier!r}.")
    episodes = episodes_of(data, learned.choice.solve.early)
    prior = _moved(learned.prior, episodes, earlier, run.seed) if len(episodes) else learned.prior
    sentence = None if learned.sentence is None else replace(learned.sentence, popularity=prior.popularity)
    side = learned.item_side
    if side is not None:
        side = replace(side, counts=side.counts + np.bincount(data.likes().items, minlength=data.n_items))
    return replace(learned, prior=prior, sentence=sentence, item_side=side)


def _moved(prior: Prior, episodes: Episodes, earlier: float, seed: int) -> Prior:
    likes = np.asarray(episodes.query.sum(axis=0)).ravel()
    popularity = (likes + earlier * prior.popularity) / (len(episodes) + earlier)
    few, many = (
        _anchor(prior, anchor, episodes, k, earlier) for anchor, k in zip(prior.anchors, (FEW, MANY), strict=True)
    )
    tastes = with_tastes(prior.tastes, episodes, many.prior, max(1, MOST_TASTES - len(episodes)), seed)
    return replace(prior, popularity=popularity.astype(np.float32), few=few, many=many, tastes=tastes)


def _anchor(prior: Prior, anchor: Anchor, episodes: Episodes, k: int, earlier: float) -> Anchor:
    revealed = float(episodes.revealed(k).mean())
    pull = LEAST_PULL + earlier * np.maximum(prior.popularity, 0).astype(np.float64) * revealed / k
    kept = replace(anchor.prior, events=_short(anchor.prior.events))
    return replace(anchor, prior=corrected(kept, episodes, k, pull, earlier))


def _short(events: DenseMap | FactoredMap) -> DenseMap | FactoredMap:
    """Keep factors from growing with every update."""
    if isinstance(events, DenseMap) or events.left.shape[1] <= 2 * RANK:
        return events
    n = len(events.left)
    same = Passage(sparse.identity(n, dtype=np.float32, format="csr"), np.ones(n, dtype=bool), 0.0)
    return passed_map(events, same, 0)
