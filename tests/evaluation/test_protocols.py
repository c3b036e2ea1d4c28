import numpy as np
import pytest

from tests.evaluation.toys import make_data
from warmstart.core.errors import BadConfig, BadInput
from warmstart.core.histories import Histories
from warmstart.core.tasks import Tasks
from warmstart.evaluation.cold_item import AMONG_ALL, ColdBoth, ColdItem
from warmstart.evaluation.cold_user import ColdUser
from warmstart.evaluation.evaluate import evaluate
from warmstart.evaluation.measure import measure_rankings
from warmstart.evaluation.metrics import top_items
from warmstart.evaluation.panel import Panel, Popularity
from warmstart.evaluation.protocol import Measurer
from warmstart.recommenders.table import recommender

SMALL = {"pool": 10, "shots": (0, 1, 3, 10)}
"""The toy users have about twenty likes each."""


def rows(report, model, measure):
    return {k: one.mean for (name, k, kind), one in report.estimates.items() if (name, kind) == (model, measure)}


def panel_of(scores, query, hidden=None, **others):
    n, n_items = np.asarray(scores).shape
    tasks = Tasks(Histories.of([[]] * n), Histories.of(query), Histories.of(hidden or [[]] * n), np.arange(n))
    return Panel(0, tasks, Popularity(np.zeros(n_items, dtype=np.int64), 1), **others)


def measured(scores, panel, *names):
    scores = np.asarray(scores, dtype=np.float32)
    return {name: one.values.tolist() for name, one in measure_rankings([scores], panel, names, "toy").items()}


# laws of measuring


def test_hidden_items_are_never_ranked():
    scores = np.array([[9.0, 1.0, 0.5]])
    panel = panel_of(scores, [[1]], hidden=[[0]])
    assert measured(scores, panel, "ndcg@1", "mrr", "auc") == {"ndcg@1": [1.0], "mrr": [1.0], "auc": [1.0]}
    assert 0 not in top_items(panel.rankable(scores.astype(np.float32), 0), 3)


def test_only_candidates_are_ranked():
    scores = np.array([[9.0, 1.0, 0.5, 0.1]])
    some = panel_of(scores, [[2]], candidates=np.array([False, False, True, True]))
    own = panel_of(scores, [[2]], candidates=Histories.of([[2, 3]]))
    assert measured(scores, some, "ndcg@1") == measured(scores, own, "ndcg@1") == {"ndcg@1": [1.0]}
    assert measured(scores, some, "coverage@1") == {"coverage@1": [0.5]}


def test_blocks_do_not_matter():
    rng = np.random.default_rng(0)
    scores = rng.random((7, 9)).astype(np.float32)
    panel = panel_of(scores, [[u] for u in range(7)], hidden=[[8 - u] if u != 4 else [] for u in range(7)])
    names = ("ndcg@3", "auc", "mrr", "coverage@3", "novelty@3", "gini@3")
    whole = measure_rankings([scores], panel, names, "toy")
    parts = measure_rankings([scores[:3], scores[3:4], scores[4:]], panel, names, "toy")
    assert {name: one.values.tolist() for name, one in whole.items()} == {
        name: one.values.tolist() for name, one in parts.items()
    }


def test_the_order_of_the_catalogue_tells_nothing():
    """Without a shuffle, a recommender that scores all items alike would rank them as the catalogue runs."""
    n_items = 200
    scores = np.zeros((300, n_items))
    famous = [[0]] * 300
    by_index = measured(scores, panel_of(scores, famous), "hr@10")["hr@10"]
    ties = np.random.default_rng(1).permutation(n_items)
    shuffled = measured(scores, panel_of(scores, famous, ties=ties), "hr@10", "auc")
    assert set(by_index) == {1.0}
    assert set(shuffled["hr@10"]) == {float(0 in ties[:10])}
    assert set(shuffled["auc"]) == {0.5}


def test_ties_are_broken_but_scores_are_obeyed():
    rng = np.random.default_rng(2)
    scores = rng.permutation(40).reshape(1, 40).astype(float)
    query = [[int(np.argmax(scores[0]))]]
    ties = rng.permutation(40)
    assert measured(scores, panel_of(scores, query, ties=ties), "ndcg@1", "mrr") == {"ndcg@1": [1.0], "mrr": [1.0]}


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(BadInput, match="'toy' scored an item NaN"):
        measured([[np.nan, 1.0]], panel_of([[0.0, 0.0]], [[1]]), "ndcg@1")


@pytest.mark.parametrize("name", ["ndgc@10", "ndcg", "auc@3", "ndcg@0", "hr@-1"])
def test_an_unknown_measure_is_refused(name):
    with pytest.raises(BadConfig, match="There is no measure"):
        measured([[0.0, 1.0]], panel_of([[0.0, 0.0]], [[1]]), name)


# cold users


def test_query_and_users_are_the_same_at_every_k(data):
    split = ColdUser(**SMALL).split(data)
    first = split.test[0].tasks
    for panel in split.test:
        assert panel.tasks.query.items.tolist() == first.query.items.tolist()
        assert panel.tasks.hidden.items.tolist() == first.hidden.items.tolist()
        assert panel.tasks.users.tolist() == first.users.tolist()
        assert set(panel.tasks.support.lengths.tolist()) == {panel.k}


def test_train_validation_and_test_share_no_user(data):
    split = ColdUser(**SMALL).split(data)
    assert split.validation is not None
    tested = set(data.user_ids[split.test[0].tasks.users])
    chosen = set(data.user_ids[split.validate[0].tasks.users])
    parts = [set(split.train.user_ids), set(split.validation.user_ids), tested]
    assert chosen <= parts[1]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_popularity_is_the_same_at_every_k(data):
    report = evaluate(["popularity"], data, ColdUser(**SMALL))
    for measure in ("ndcg@10", "recall@20", "hr@10", "mrr", "auc", "coverage@10", "novelty@10", "gini@10"):
        assert len(set(rows(report, "popularity", measure).values())) == 1, measure


def test_a_recommender_that_learns_gets_better_with_k(data):
    found = rows(evaluate(["item_knn"], data, ColdUser(**SMALL)), "item_knn", "ndcg@10")
    assert found[10] > found[0]


def test_the_order_of_users_in_the_data_does_not_change_a_users_tasks(data):
    turned = data.take_users(np.arange(data.n_users)[::-1])
    everybody = np.arange(data.n_users)
    model = recommender("item_knn").fit(data)

    def by_user(source):
        protocol = ColdUser(**SMALL)
        panel = protocol._panels(source, everybody, Popularity.of(data))[-1]
        values = Measurer(model, ["ndcg@10"])(panel)["ndcg@10"].values
        return dict(zip(source.user_ids[panel.tasks.users], values, strict=True))

    assert by_user(data) == by_user(turned)


def test_seeds_give_other_users_and_the_same_seed_the_same(data):
    splits = [ColdUser(**SMALL, seed=seed).split(data) for seed in (1, 1, 2)]
    users = [set(split.train.user_ids) for split in splits]
    assert users[0] == users[1] != users[2]


def test_support_of_events_holds_dislikes_and_the_query_does_not(data):
    panel = ColdUser(support="events", pool=5, shots=(5,)).split(make_data(rated=True)).test[0]
    assert (panel.tasks.support.values < 4).any()
    assert (panel.tasks.query.values >= 4).all()


def test_attributes_are_read_only_when_asked_for(data):
    without, with_them = (ColdUser(**SMALL, attributes=flag).split(data) for flag in (False, True))
    assert without.train.users is None
    assert without.test[0].users is None
    panel = with_them.test[0]
    assert with_them.train.users is not None
    assert panel.users is not None
    assert panel.users["user_id"].to_list() == data.user_ids[panel.tasks.users].tolist()


def test_data_without_users_with_enough_events_are_refused(data):
    with pytest.raises(BadInput, match="smaller pool"):
        ColdUser(pool=50, shots=(0,)).split(data)


def test_attributes_without_a_users_table_are_refused(data):
    from dataclasses import replace

    with pytest.raises(BadInput, match="no users table"):
        ColdUser(**SMALL, attributes=True).split(replace(data, users=None))


@pytest.mark.parametrize(
    "settings",
    [{"shots": ()}, {"k": 0}, {"suport": "likes"}, {"support": "views"}, {"seed": -1}, {"pool": 0}],
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(BadConfig, match=next(iter(settings))):
        ColdUser(**settings)


def test_all_faults_of_settings_come_at_once():
    with pytest.raises(BadConfig) as caught:
        ColdUser(k=0, support="views")
    assert "k:" in str(caught.value)
    assert "support:" in str(caught.value)


def test_shots_beyond_the_pool_are_refused(data):
    with pytest.raises(BadInput, match="pool"):
        ColdUser(shots=(30,)).split(data)


# cold items


def test_no_cold_item_occurs_in_training(data):
    for protocol in (ColdItem(), ColdBoth(pool=5, shots=(0, 5))):
        split = protocol.split(data)
        cold = np.bincount(split.train.histories.items, minlength=data.n_items) == 0
        for panel in (*split.test, *split.validate):
            assert cold[panel.tasks.query.items].all()
            assert not cold[panel.tasks.support.items].any()
        assert split.train.n_items == data.n_items
        assert split.train.items is not None


def test_validation_and_test_ask_for_different_items(data):
    split = ColdItem().split(data)
    asked = [set(panel.tasks.query.items.tolist()) for panel in (split.validate[0], split.test[0])]
    assert not asked[0] & asked[1]


def test_known_users_are_not_offered_what_they_have_met(data):
    panel = ColdItem().split(data).test[0]
    assert isinstance(panel.candidates, np.ndarray)
    for row in range(len(panel)):
        met = set(data.histories[int(panel.tasks.users[row])].items.tolist())
        asked = set(panel.tasks.query[row].items.tolist())
        hidden = set(panel.tasks.hidden[row].items.tolist())
        ranked = set(np.flatnonzero(panel.candidates).tolist()) - hidden
        assert asked <= ranked
        # what is left of her history is only what she met of the test items without liking it
        disliked = {i for i, value in zip(*_events(data, panel.tasks.users[row]), strict=True) if value < 4}
        assert ranked & met <= asked | disliked


def _events(data, user):
    one = data.histories[int(user)]
    return one.items.tolist(), one.values.tolist()


def test_all_events_are_likes_when_asked(data):
    panels = {likes: ColdItem(likes=likes).split(data).test[0] for likes in ("threshold", "all")}
    assert len(panels["all"].tasks.query.items) > len(panels["threshold"].tasks.query.items)
    assert ColdItem(likes="all").notes
    assert ColdItem(likes="all").split(data).train.like_from is None


def test_cold_items_are_ranked_both_ways(data):
    report = evaluate({"floor": recommender("random")}, data, ColdItem(likes="all", k=5))
    alone, among = (report.mean("floor", "recall@5" + ending, [0]) for ending in ("", AMONG_ALL))
    assert alone > among
    assert "among all" in report.table()


def test_users_of_both_cold_are_new(data):
    split = ColdBoth(pool=5, shots=(0, 5)).split(data)
    tested = set(data.user_ids[split.test[0].tasks.users])
    assert tested
    assert not tested & set(split.train.user_ids)
    assert {panel.k for panel in split.validate} == {0, 5}


def test_no_cold_likes_at_all_are_refused():
    with pytest.raises(BadInput, match="cold item"):
        ColdBoth(pool=5, shots=(0,)).split(make_data(n_users=4))
