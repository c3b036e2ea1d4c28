"""Networks: numpy says what torch says, nobody needs torch to answer, training goes on where it broke off."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import warmstart as ws
from tests.recommenders.worlds import N_USERS, bare, entries, world
from warmstart.core.errors import BadConfig, BadInput, MissingExtra
from warmstart.core.histories import Histories
from warmstart.core.run import Run
from warmstart.recommenders.neural.base import NeuralRecommender
from warmstart.recommenders.neural.episodes import Episodes, Padded
from warmstart.recommenders.neural.items import Items, item_shapes, started_items
from warmstart.recommenders.neural.network import Events
from warmstart.recommenders.neural.settings import NeuralConfig
from warmstart.recommenders.neural.training import Torch
from warmstart.recommenders.neural.validation import ndcg, panels_of
from warmstart.recommenders.table import RECOMMENDERS, recommender_class

pytest.importorskip("torch")
NAMES = sorted(name for name in RECOMMENDERS if issubclass(recommender_class(name), NeuralRecommender))
SMALL = {"factors": 4, "epochs": 3, "batch": 16, "longest": 8}
WITHOUT_VECTOR = {"cross_attention"}
WITHOUT_FREE_PART = {"text_cnn"}
ORDERED = {"gru", "lstm", "sasrec"}

every = pytest.mark.parametrize("name", NAMES)
every_free = pytest.mark.parametrize("name", sorted(set(NAMES) - WITHOUT_FREE_PART))


def fresh(name, **changes):
    return ws.recommender(name, **SMALL | changes)


@cache
def fitted(name):
    return fresh(name).fit(world())


def clear(n_users=90, seed=0):
    """Three groups of users, each of whom likes eight of the ten items of her kind, and nothing else."""
    rng = np.random.default_rng(seed)
    rows = [(user % 3 + 3 * rng.permutation(10)[:8]).tolist() for user in range(n_users)]
    return replace(world(n_users=n_users, n_items=30), histories=Histories.of(rows, [[5.0] * 8] * n_users))


TAUGHT = {"factors": 8, "epochs": 15, "batch": 16, "rate": 0.02, "dropout": 0.1, "longest": 8, "forget_items": 0.3}


@cache
def taught(name):
    return ws.recommender(name, **TAUGHT).fit(clear())


def test_the_table_has_eight_of_them():
    wanted = "cross_attention embedding_mlp gru lstm neural_cf sasrec text_cnn two_tower"
    assert " ".join(NAMES) == wanted


@every
def test_torch_and_numpy_say_the_same(name):
    model, library = fitted(name), Torch(dropout=0.0)
    shown = Padded.of(world().likes(), model.catalogue, 8)
    take = library.constant
    weights = {key: take(one.copy()) for key, one in model._weights.items()}
    items = Items(*(take(one.copy()) for one in (model._items.read, model._items.asked, model._items.prior)))
    vectors = items.events(library, weights, take(shown.items), take(shown.disliked), take(shown.mask))
    states = model._network.states(library, weights, Events(vectors, take(shown.mask), take(shown.last)))
    found = (model._network.scores(library, weights, states, items.asked) + items.prior).cpu().numpy()
    np.testing.assert_allclose(found, model._forward(world().likes()), rtol=1e-5, atol=1e-5)


def test_the_filters_of_torch_and_numpy_say_the_same():
    model, library = fitted("text_cnn"), Torch(dropout=0.0)
    words = model._reader.new(world().items, world().catalogue.titles)
    weights = {key: library.constant(one.copy()) for key, one in model._weights.items()}
    told = model._network.told(library, weights, library.constant(words))
    read = Items.told(weights, told).read.cpu().numpy()
    np.testing.assert_allclose(read, model._new_items(world().items, []).read, rtol=1e-5, atol=1e-5)


ALONE = """
import json, sys
sys.modules["torch"] = None  # an import of it fails
import warmstart as ws
for name, folder, histories in json.load(sys.stdin):
    model = ws.load(folder)
    profile = model.profile(histories[0]).observe(histories[1][0][0], 5.0)
    scores = model.score([[tuple(event) for event in history] for history in histories])
    print(json.dumps([scores.tolist(), len(profile.recommend(k=3))]))
    model.with_items({"item_id": [10000], "title": ["Comedy number 99"], "genres": ["Comedy"]}).recommend()
"""


def test_saved_models_answer_where_there_is_no_torch(tmp_path):
    histories = [[], entries(world(), 1), entries(world(), 2)]
    histories[0] = entries(world(), 0)
    asked = [(name, str(fitted(name).save(tmp_path / name)), histories) for name in NAMES]
    done = subprocess.run(
        [sys.executable, "-c", ALONE], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    for name, line in zip(NAMES, done.stdout.splitlines(), strict=True):
        scores, count = json.loads(line)
        np.testing.assert_allclose(scores, fitted(name).score(histories), rtol=1e-5, atol=1e-6)
        assert count == 3


def test_without_torch_training_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"warmstart\[torch\]"):
        fresh("two_tower").fit(world())


class Broken:
    """Progress that breaks off after some steps."""

    def __init__(self, steps):
        self.steps = steps

    def track(self, items, what, total=None):
        for number, item in enumerate(items):
            if number == self.steps:
                raise KeyboardInterrupt
            yield item


@pytest.mark.parametrize("name", ["sasrec", "text_cnn", "two_tower"])
@pytest.mark.parametrize("pretrain", ["none", "contrastive"])
def test_what_is_broken_off_goes_on_as_if_it_had_not(name, pretrain, tmp_path):
    changes = {"epochs": 8, "pretrain": pretrain}
    whole = fresh(name, **changes).fit(world())
    kept = changes | {"checkpoints": str(tmp_path)}
    with pytest.raises(KeyboardInterrupt):
        fresh(name, **kept).fit(world(), run=Run(progress=Broken(11)))
    again = fresh(name, **kept).fit(world())
    np.testing.assert_allclose(again.score(world().histories), whole.score(world().histories), rtol=1e-4, atol=1e-5)
    assert len(again.curve.looks) == len(whole.curve.looks)


def test_checkpoints_of_other_data_are_refused(tmp_path):
    fresh("two_tower", checkpoints=str(tmp_path)).fit(world())
    with pytest.raises(BadInput, match="other settings or data"):
        fresh("two_tower", checkpoints=str(tmp_path)).fit(world(seed=1))


def test_folders_are_not_kept_with_the_model(tmp_path):
    model = fresh("gru", checkpoints=str(tmp_path / "kept"), profile=str(tmp_path / "trace")).fit(world())
    assert (tmp_path / "trace" / "gru" / "trace.json").is_file()
    assert str(tmp_path) not in (model.save(tmp_path / "model") / "model.json").read_text()


@every
def test_taste_is_learned(name):
    """Somebody fond of every third item: those come first, though all are about as popular."""
    model, data, hits = taught(name), clear(), []
    for kind in range(3):
        found = model.recommend([data.item_ids[kind], data.item_ids[kind + 3]], k=8)
        hits += [data.item_ids.index(item) % 3 == kind for item in found.item_ids]
    assert np.mean(hits) > 0.9


@every
def test_an_item_nobody_met_is_placed_by_its_text(name):
    model, ids = taught(name), clear().item_ids
    longer = model.with_items(
        {"item_id": [1000, 1001], "title": ["Comedy number", "War number"], "genres": ["Comedy|Romance", "War|Drama"]}
    )
    comedies, wars = longer.score([[ids[0], ids[3]], [ids[1], ids[4]]])[:, -2:]
    assert comedies[0] > comedies[1]
    assert wars[1] > wars[0]


def test_an_item_nobody_met_begins_as_popular_as_its_text_foretells():
    text = np.repeat(np.eye(2, dtype=np.float32), 500, axis=0)
    counts = np.concatenate([np.full(500, 90.0), np.full(500, 9.0)]).astype(np.float32)
    counts[[0, 500]] = 0
    weights = started_items(item_shapes(1000, 4, 2), counts, text, np.random.default_rng(0))
    often, rare = Items.of(weights, np.array([0, 500]), text[[0, 500]], np.zeros(2, np.float32)).prior
    assert often - rare == pytest.approx(np.log(90.5 / 9.5), rel=0.02)
    assert often == pytest.approx(weights["item.prior"][1], abs=0.1)
    known = Items.of(weights, np.array([1, 501]), text[[1, 501]], np.ones(2, np.float32)).prior
    assert known.tolist() == weights["item.prior"][[1, 501]].tolist()


@every
@pytest.mark.parametrize("goal", ["contrastive", "masked"])
def test_pretraining_changes_what_is_learned(name, goal):
    if goal == "contrastive" and name in WITHOUT_VECTOR:
        with pytest.raises(BadConfig, match="pretrain"):
            fresh(name, pretrain=goal)
        return
    scores = fresh(name, pretrain=goal).fit(world()).score(world().histories)
    assert np.isfinite(scores).all()
    assert np.abs(scores - fitted(name).score(world().histories)).max() > 1e-4


@pytest.mark.parametrize("loss", ["bce", "mse", "softmax"])
@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_the_mlp_has_three_losses_and_two_ways_to_pool(loss, pooling):
    model = fresh("embedding_mlp", loss=loss, pooling=pooling, epochs=10).fit(world())
    losses = [look.loss for look in model.curve.looks if look.loss is not None]
    assert losses[-1] < losses[0]


@every_free
@pytest.mark.parametrize("text", ["none", "static"])
def test_text_is_a_choice(name, text):
    if text == "static":
        pytest.importorskip("wordllama")
    model = fresh(name, text=text).fit(world())
    longer = model.with_items({"item_id": [1000], "title": ["Comedy number 99"], "genres": ["Comedy"]})
    told = np.abs(longer._items.asked[-1]).max()
    assert (told > 0) == (text == "static")
    if text == "none":
        assert longer._items.prior[-1] == longer._items.prior.min()


@every
def test_only_the_last_events_are_read(name):
    data = bare([list(np.roll(np.arange(12), user)[:9]) for user in range(30)], 12)
    model = ws.recommender(name, factors=4, epochs=2, longest=3).fit(data)
    np.testing.assert_allclose(model.score([[0, 1, 2, 3, 4]]), model.score([[2, 3, 4]]), rtol=1e-5, atol=1e-6)


@every
def test_order_counts_where_it_is_read(name):
    model, ids = fitted(name), world().item_ids
    one, other = model.score([[ids[0], ids[4], ids[2]]]), model.score([[ids[2], ids[0], ids[4]]])
    assert (np.abs(one - other).max() > 1e-4) == (name in ORDERED)


@every
def test_dislikes_count_when_they_are_read(name):
    model = fresh(name, events="all", train_on="all", epochs=6, rate=0.02).fit(world())
    item, other = world().item_ids[:2]
    liked, disliked = model.score([[(item, 5.0), (other, 5.0)], [(item, 5.0), (other, 1.0)]])
    assert np.abs(liked - disliked).max() > 1e-4


def test_validation_ends_training_and_the_best_weights_are_kept():
    others = clear(60, seed=1)
    model = fresh("two_tower", epochs=30, patience=1, rate=0.05).fit(clear(), validation=others)
    looks = model.curve.looks
    best = min(looks, key=lambda look: look.validation)
    assert model.curve.best == best.step
    panels = panels_of(others, 0)
    found = 1 - np.mean([ndcg(model.score(one.support), one) for one in panels])
    assert found == pytest.approx(best.validation, abs=1e-5)


def test_users_for_validation_are_taken_from_training_where_none_are_given():
    assert fresh("two_tower").fit(clear(400)).curve.looks[0].validation is not None
    assert fresh("two_tower").fit(world(n_users=30)).curve.looks[0].validation is None


def test_data_that_leave_nothing_to_learn_give_popularity():
    model = fresh("sasrec").fit(bare([[0], [0], [1]], 3))
    assert model.curve is None
    np.testing.assert_array_equal(model.score([[2]]), model.score([[]]))


def test_heads_must_fit():
    for name in ("sasrec", "cross_attention"):
        with pytest.raises(BadConfig, match="multiple of heads"):
            ws.recommender(name, factors=5)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 99),
    timed=st.booleans(),
    likes_only=st.booleans(),
    halves=st.booleans(),
    states=st.integers(1, 3),
    longest=st.integers(1, 6),
)
def test_what_is_foretold_is_liked_and_was_not_shown(seed, timed, likes_only, halves, states, longest):
    data = world(seed=seed)
    histories = data.histories if timed else replace(data.histories, times=None)
    episodes = Episodes(histories, data.catalogue, longest, states, 7, likes_only, False, halves)
    batches = episodes.of_epoch(np.random.default_rng(seed))
    sets = [set(row.items.tolist()) for row in (data.likes()[user] for user in range(N_USERS))]
    assert sum(len(batch.shown.items) for batch in batches) <= N_USERS
    for batch in batches:
        n, m = batch.shown.last.shape
        assert m == (1 if halves else states)
        assert batch.shown.items.shape[1] <= longest
        assert (batch.rows < n * m).all()
        for row in range(n * m):
            person, state = divmod(row, m)
            until = batch.shown.last[person, state] + 1
            assert batch.shown.mask[person, :until].all()
            shown = set(batch.shown.items[person, :until].tolist())
            wanted = set(batch.items[batch.rows == row].tolist())
            assert not shown & wanted
            assert any(wanted <= one for one in sets)
        assert (batch.other is not None) == halves


def test_first_events_in_time_are_shown_as_they_came():
    histories = Histories.of([list(range(10))] * 200, None, [list(range(10))] * 200)
    episodes = Episodes(histories, bare([[0]], 10).catalogue, 5, 1, 200)
    (batch,) = episodes.of_epoch(np.random.default_rng(0))
    rows = [items[mask > 0] for items, mask in zip(batch.shown.items, batch.shown.mask, strict=True)]
    assert all((np.diff(row) > 0).all() for row in rows)
    assert 0.6 < np.mean([row.tolist() == list(range(len(row))) for row in rows]) < 1


def test_settings_of_the_loop_follow_those_of_the_network():
    loop = NeuralConfig.of(rate=0.5, epochs=7, patience=3, log="a").loop(40)
    assert NeuralConfig.of(epochs=60).loop(40).every == 120
    assert (loop.rate, loop.epochs, loop.patience, loop.log, loop.every) == (0.5, 7, 3, "a", 40)
