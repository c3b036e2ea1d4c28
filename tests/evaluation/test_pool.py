import numpy as np
import pytest

from warmstart.core.errors import BadInput
from warmstart.evaluation.cold_user import ColdUser
from warmstart.evaluation.evaluate import evaluate
from warmstart.evaluation.pool import pooled
from warmstart.evaluation.report import Report
from warmstart.evaluation.statistics import Measured


@pytest.fixture(scope="module")
def reports(data):
    return [evaluate(["random", "popularity"], data, ColdUser(pool=10, shots=(0, 5), seed=seed)) for seed in (0, 1)]


def test_all_users_of_all_seeds_count_alike(reports):
    whole = pooled(reports)
    for key, one in whole.values.items():
        apart = np.concatenate([report.values[key].values for report in reports])
        assert one.values.tolist() == apart.tolist()
        assert whole.estimates[key].mean == pytest.approx(np.average(apart, weights=one.weights))
    assert whole.models == reports[0].models
    assert whole.compare("popularity", "random").ratio.n == sum(len(r.values["random", 5, "ndcg@10"]) for r in reports)


def test_a_pooled_report_says_what_it_is_made_of_and_keeps(reports):
    whole = pooled(reports)
    assert "seeds 0, 1" in whole.text()
    assert set(whole.about["split"]) == {"seed 0", "seed 1"}
    assert whole.costs["random"].peak_mb == max(one.costs["random"].peak_mb for one in reports)
    assert Report.from_json(whole.to_json(values=True)).values.keys() == whole.values.keys()


def test_one_report_is_itself(reports):
    assert pooled(reports[:1]) is reports[0]


def test_reports_that_do_not_fit_each_other_are_refused(reports, data):
    other = evaluate(["random"], data, ColdUser(pool=10, shots=(0, 5)))
    for wrong in ([], [reports[0], other], [Report.from_json(one.to_json()) for one in reports]):
        with pytest.raises(BadInput, match="pool"):
            pooled(wrong)


def test_sizes_that_depend_on_the_users_drawn_are_matched_in_order():
    def report(k, *values):
        about = {"settings": {"seed": k}, "split": {}, "headline": "mae"}
        return Report.of(about, {("one", k, "mae"): Measured(np.array(values))})

    whole = pooled([report(7, 1.0, 2.0), report(9, 6.0)])
    assert whole.shots == [7]
    assert whole.mean("one", shots=[7]) == pytest.approx(3.0)
