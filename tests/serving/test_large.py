"""Very many items: the list through the index is the list over all items, and what an index cannot say is scored."""

from functools import partial

import numpy as np
import polars as pl
import pytest

import warmstart as ws
from warmstart.meta import index
from warmstart.serving import assortment, listing
from warmstart.serving.live import Live

N_ITEMS = 20_500


@pytest.fixture(scope="module")
def large():
    """A model of limited rank, whose catalogue is just beyond what is held exactly."""
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(300), 12)
    items = (rng.zipf(1.3, len(users)) * 7 + users % 5 * 4_000) % N_ITEMS
    events = pl.DataFrame({"user_id": users, "item_id": items}).unique(maintain_order=True)
    table = pl.DataFrame({"item_id": np.arange(N_ITEMS)})
    data = ws.Dataset.from_frames(events, items=table)
    return ws.MetaRecommender(tune=False, values=False, item_text=False, rank=16).fit(data)


@pytest.fixture
def shop(large, tmp_path, monkeypatch):
    for module in (index, assortment):
        monkeypatch.setattr(module, "INDEX_FROM", 20_000)
    monkeypatch.setattr(listing, "top_items", partial(index.top_items, index_from=20_000))
    live = Live.open(large, f"sqlite:///{tmp_path}/w.db")
    yield live.tenant()
    live.close()


def rows(found):
    return [row.item_id for row in found.items]


def test_the_index_finds_what_scoring_everything_finds(shop, monkeypatch):
    shop.record([{"user_id": "ann", "item_id": item} for item in (7, 14, 4_007)])
    assortment = shop.live.knowledge.assortments.latest(shop.name)
    before = shop.recommend("ann")  # scored while the index is built
    assortment.indexing.join(60)
    assert assortment.is_indexed
    asked: list[object] = []
    monkeypatch.setattr(listing, "personal_scores", asked.append)
    after = shop.recommend("ann")
    assert not asked
    assert len(set(rows(before)) & set(rows(after))) >= 9
    assert [row.score for row in after.items] == pytest.approx([row.score for row in before.items], abs=1e-4)


def test_what_an_index_cannot_say_is_scored(shop):
    shop.record([{"user_id": "ann", "item_id": 7}])
    shop.live.knowledge.assortments.latest(shop.name).indexing.join(60)
    best = shop.recommend("ann").items[0].item_id
    assert best not in rows(shop.recommend("ann", block=[str(best)]))
    assert rows(shop.recommend("ann", allow=["14"])) == [14]
    assert shop.recommend("nobody").evidence == "prior"
    assert len(shop.recommend("ann", explore="ucb").items) == 10
