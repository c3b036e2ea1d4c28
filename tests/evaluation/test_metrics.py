import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

import warmstart as ws
from warmstart.core.histories import Histories
from warmstart.core.ranking import top_k
from warmstart.evaluation import metrics
from warmstart.evaluation.protocol import Measurer
from warmstart.evaluation.statistics import estimate

FEW = settings(max_examples=60, deadline=None)


@st.composite
def boards(draw):
    """Scores with ties and hidden items, and a non-empty query among what is ranked, for some users."""
    n, n_items = draw(st.integers(1, 4)), draw(st.integers(2, 12))
    seed = draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    scores = rng.integers(-2, 4, (n, n_items)).astype(np.float32)
    hidden = rng.random((n, n_items)) < 0.2
    hidden[:, rng.integers(n_items)] = False
    scores[hidden] = -np.inf
    query = [
        rng.choice(open_ := np.flatnonzero(~row), rng.integers(1, len(open_) + 1), replace=False) for row in hidden
    ]
    return scores, Histories.of([sorted(row.tolist()) for row in query])


def judged(scores, query, k):
    top = metrics.top_items(scores, k)
    return metrics.hits_of(top, query, scores.shape[1]), query.lengths


def reference(scores, query, measures):
    """pytrec-eval on the same rankings, ties given away by rank."""
    qrel = {str(u): {str(i): 1 for i in query[u].items.tolist()} for u in range(len(query))}
    run = {}
    for user, row in enumerate(scores):
        order = top_k(row, len(row))
        run[str(user)] = {str(item): float(len(row) - rank) for rank, item in enumerate(order)}
    found = pytrec_eval.RelevanceEvaluator(qrel, measures).evaluate(run)
    return [found[str(user)] for user in range(len(query))]


@FEW
@given(boards(), st.integers(1, 14))
def test_the_top_of_a_block_is_the_top_of_each_row(board, k):
    scores, _ = board
    for row, top in zip(scores, metrics.top_items(scores, k), strict=True):
        expected = top_k(row, k).tolist()
        assert top.tolist() == expected + [-1] * (len(top) - len(expected))


def test_negative_zero_ties_with_zero():
    scores = np.array([[-0.0, 0.0, -0.0]], dtype=np.float32)
    assert metrics.top_items(scores, 3).tolist() == [[0, 1, 2]]


@FEW
@given(boards(), st.sampled_from([1, 3, 5, 10]))
def test_golden_against_pytrec_eval(board, k):
    scores, query = board
    hits, relevant = judged(scores, query, k)
    names = {f"ndcg_cut.{k}", f"recall.{k}", f"P.{k}", f"success.{k}", f"map_cut.{k}", "recip_rank"}
    golden = reference(scores, query, names)
    ours = {
        f"ndcg_cut_{k}": metrics.ndcg(hits, relevant, k),
        f"recall_{k}": metrics.recall(hits, relevant, k),
        f"P_{k}": metrics.precision(hits, relevant, k),
        f"success_{k}": metrics.hit_rate(hits, relevant, k),
        # trec_eval divides by the size of the query, this library by what k places can hold
        f"map_cut_{k}": metrics.average_precision(hits, relevant, k) * np.minimum(relevant, k) / relevant,
        "recip_rank": metrics.reciprocal_rank(scores, query),
    }
    for name, values in ours.items():
        np.testing.assert_allclose(values, [user[name] for user in golden], atol=1e-6, err_msg=name)


@FEW
@given(boards())
def test_auc_against_scikit_learn(board):
    scores, query = board
    for user, value in enumerate(metrics.auc(scores, query)):
        ranked = np.flatnonzero(scores[user] > -np.inf)
        truth = np.isin(ranked, query[user].items)
        if truth.all():
            assert np.isnan(value)
        else:
            assert value == pytest.approx(roc_auc_score(truth, scores[user][ranked]))


@FEW
@given(boards())
def test_a_perfect_ranking_is_one(board):
    scores, query = board
    scores = np.where(np.isfinite(scores), 0, scores).astype(np.float32)
    scores[query.rows, query.items] = 1
    k = scores.shape[1]
    hits, relevant = judged(scores, query, k)
    for measure in (metrics.ndcg, metrics.recall, metrics.hit_rate, metrics.average_precision):
        assert measure(hits, relevant, k).tolist() == pytest.approx([1.0] * len(scores))
    assert metrics.reciprocal_rank(scores, query).tolist() == [1.0] * len(scores)
    assert set(metrics.auc(scores, query)[~np.isnan(metrics.auc(scores, query))]) <= {1.0}


@FEW
@given(boards(), st.integers(1, 12))
def test_a_user_does_not_depend_on_the_others(board, k):
    scores, query = board
    order = np.arange(len(scores))[::-1]
    hits, relevant = judged(scores, query, k)
    forward = metrics.ndcg(hits, relevant, k)
    hits, relevant = judged(scores[order], query[order], k)
    backward = metrics.ndcg(hits, relevant, k)
    assert forward[order].tolist() == backward.tolist()


def test_an_empty_query_has_no_measure():
    hits, relevant = np.zeros((1, 5), dtype=bool), np.array([0])
    for measure in (
        metrics.ndcg,
        metrics.recall,
        metrics.precision,
        metrics.hit_rate,
        metrics.average_precision,
    ):
        assert np.isnan(measure(hits, relevant, 5)).all()
    empty = Histories.of([[]])
    row = np.zeros((1, 3), dtype=np.float32)
    assert np.isnan(metrics.auc(row, empty)).all()
    assert np.isnan(metrics.reciprocal_rank(row, empty)).all()


def test_a_hidden_query_item_is_never_found():
    scores = np.array([[-np.inf, 1.0]], dtype=np.float32)
    query = Histories.of([[0]])
    assert metrics.reciprocal_rank(scores, query).tolist() == [0.0]
    assert not judged(scores, query, 2)[0].any()


@FEW
@given(st.lists(st.integers(0, 20), min_size=1, max_size=15))
def test_gini_against_its_definition(shown):
    counts = np.array(shown)
    if not counts.sum():
        assert np.isnan(metrics.gini(counts))
        return
    gaps = np.abs(counts[:, None] - counts[None, :]).sum()
    assert metrics.gini(counts) == pytest.approx(gaps / (2 * len(counts) * counts.sum()))


def test_coverage_counts_items_not_places():
    assert metrics.coverage(np.array([9, 1, 0, 0]), 4) == 0.5
    assert np.isnan(metrics.coverage(np.zeros(0, dtype=np.int64), 0))


def test_self_information_is_high_for_the_rare_and_ignores_empty_places():
    counts = np.array([99, 0])
    found = metrics.self_information(np.array([[0, -1], [1, -1], [-1, -1]]), counts, n_users=99)
    np.testing.assert_allclose(found, [0.0, np.log2(100), np.nan])


def test_fitness_is_the_loss_over_that_of_popularity():
    data = ws.load_dataset("movielens-small")
    split = ws.ColdUser(shots=(0, 5)).split(data)
    panel = split.test[1]
    popular, ease = (ws.recommender(name).fit(split.train) for name in ("popularity", "ease"))
    names = ["fitness@10", "ndcg@10"]
    found = {model.name: Measurer(model, names)(panel) for model in (popular, ease)}
    losses = {name: 1 - one["ndcg@10"].values for name, one in found.items()}
    assert estimate([found["popularity"]["fitness@10"]])[0].mean == pytest.approx(1)
    wanted = losses["ease"].sum() / losses["popularity"].sum()
    assert estimate([found["ease"]["fitness@10"]])[0].mean == pytest.approx(wanted)
    np.testing.assert_allclose(found["ease"]["fitness@10"].values, losses["ease"] / losses["popularity"])
