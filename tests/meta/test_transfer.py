"""What is carried over to another catalogue, what its users correct, and what never matters."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import warmstart as ws
from tests.recommenders.worlds import world
from warmstart.core.errors import BadInput
from warmstart.core.histories import Histories
from warmstart.core.run import Run
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset
from warmstart.meta.evidence import episodes_of
from warmstart.meta.kshot import CONSTANT_SHRINKAGE, KShot, fit_kshot
from warmstart.meta.maps import DenseMap, FactoredMap, factored
from warmstart.meta.recommender import MetaRecommender
from warmstart.meta.transfer import carry, gate
from warmstart.meta.transfer.adapt import first_of
from warmstart.meta.transfer.domains import joined
from warmstart.meta.transfer.meet import corrected
from warmstart.meta.transfer.passage import Passage, twins_of
from warmstart.recommenders.base import Recommender


def renamed(data: Dataset, mark: str) -> Dataset:
    """Return the same data under other ids."""
    items = [f"{mark}{item}" for item in data.item_ids]
    frame = _frame(data).with_columns(pl.Series("item_id", items))
    users = np.array([f"{mark}{user}" for user in data.user_ids], dtype=object)
    return replace(data, catalogue=replace(data.catalogue, item_ids=items), user_ids=users, items=frame, users=None)


def titled(data: Dataset, titles: list[str], genres: list[str]) -> Dataset:
    """Return the same data under other titles and genres."""
    frame = _frame(data).with_columns(pl.Series("title", titles), pl.Series("genres", genres))
    return replace(data, catalogue=replace(data.catalogue, titles=titles), items=frame, users=None)


def backwards(data: Dataset) -> Dataset:
    """Return the same data with the items in the opposite order."""
    last = data.n_items - 1
    histories = replace(data.histories, items=(last - data.histories.items).astype(np.int32))
    titles, ids = list(data.catalogue.titles)[::-1], data.item_ids[::-1]
    catalogue = replace(data.catalogue, titles=titles, item_ids=ids)
    return replace(data, catalogue=catalogue, histories=histories, items=_frame(data)[::-1], users=None)


@pytest.fixture(scope="module")
def source() -> Dataset:
    return replace(world(n_users=80), users=None)


@pytest.fixture(scope="module")
def model(source: Dataset) -> MetaRecommender:
    return MetaRecommender(tune=False).fit(source)


def _frame(data: Dataset) -> pl.DataFrame:
    assert data.items is not None
    return data.items


def scores(model: Recommender) -> np.ndarray:
    return model.score(Histories.of([[], [0], [0, 3], [1, 4, 7]], [[], [5.0], [5.0, 1.0], [5.0, 4.0, 5.0]]))


def test_nobody_met_on_the_same_titles_is_the_prior_itself(model, source):
    theirs = backwards(renamed(source, "x"))
    met = model.adapt(theirs, users=0)
    ids = theirs.item_ids
    for history in ([], [3], [3, 6]):
        ours = model.score([[source.item_ids[item] for item in history]])[0]
        found = met.score([[ids[source.n_items - 1 - item] for item in history]])[0]
        np.testing.assert_allclose(found[::-1], ours, atol=1e-4)


@pytest.mark.parametrize("users", [0, 7, None])
def test_ids_never_matter(model, source, users):
    other = world(seed=3, n_items=12)
    first, second = (scores(model.adapt(renamed(other, mark), users=users)) for mark in ("a", "zz"))
    np.testing.assert_array_equal(first, second)


def test_words_nobody_knows_leave_what_the_users_say(source):
    model = MetaRecommender(tune=False, encoders=()).fit(source)
    strange = titled(world(seed=3), [f"xqz{n} vvk{n}" for n in range(15)], ["qqq"] * 15)
    assert not Passage.between(model.learned.item_side, source.catalogue.titles, strange).weights.nnz
    likes = np.bincount(strange.likes().items, minlength=15)
    popularity = model.adapt(strange).score([[]])[0]
    np.testing.assert_allclose(popularity / popularity.sum(), likes / likes.sum(), atol=1e-6)


@pytest.mark.parametrize("users", [0, 6])
def test_save_and_load_change_nothing(model, users, tmp_path):
    met = model.adapt(world(seed=4, n_items=9), users=users)
    met.save(tmp_path / "model")
    loaded = ws.load(tmp_path / "model")
    np.testing.assert_array_equal(scores(loaded), scores(met))
    assert loaded.recommend(k=3).item_ids == met.recommend(k=3).item_ids


def test_adapting_again_from_a_loaded_model_is_the_same(model, tmp_path):
    other = world(seed=4, n_items=9)
    model.save(tmp_path / "model")
    np.testing.assert_allclose(
        scores(MetaRecommender.load(tmp_path / "model").adapt(other)), scores(model.adapt(other)), atol=1e-5
    )


def test_the_prior_that_adapts_is_unchanged(model):
    before = scores(model)
    model.adapt(world(seed=4, n_items=9))
    np.testing.assert_array_equal(scores(model), before)


def test_batch_equals_single_and_contributions_add_up(model):
    met = model.adapt(world(seed=4, n_items=9), users=9)
    together = scores(met)
    histories = Histories.of([[], [0], [0, 3], [1, 4, 7]], [[], [5.0], [5.0, 1.0], [5.0, 4.0, 5.0]])
    for row in range(len(histories)):
        np.testing.assert_allclose(met.score(histories[row : row + 1])[0], together[row], atol=1e-5)
    profile = met.profile().observe(met.catalogue.item_ids[0], 5.0)
    why = profile.explain(met.catalogue.item_ids[3])
    assert sum(part.amount for part in why) == pytest.approx(why.score, abs=1e-5)


def test_new_items_can_be_added_behind(model):
    met = model.adapt(world(seed=4, n_items=9), users=9)
    more = met.with_items({"item_id": [-900], "title": ["War number 99"], "genres": ["War|Drama"]})
    found = more.score([[more.catalogue.item_ids[1]]])[0]
    assert len(found) == 10
    assert np.isfinite(found).all()
    assert found[-1] > 0


def test_fewer_users_and_fewer_events_are_first_ones(model):
    other = world(seed=4)
    assert first_of(other, 5, None).user_ids.tolist() == other.user_ids[:5].tolist()
    assert len(first_of(other, None, 17).histories.items) == 17
    times, kept = other.histories.times, first_of(other, None, 17).histories.times
    assert times is not None
    assert kept is not None
    assert kept.max() <= np.sort(times)[17]
    np.testing.assert_array_equal(scores(model.adapt(other, users=0)), scores(model.adapt(other, events=0)))
    with pytest.raises(BadInput, match="users must be at least 0"):
        model.adapt(other, users=-1)


def test_no_titles_is_an_error_that_names_the_cure(model, source):
    bare = replace(world(seed=4), items=None)
    with pytest.raises(BadInput, match="Give an items table with titles"):
        model.adapt(bare)
    with pytest.raises(BadInput, match="Rename yours"):
        model.adapt(replace(world(seed=4), items=pl.DataFrame({"item_id": range(15), "colour": ["red"] * 15})))
    with pytest.raises(BadInput, match="without words of its items"):
        MetaRecommender(tune=False, item_text=False).fit(source).adapt(world(seed=4))


def test_twins_need_one_title_and_year_on_both_sides():
    ours = ["Heat (1995)", "Sabrina (1954)", "Sabrina (1995)", "Alien", "Alien"]
    assert twins_of(ours, ["sabrina (1995)", "The Heat (1995)", "Alien", "Heat, (1995)"]).tolist() == [2, -1, -1, 0]


@pytest.mark.parametrize("form", ["dense", "users"])
def test_a_strong_pull_is_the_carried_map(form):
    ours, theirs = (episodes_of(world(seed=seed)) for seed in (0, 1))
    known = fit_kshot(ours, 5, 0.3, "dense", 4, 0)
    carried = known if form == "dense" else replace(known, events=_in_factors(known.events))
    firm = corrected(carried, theirs, 5, 1e7).events.combine(ours.support)
    np.testing.assert_allclose(firm, known.events.combine(ours.support), atol=1e-3)


@pytest.mark.parametrize("k", [1, 20])
def test_with_nothing_carried_it_is_the_map_from_scratch(k):
    episodes = episodes_of(world(seed=1))
    little = CONSTANT_SHRINKAGE * len(episodes)
    nothing = KShot(np.zeros(15, np.float32), DenseMap(np.zeros((15, 15), np.float32)))
    found, scratch = corrected(nothing, episodes, k, 0.3, little), fit_kshot(episodes, k, 0.3, "dense", 4, 0)
    np.testing.assert_allclose(found.constant, scratch.constant, atol=1e-4)
    np.testing.assert_allclose(_rows(found.events), _rows(scratch.events), atol=1e-4)


def test_dense_and_factored_maps_are_corrected_alike():
    ours, theirs = (episodes_of(world(seed=seed)) for seed in (0, 1))
    known = fit_kshot(ours, 5, 0.3, "dense", 4, 0)
    dense = corrected(known, theirs, 5, 3.0)
    other = corrected(replace(known, events=_in_factors(known.events)), theirs, 5, 3.0)
    np.testing.assert_allclose(other.constant, dense.constant, atol=1e-4)
    np.testing.assert_allclose(other.events.combine(ours.support), dense.events.combine(ours.support), atol=1e-4)


def _rows(events: DenseMap | FactoredMap) -> np.ndarray:
    assert isinstance(events, DenseMap)
    return events.rows


def _in_factors(events: DenseMap | FactoredMap) -> FactoredMap:
    u, s, vt = np.linalg.svd(_rows(events).astype(np.float64))
    return factored((u * s).astype(np.float32), vt.astype(np.float32))


def test_large_catalogues_carry_in_factors(model, source, monkeypatch):
    other = world(seed=4)
    passage = Passage.between(model.learned.item_side, source.catalogue.titles, other)
    dense = carry.carried(model.learned.prior, passage, 0).prior.many.prior.events
    monkeypatch.setattr(carry, "LARGEST_DENSE", 3)
    found = carry.carried(model.learned.prior, passage, 0).prior.many.prior.events
    assert isinstance(found, FactoredMap)
    every = episodes_of(other).support
    np.testing.assert_allclose(found.combine(every), dense.combine(every), atol=1e-4)


def test_enough_users_are_judged_and_never_leave_less_than_a_new_start(source, monkeypatch):
    monkeypatch.setattr(gate, "FEWEST_JUDGES", 5)
    monkeypatch.setattr("warmstart.meta.transfer.adapt.FEWEST_JUDGES", 5)
    monkeypatch.setattr(gate, "EVALUATIONS", 10)
    other = replace(world(seed=5, n_users=60, n_items=30), users=None)
    strange = titled(other, [f"xqz{n} vvk{n}" for n in range(30)], ["qqq"] * 30)
    model = MetaRecommender(values=False).fit(source)
    met = model.adapt(strange)
    anew = MetaRecommender(values=False).fit(strange)
    assert met.learned.choice.ndcg >= anew.learned.choice.ndcg - 1e-6


def test_order_of_domains_does_not_matter(source):
    other = replace(world("str", seed=2, n_items=9), name="other", users=None)
    one, two = (MetaRecommender(tune=False).fit(domains=each) for each in ([source, other], [other, source]))
    assert one.catalogue.item_ids == two.catalogue.item_ids
    np.testing.assert_array_equal(scores(one), scores(two))
    third = world(seed=6, n_items=9)
    np.testing.assert_array_equal(scores(one.adapt(third, users=3)), scores(two.adapt(third, users=3)))


def test_joined_domains_share_twins_and_agree_on_likes(source):
    other = replace(world(seed=2, n_items=20), name="other")
    both = joined([source, other])
    assert both.n_items == 20
    assert both.n_users == source.n_users + other.n_users
    assert both.likes().lengths.sum() == source.likes().lengths.sum() + other.likes().lengths.sum()
    tens = replace(
        other,
        catalogue=replace(other.catalogue, like_from=8.0),
        histories=replace(other.histories, values=other.histories.values * 2),
    )
    same = joined([source, tens])
    assert same.likes().items.tolist() == both.likes().items.tolist()


def test_domains_are_named_apart(source):
    with pytest.raises(BadInput, match="called alike"):
        joined([source, source])
    with pytest.raises(BadInput, match="domains is empty"):
        joined({})
    with pytest.raises(BadInput, match="one of the two"):
        MetaRecommender().fit(source, domains=[source])
    with pytest.raises(BadInput, match="one of the two"):
        MetaRecommender().fit()


def test_a_catalogue_nobody_met_can_be_adapted_to(model):
    films = pl.DataFrame(
        {"item_id": ["a", "b"], "title": ["Comedy number 0", "Horror by night"], "genres": ["War|Drama", "Horror"]}
    )
    catalogue = Catalogue(["a", "b"], films["title"].to_list(), like_from=4.0)
    empty = Dataset("empty", catalogue, np.array([], dtype=object), Histories.of([]), films)
    assert model.adapt(empty, run=Run(seed=1)).recommend(["a"]).item_ids == ["b"]


def test_an_update_moves_towards_those_who_came_and_leaves_the_old_model(model, source):
    others = replace(source, histories=Histories.of([[14, 13, 12]] * 30, [[5.0] * 3] * 30), user_ids=np.arange(30))
    before = scores(model)
    slow, quick = (model.update(others, earlier=earlier) for earlier in (10_000, 1))
    np.testing.assert_array_equal(scores(model), before)
    np.testing.assert_allclose(scores(slow)[0], before[0], atol=0.01)
    assert set(np.argsort(-scores(quick)[0])[:3].tolist()) == {12, 13, 14}
    assert quick.score([[source.item_ids[14]]])[0, 13] > model.score([[source.item_ids[14]]])[0, 13]


def test_an_update_by_nobody_changes_nothing(model, source, tmp_path):
    same = model.update(source.take_users(np.arange(0)), earlier=80)
    np.testing.assert_array_equal(scores(same), scores(model))
    more = model.update(source.take_users(np.arange(10)), earlier=80)
    more.save(tmp_path / "more")
    np.testing.assert_array_equal(scores(ws.load(tmp_path / "more")), scores(more))


def test_popularity_after_an_update_is_that_of_all(source):
    first, rest = np.arange(50), np.arange(50, 80)
    model = MetaRecommender(tune=False, item_text=False).fit(source.take_users(first))
    updated = model.update(source.take_users(rest), earlier=50)
    whole = MetaRecommender(tune=False, item_text=False).fit(source)
    np.testing.assert_allclose(updated.score([[]]), whole.score([[]]), atol=1e-6)


def test_an_update_of_another_catalogue_is_refused(model, source):
    with pytest.raises(BadInput, match="adapt"):
        model.update(world("str"), earlier=10)
    with pytest.raises(BadInput, match="positive"):
        model.update(source, earlier=0)
