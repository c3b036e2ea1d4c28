"""The study of texts measures what the protocol measures, and reads what the door reads."""

import numpy as np
import pytest

from benchmarks import text_study
from benchmarks.text_cold import Cold, Numbers, ratio_of
from benchmarks.text_prior import Prior, judged, sides_of
from benchmarks.text_study import Setting, Study
from benchmarks.text_vectors import LAYERS, POOLINGS, Source, hidden_states
from tests.recommenders.worlds import world
from warmstart.core.run import Run
from warmstart.evaluation.cold_item import ColdItem
from warmstart.evaluation.evaluate import evaluate
from warmstart.meta.learned import Learned
from warmstart.meta.settings import MetaConfig
from warmstart.recommenders.table import recommender
from warmstart.representation.language_model import StaticVectors, open_language_model, unit_rows
from warmstart.representation.text import item_texts

STATIC = Source("static")
PROTOCOL = ColdItem(likes="all")


@pytest.fixture(scope="module")
def data():
    return world(n_users=120, n_items=150)


@pytest.fixture(scope="module")
def study(data):
    with pytest.MonkeyPatch.context() as patch:
        texts = item_texts(data.items, ("title", "genres"))
        patch.setattr(text_study, "vectors_of", lambda *_: [(STATIC, StaticVectors().embed(texts))])
        return Study(data, [0])


def reported(model, data):
    report = evaluate({"row": model}, data, PROTOCOL, trials=0)
    return [report.mean("row", f"{name}@20", [0]) for name in ("recall", "ndcg")]


def test_likeness_alone_is_what_the_content_recommender_does(data, study):
    found = Numbers.of(study.by_user(Setting(str(STATIC), "soft", 32), study.tests(0)))
    model = recommender("content", words=0.0, dimension=32, columns=("title", "genres"))
    assert [found.recall, found.ndcg] == pytest.approx(reported(model, data), abs=1e-3)


def test_a_view_of_the_item_side_is_what_the_default_recommender_does(study):
    train, people = study.splits[0].train, study.tests(0)[0]
    told = MetaConfig(item_text=False, values=False, tune=False)
    prior = Prior.fit(train, 0, told)
    sides = sides_of([prior], {"static": [study.mapped(Setting(str(STATIC), "soft"))], "none": []}, trials=0)
    found = judged([prior], sides, [people])
    learned = Learned.fit(train, None, told.model_copy(update={"item_text": True}), Run(seed=0))
    theirs = learned.prior.scores(learned.support(people.support))
    np.testing.assert_allclose(found["static"], people.measured(theirs[:, people.cold]), atol=1e-6)
    assert not np.allclose(found["static"], found["none"])


def test_what_is_hidden_is_not_ranked_and_a_sample_is_part_of_the_whole(data, study):
    panel = study.splits[0].test[0]
    whole, some = Cold.of(panel, data.n_items), Cold.of(panel, data.n_items, 50)
    assert len(some.query) == 50 < len(whole.query)
    perfect = np.zeros((50, len(some.cold)), dtype=np.float32)
    perfect[some.query.rows, some.query.items] = 1
    assert Numbers.of(some.measured(perfect)).ndcg == 1


def test_a_row_beside_itself_is_once_as_good():
    row = np.random.default_rng(0).random((40, 2))
    assert ratio_of(row, row) == {"recall@20": [1, 1, 1], "ndcg@20": [1, 1, 1]}
    low, high = ratio_of(2 * row, row[::-1])["ndcg@20"][1:]
    assert low < 2 < high


@pytest.mark.llm
def test_many_layers_in_one_pass_are_those_of_the_door(tmp_path):
    texts = ["Heat (1995) Action Crime", "Alien (1979)", "七人の侍"]
    states = hidden_states(texts, tmp_path)
    assert np.array_equal(hidden_states(texts[::-1], tmp_path)[::-1], states)
    for layer, pooling in ((10, "mean"), (20, "weighted"), (30, "last")):
        theirs = open_language_model("smollm2", layer=-1 if layer == LAYERS[-1] else layer, pooling=pooling).embed(
            texts
        )
        ours = unit_rows(states[:, LAYERS.index(layer), POOLINGS.index(pooling)])
        assert np.allclose(ours, theirs, atol=2e-3)
