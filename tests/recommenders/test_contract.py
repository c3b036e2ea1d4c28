"""The laws that every recommender of the name table obeys; enrolled by being in the table."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import warmstart as ws
import warmstart.meta
import warmstart.recommenders
from tests.recommenders.worlds import N_ITEMS, N_USERS, bare, entries, ids_of, world
from warmstart.core.config import tunables
from warmstart.core.errors import BadConfig, BadInput, BadModelFile, NotFitted, UnknownItem
from warmstart.core.histories import Histories
from warmstart.data.dataset import Dataset
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.new_items import TakesNewItems
from warmstart.recommenders.profile import Explains, Profile
from warmstart.recommenders.table import RECOMMENDERS, names, recommender_class
from warmstart.representation.context import Context

NAMES = names()
NEURAL = ("embedding_mlp", "two_tower", "neural_cf", "gru", "lstm", "sasrec", "cross_attention", "text_cnn")
SETTINGS: dict[str, dict[str, Any]] = {
    **{name: {"factors": 4, "epochs": 3, "batch": 16, "longest": 8} for name in NEURAL},
    "als": {"factors": 4, "iterations": 3},
    "item2vec": {"factors": 4, "epochs": 3, "least_events": 1},
    "item_knn": {"neighbours": 6},
    "user_knn": {"neighbours": 8},
    "maml": {"epochs": 2, "dimension": 4},
    "fomaml": {"epochs": 1, "dimension": 4},
    "anil": {"epochs": 1, "dimension": 4},
    "meta_sgd": {"epochs": 1, "dimension": 4},
    "reptile": {"epochs": 1, "dimension": 4},
    "r2d2": {"epochs": 2, "dimension": 4},
    "prototypes": {"epochs": 2, "dimension": 4},
    "cnp": {"epochs": 2, "dimension": 8},
    "attentive": {"epochs": 2, "dimension": 8},
    "multitask": {"epochs": 2, "dimension": 8},
    "melu": {"epochs": 2, "dimension": 4, "hidden": 8, "batch": 16},
    "hybrid": {"weights": {"item_knn": 1, "content": 0.5, "popularity": 0.1}},
    "student": {"teacher": "item_knn", "teacher_settings": {"neighbours": 6}, "each": 40},
}
"""Settings that suit a small world; defaults for all others."""
_LEARNERS = (
    "maml",
    "fomaml",
    "anil",
    "meta_sgd",
    "reptile",
    "r2d2",
    "prototypes",
    "cnp",
    "attentive",
    "melu",
    "multitask",
)
ORDER_OF_USERS = {
    "als": "implicit draws the starting vector of each user by its row",
    "item2vec": "vectors are learned from one history after the other",
    **dict.fromkeys(NEURAL, "batches are drawn by the rows of users"),
    "student": "whose events make a lesson, and which of them, is drawn by row",
} | dict.fromkeys(_LEARNERS, "who is held out, and who shares a batch, is drawn by row")
"""Recommenders whose fit may depend on the order of users, and why."""

every = pytest.mark.parametrize("name", NAMES)
every_order_blind = pytest.mark.parametrize("name", [name for name in NAMES if name not in ORDER_OF_USERS])
every_extensible = pytest.mark.parametrize(
    "name", [name for name in NAMES if issubclass(recommender_class(name), TakesNewItems)]
)


def fresh(name: str) -> Recommender:
    return ws.recommender(name, **SETTINGS.get(name, {}))


@cache
def fitted(name: str, ids: str = "int") -> Recommender:
    return fresh(name).fit(world(ids))


def close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def classes() -> Iterator[type[Recommender]]:
    """Yield every final recommender of the rooms that hold some."""
    for room in (warmstart.recommenders, warmstart.meta):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            for _, found in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                if issubclass(found, Recommender) and not inspect.isabstract(found):
                    yield found


def test_no_recommender_is_missing_from_the_table():
    ours = {found for name in NAMES if (found := recommender_class(name)).__module__.startswith("warmstart.")}
    assert ours == set(classes())


@every
def test_its_name_is_its_key(name):
    assert recommender_class(name).name == name


@every
def test_every_setting_says_what_it_is(name):
    fields = recommender_class(name).config_class.model_fields
    assert [key for key, field in fields.items() if not field.description] == []


@every
def test_whatever_is_drawn_for_tuning_is_a_setting(name):
    config = recommender_class(name).config_class
    rng = np.random.default_rng(0)
    for key, mark in tunables(config).items():
        for _ in range(10):
            assert key in config.of(**{key: mark.draw(rng)}).model_fields_set


@every
def test_unknown_settings_are_refused(name):
    with pytest.raises(BadConfig, match="no_such_setting"):
        ws.recommender(name, no_such_setting=1)


@every
def test_questions_before_fit_are_refused(name, tmp_path):
    for ask in (lambda model: model.recommend(), lambda model: model.score([[]]), lambda model: model.save(tmp_path)):
        with pytest.raises(NotFitted):
            ask(fresh(name))


@every
def test_scores_have_their_shape_and_are_finite(name):
    scores = fitted(name).score(world().histories)
    assert scores.dtype == np.float32
    assert scores.shape == (N_USERS, N_ITEMS)
    assert np.isfinite(scores).all()


@every
def test_no_history_at_all_gives_no_row(name):
    assert fitted(name).score([]).shape == (0, N_ITEMS)


@every
def test_batch_equals_single(name):
    model, data = fitted(name), world()
    batch = model.score(data.histories)
    for user in range(0, N_USERS, 7):
        close(model.score(data.histories[user])[0], batch[user])
        close(model.profile(entries(data, user)).scores, model.score([entries(data, user)])[0])


@every
def test_batch_equals_single_for_people_of_whom_more_is_known(name):
    model, data = fitted(name), world()
    told = [{"group": f"group {user % 3}"} if user % 4 else None for user in range(N_USERS)]
    texts = ["a comedy" if user % 3 else None for user in range(N_USERS)]
    batch = model.score(data.histories, users=told, texts=texts)
    for user in range(0, N_USERS, 7):
        history = entries(data, user)
        close(model.profile(history, user=told[user], text=texts[user]).scores, batch[user])
        close(
            model.profile(user=told[user], text=texts[user]).scores, model.score([[]], [told[user]], [texts[user]])[0]
        )


@every
def test_size_of_blocks_does_not_matter(name):
    model, data = fitted(name), world()
    close(np.concatenate(list(model.iter_scores(data.histories, batch=7))), model.score(data.histories))


@every
def test_the_order_of_users_in_a_batch_does_not_matter(name):
    model, data = fitted(name), world()
    order = np.random.default_rng(1).permutation(N_USERS)
    close(model.score(data.histories[order]), model.score(data.histories)[order])


@every_order_blind
def test_the_order_of_users_in_training_does_not_matter(name):
    data = world()
    turned = fresh(name).fit(data.take_users(np.random.default_rng(1).permutation(N_USERS)))
    close(turned.score(data.histories), fitted(name).score(data.histories))


@every
def test_lists_and_histories_agree(name):
    model, data = fitted(name), world()
    timeless = replace(data.histories, times=None)
    close(model.score([entries(data, user) for user in range(N_USERS)]), model.score(timeless))


@every
def test_asking_changes_nothing(name):
    model, data = fitted(name), world()
    history = data.histories[:5]
    copy = Histories(history.indptr.copy(), history.items.copy(), history.values.copy())
    before = model.score(history)
    model.recommend(entries(data, 3), k=3)
    np.testing.assert_array_equal(model.score(history), before)
    np.testing.assert_array_equal(history.items, copy.items)
    np.testing.assert_array_equal(history.values, copy.values)


@every
def test_two_fits_give_the_same_scores(name):
    data = world()
    np.testing.assert_array_equal(fresh(name).fit(data).score(data.histories), fitted(name).score(data.histories))


@every
@pytest.mark.parametrize("ids", ["int", "strange"])
def test_what_is_saved_is_loaded(name, ids, tmp_path):
    model, data = fitted(name, ids), world(ids)
    for load in (ws.load, recommender_class(name).load):
        loaded = load(model.save(tmp_path / "model"))
        assert type(loaded) is type(model)
        assert loaded.config == model.config
        assert list(loaded.catalogue.item_ids) == list(model.catalogue.item_ids)
        close(loaded.score(data.histories), model.score(data.histories))
        assert loaded.recommend(entries(data, 0)).item_ids == model.recommend(entries(data, 0)).item_ids


@every
def test_a_loaded_model_can_be_saved_again(name, tmp_path):
    once = ws.load(fitted(name).save(tmp_path / "once"))
    twice = ws.load(once.save(tmp_path / "twice"))
    np.testing.assert_array_equal(twice.score(world().histories), once.score(world().histories))


@every
def test_a_model_whose_arrays_do_not_fit_is_refused(name, tmp_path):
    model = fitted(name)
    header = {
        "config": model.config.model_dump(mode="json"),
        "catalogue": {"item_ids": model.catalogue.item_ids, "titles": model.catalogue.titles},
        "state": model.state()[0],
    }
    arrays = model.state()[1]
    for key, array in arrays.items():
        for broken in ({}, {key: array[:-1]} if array.ndim else {key: array[None]}):
            rest = {other: kept for other, kept in arrays.items() if other != key}
            with pytest.raises(BadModelFile):
                type(model).restore(header, rest | broken)


@every
def test_a_model_of_another_kind_is_refused(name, tmp_path):
    other = "popularity" if name != "popularity" else "random"
    path = fitted(other).save(tmp_path / "model")
    with pytest.raises(BadModelFile, match=r"Use ws\.load"):
        recommender_class(name).load(path)


@every
def test_without_events_the_prior_speaks(name):
    model = fitted(name)
    ranking = model.recommend(k=3)
    assert (ranking.evidence, ranking.source, len(ranking)) == ("prior", name, 3)
    assert np.ptp(model.score([[]])[0]) > 0
    close(model.profile().scores, model.score([[]])[0])


@every
def test_a_history_without_a_like_still_ranks(name):
    data = world()
    assert np.ptp(fitted(name).score([[(data.item_ids[0], 1.0)]])[0]) > 0


@every
def test_observing_equals_having_begun_with_it(name):
    model, data = fitted(name), world()
    for user in (0, 1, 2):
        profile = model.profile()
        for item, value in entries(data, user):
            profile = profile.observe(item, value)
        close(profile.scores, model.profile(entries(data, user)).scores)


@every
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(user=st.integers(0, N_USERS - 1), item=st.integers(0, N_ITEMS - 1), value=st.sampled_from([1.0, 4.0, 5.0]))
def test_forgetting_returns_to_before(name, user, item, value):
    model, data = fitted(name), world()
    item_id = data.item_ids[item]
    before = model.profile(entry for entry in entries(data, user) if entry[0] != item_id)
    scores = before.scores.copy()
    after = before.observe(item_id, value).forget(item_id)
    np.testing.assert_allclose(after.scores, scores, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(before.scores, scores)
    assert len(after) == len(before)
    assert after == before


@every
def test_events_that_count_whole_are_as_without_weights(name):
    model, some = fitted(name), world().histories[:9]
    ones = replace(some, weights=np.ones(len(some.items), dtype=np.float32))
    close(model.score(ones), model.score(some))


@every
def test_batch_equals_single_when_events_count_in_part(name):
    model, some = fitted(name), world().histories[:9]
    parts = np.random.default_rng(0).uniform(0.1, 1, len(some.items)).astype(np.float32)
    batch = model.score(replace(some, weights=parts))
    for user in range(len(some)):
        one = replace(some, weights=parts)[user]
        profile = Profile.start(model, one, Context())
        close(profile.scores, batch[user])
        if isinstance(model, Explains):
            why = profile.explain(world().item_ids[0])
            close(sum(part.amount for part in why), why.score)


@every
def test_forgetting_what_was_never_there_changes_nothing(name):
    model, data = fitted(name), world()
    profile = model.profile([data.item_ids[0]])
    assert profile.forget(data.item_ids[1]) is profile


@every
def test_the_last_event_on_an_item_counts(name):
    model, ids = fitted(name), world().item_ids
    repeated = [(ids[0], 5.0), (ids[1], 5.0), (ids[0], 1.0)]
    last = [(ids[1], 5.0), (ids[0], 1.0)]
    close(model.score([repeated]), model.score([last]))
    close(model.profile(repeated).scores, model.profile(last).scores)
    close(model.score(Histories.of([[0, 1, 0]], [[5.0, 5.0, 1.0]])), model.score([last]))


@every
def test_seen_items_are_left_out_unless_asked_for(name):
    model, data = fitted(name), world()
    history = entries(data, 3)
    seen = {item for item, _ in history}
    assert not seen & set(model.recommend(history, k=N_ITEMS).item_ids)
    assert set(model.recommend(history, k=N_ITEMS, exclude_seen=False).item_ids) == set(data.item_ids)


@every
def test_only_candidates_are_recommended(name):
    model, data = fitted(name), world()
    history, candidates = entries(data, 3)[:2], data.item_ids[4:9]
    found = model.recommend(history, k=N_ITEMS, candidates=candidates, exclude_seen=False)
    assert set(found.item_ids) == set(candidates)
    everything = model.recommend(history, k=N_ITEMS, exclude_seen=False).item_ids
    assert found.item_ids == [item for item in everything if item in candidates]
    assert model.recommend(history, candidates=[]).item_ids == []
    with pytest.raises(UnknownItem):
        model.recommend(history, candidates=["nothing of the kind"])


@every
def test_rankings_follow_the_scores_and_ties_the_catalogue(name):
    model, data = fitted(name), world()
    for user in range(5):
        scores = model.profile(entries(data, user)).scores
        wanted = np.argsort(-scores, kind="stable")
        found = model.recommend(entries(data, user), k=N_ITEMS, exclude_seen=False)
        assert found.item_ids == [data.item_ids[item] for item in wanted]
        np.testing.assert_array_equal(found.scores, scores[wanted])


@every
def test_more_than_there_is_gives_what_there_is(name):
    assert len(fitted(name).recommend(k=10**9)) == N_ITEMS


@every
@pytest.mark.parametrize("k", [0, -1, True, 2.5, "3", None])
def test_a_k_that_is_no_count_is_refused(name, k):
    with pytest.raises(BadInput, match="k must be a whole number"):
        fitted(name).recommend(k=k)


@every
def test_a_history_of_everything(name):
    model, data = fitted(name), world()
    everything = [(item, 5.0) for item in data.item_ids]
    assert np.isfinite(model.score([everything])).all()
    assert len(model.recommend(everything)) == 0
    assert len(model.recommend(everything, k=N_ITEMS, exclude_seen=False)) == N_ITEMS


@every
def test_unknown_items_are_refused_or_skipped(name):
    model, data = fitted(name, "str"), world("str")
    known = data.item_ids[0]
    for ask in (lambda: model.recommend([known, "itm 1"]), lambda: model.score([[known, "itm 1"]])):
        with pytest.raises(UnknownItem, match="on_unknown to 'ignore'"):
            ask()
    ranking = model.recommend([known, "itm 1"], on_unknown="ignore")
    assert ranking.ignored == ("itm 1",)
    assert ranking.item_ids == model.recommend([known]).item_ids
    close(model.score([[known, "itm 1"]], on_unknown="ignore"), model.score([[known]]))
    assert model.recommend(["itm 1"], on_unknown="ignore").evidence == "prior"


@every
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "5"])
def test_values_that_are_no_numbers_are_refused(name, value):
    model, item = fitted(name), world().item_ids[0]
    for ask in (
        lambda: model.recommend([(item, value)]),
        lambda: model.score([[(item, value)]]),
        lambda: model.profile().observe(item, value),
    ):
        with pytest.raises(BadInput, match="finite number"):
            ask()


@every
def test_histories_that_do_not_fit_the_catalogue_are_refused(name):
    model = fitted(name)
    for items, values in ([[N_ITEMS]], [[1.0]]), ([[-1]], [[1.0]]), ([[0]], [[float("nan")]]):
        with pytest.raises(BadInput, match="Histories hold"):
            model.score(Histories.of(items, values))


@every
@pytest.mark.parametrize("history", ["12", b"12", 12])
def test_a_history_that_is_no_list_is_refused(name, history):
    with pytest.raises(BadInput, match="history is a list"):
        fitted(name).recommend(history)


@every
def test_context_of_the_wrong_length_is_refused(name):
    model = fitted(name)
    for wrong in ({"texts": ["one", "two"]}, {"users": [None, None]}):
        with pytest.raises(BadInput, match="one entry a history"):
            model.score([[]], **wrong)


@every
def test_no_sentence_is_the_same_as_none_given(name):
    model, data = fitted(name), world()
    close(model.score(data.histories[:3], texts=[None, "", None]), model.score(data.histories[:3]))


@every
@pytest.mark.parametrize("ids", ["str", "strange"])
def test_ids_are_only_names(name, ids):
    data, renamed = world(), world(ids)
    close(fitted(name, ids).score(renamed.histories), fitted(name).score(data.histories))
    found = fitted(name, ids).recommend([renamed.item_ids[2]], k=4)
    wanted = fitted(name).recommend([data.item_ids[2]], k=4)
    assert [renamed.item_ids.index(item) for item in found.item_ids] == [
        data.item_ids.index(item) for item in wanted.item_ids
    ]


@every
def test_ids_match_by_their_text_and_come_back_as_they_came(name):
    model, ids = fitted(name), ids_of("int", N_ITEMS)
    assert model.recommend([str(ids[1])]).item_ids == model.recommend([ids[1]]).item_ids
    assert all(isinstance(item, int) for item in model.recommend().item_ids)


WORLDS = {
    "one user": bare([[0, 1]], 3),
    "one item": bare([[0], [0]], 1),
    "one event": bare([[0]], 1),
    "no likes": bare([[0, 1], [1, 2]], 3, [[1.0, 2.0], [3.0, 1.0]]),
    "users without events": bare([[], [0, 1], []], 3),
    "everybody likes everything": bare([[0, 1, 2]] * 4, 3),
    "nothing in common": bare([[0], [1], [2]], 3),
    "items never met": bare([[0, 1], [0, 2]], 50),
}


@every
@pytest.mark.parametrize("kind", WORLDS)
def test_poor_data_give_finite_scores(name, kind, tmp_path):
    data = WORLDS[kind]
    model = fresh(name).fit(data)
    scores = model.score([[], [0], data.item_ids])
    assert scores.shape == (3, data.n_items)
    assert np.isfinite(scores).all()
    close(ws.load(model.save(tmp_path / "model")).score([[], [0], data.item_ids]), scores)


def with_new_items(name: str) -> tuple[Any, dict[str, list[Any]]]:
    return fitted(name), {
        "item_id": [1000, 1001],
        "title": ["Comedy number 99", None],
        "genres": ["Comedy|Romance", "War"],
    }


@every_extensible
def test_new_items_stand_behind_the_old_ones(name, tmp_path):
    model, frame = with_new_items(name)
    longer = model.with_items(frame)
    data = world()
    assert list(longer.catalogue.item_ids) == [*data.item_ids, 1000, 1001]
    assert longer.catalogue.titles[-2:] == ["Comedy number 99", "1001"]
    assert len(model.catalogue) == N_ITEMS
    scores = longer.score(data.histories)
    assert scores.shape == (N_USERS, N_ITEMS + 2)
    assert np.isfinite(scores).all()
    close(ws.load(longer.save(tmp_path / "model")).score(data.histories), scores)
    profile = longer.profile([1000])
    assert isinstance(profile, Profile)
    assert 1000 not in profile.recommend(k=100).item_ids


@every_extensible
def test_new_items_can_come_one_after_another(name):
    model, frame = with_new_items(name)
    first, second = ({key: [column[place]] for key, column in frame.items()} for place in range(2))
    close(model.with_items(first).with_items(second).score([[]]), model.with_items(frame).score([[]]))


@every_extensible
def test_new_items_with_bad_ids_are_refused(name):
    model, frame = with_new_items(name)
    old = world().item_ids[0]
    for ids, says in (
        ([1000, 1000], "occurs twice"),
        ([1000, old], "in the catalogue already"),
        ([1000, None], "id is missing"),
        (["1000", "x"], "no whole number"),
    ):
        with pytest.raises(BadInput, match=says):
            model.with_items(frame | {"item_id": ids})
    with pytest.raises(BadInput, match="column is missing"):
        model.with_items({"title": ["no id"]})


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(BadInput, match=r"Nearest: .*item_knn"):
        ws.recommender("itemknn")
    with pytest.raises(BadInput, match="There is no recommender 'zzz'"):
        recommender_class("zzz")


def test_a_model_of_an_unknown_kind_is_refused(tmp_path, monkeypatch):
    path = fitted("popularity").save(tmp_path / "model")
    # the table of the module is replaced, not changed: put back, an entry would stand last
    others = {name: place for name, place in RECOMMENDERS.items() if name != "popularity"}
    monkeypatch.setattr("warmstart.recommenders.table.RECOMMENDERS", others)
    with pytest.raises(BadModelFile, match="does not know"):
        ws.load(path)


def test_the_worlds_are_what_they_say():
    data: Dataset = WORLDS["no likes"]
    assert not data.liked.any()
    assert world("strange").item_ids != world().item_ids
