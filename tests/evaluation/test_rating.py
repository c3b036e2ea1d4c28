import numpy as np
import pytest

from tests.evaluation.toys import Fixed, make_data
from warmstart.core.errors import BadInput
from warmstart.core.histories import Histories
from warmstart.evaluation.evaluate import evaluate
from warmstart.evaluation.foretell import RatingMeasurer
from warmstart.evaluation.rating import Rating
from warmstart.evaluation.statistics import estimate
from warmstart.evaluation.values import Biases, Logistic, PredictsLikes, PredictsValues, slope
from warmstart.recommenders.table import recommender

NEW_USER = Rating(new=("user",), least=13, most=60)


class Seer(Fixed):
    """Knows the values that the toy world's users give, up to a noise of a given size."""

    name = "seer"

    def __init__(self, world=None, noise=0.0, **settings):
        super().__init__(**settings)
        self.world, self.noise = world, noise

    def predict_values(self, histories, users=None):
        rng = np.random.default_rng(len(histories))
        truth = self.world.histories.matrix(self.world.n_items).toarray()
        # a toy user is told by what she was shown, for recommenders know no user numbers
        rows = [np.abs(truth - one).sum(axis=1).argmin() for one in self._dense(histories, truth)]
        return (truth[rows] + self.noise * rng.normal(size=(len(rows), truth.shape[1]))).astype(np.float32)

    def _dense(self, histories, truth):
        for row in range(len(histories)):
            one = histories[row]
            shown = np.zeros((len(truth), truth.shape[1]))
            shown[:, one.items] = one.values
            yield np.where(shown > 0, shown, truth)


class Believer(Seer):
    """Also gives chances of a like."""

    name = "believer"

    def predict_likes(self, histories, users=None):
        return (self.predict_values(histories) >= 4).astype(np.float32)


def at(report, model, measure):
    return next(one for (name, _, kind), one in report.estimates.items() if (name, kind) == (model, measure))


def test_a_seer_is_perfect(data):
    split = NEW_USER.split(data)
    model = Seer(data).fit(split.train)
    assert isinstance(model, PredictsValues)
    assert not isinstance(model, PredictsLikes)
    found = NEW_USER.measurer(model, split)(split.test[0])
    means = {name: estimate([one])[0].mean for name, one in found.items()}
    assert means["mae"] == means["rmse"] == 0
    assert means["ndcg@5"] == means["accuracy"] == means["f1"] == 1


def test_given_chances_are_used(data):
    split = NEW_USER.split(data)
    model = Believer(data).fit(split.train)
    found = NEW_USER.measurer(model, split)(split.test[0])
    assert estimate([found["cross_entropy"]])[0].mean < 1e-6


def test_noise_costs(data):
    split = NEW_USER.split(data)
    errors = [
        estimate([NEW_USER.measurer(Seer(data, noise).fit(split.train), split)(split.test[0], ["mae"])["mae"]])[0].mean
        for noise in (0.1, 1.0)
    ]
    assert errors[0] < 0.2 < errors[1]


def test_scores_that_follow_taste_beat_the_biases_alone(data):
    report = evaluate(["item_knn"], data, NEW_USER)
    assert at(report, "item_knn", "mae").mean < at(report, "item mean + user bias", "mae").mean


def test_random_scores_are_weighted_away(data):
    report = evaluate(["random"], data, NEW_USER)
    assert at(report, "random", "mae").mean == pytest.approx(at(report, "item mean + user bias", "mae").mean, abs=0.03)


def test_the_random_floor_stands_beside(data):
    report = evaluate(["random"], data, NEW_USER)
    floor = at(report, "random floor", "ndcg@5").mean
    assert at(report, "random", "ndcg@5").low < floor + 0.15
    assert 0 < floor < 1
    assert "random floor" in report.table()


def test_new_items_have_measures_of_their_own():
    world = make_data(n_users=100, n_items=60)
    protocol = Rating(query=3, least=4, most=60, cold=0.4)
    split = protocol.split(world)
    assert [panel.label for panel in split.test] == ["", " new item", " both new"]
    cold = np.bincount(split.train.histories.items, minlength=world.n_items) == 0
    assert not cold[split.test[0].tasks.query.items].any()
    for panel in split.test[1:]:
        assert cold[panel.tasks.query.items].all()
    report = evaluate(["popularity"], world, protocol)
    assert {"mae", "mae new item", "mae both new"} <= set(report.measures)
    assert report.shots == [split.test[0].k]


def test_shots_cut_the_support_and_keep_the_query(data):
    split = Rating(new=("user",), shots=(1, 5), most=60).split(data)
    assert [panel.k for panel in split.test] == [1, 5]
    assert [set(panel.tasks.support.lengths.tolist()) for panel in split.test] == [{1}, {5}]
    assert split.test[0].tasks.query.items.tolist() == split.test[1].tasks.query.items.tolist()


def test_data_without_values_are_refused():
    with pytest.raises(BadInput, match="every event is a like"):
        NEW_USER.split(make_data(rated=False))


def test_users_with_too_few_events_are_refused(data):
    with pytest.raises(BadInput, match="smaller least"):
        Rating(new=("user",), least=90, most=100).split(data)


def test_biases_shrink_to_what_is_known(data):
    loose, tight = (Biases.of(data, item_shrinkage=s, user_shrinkage=1.0) for s in (0.0, 1e9))
    values = data.histories.values
    first = values[data.histories.items == 0]
    assert loose.item_means[0] == pytest.approx(first.mean())
    assert tight.item_means[0] == pytest.approx(values.mean(), abs=1e-3)
    assert loose.user_bias(Histories.of([[]])).tolist() == [0.0]


def test_at_is_predict_at(data):
    biases = Biases.of(data, 3.0, 2.0)
    support, query = Histories.of([[0, 1], [2]], [[5.0, 4.0], [1.0]]), Histories.of([[3], [4, 5]])
    whole = biases.predict(support)[query.rows, query.items]
    np.testing.assert_allclose(biases.at(support, query), whole)


def test_logistic_finds_the_curve_that_made_the_data():
    rng = np.random.default_rng(0)
    values = rng.uniform(1, 5, 20_000)
    liked = rng.random(20_000) < 1 / (1 + np.exp(-(2 * values - 7)))
    curve = Logistic.of(values, liked)
    assert curve.steepness == pytest.approx(2, abs=0.1)
    assert curve.offset == pytest.approx(-7, abs=0.3)


@pytest.mark.parametrize("liked", [[True] * 4, [False] * 4, [False, False, True, True]])
def test_logistic_stays_finite_where_there_is_nothing_to_learn(liked):
    curve = Logistic.of(np.array([1.0, 2.0, 3.0, 4.0]), np.array(liked))
    assert np.isfinite(curve(np.array([1.0, 5.0]))).all()


def test_slope_is_least_squares_with_much_data():
    scores = np.random.default_rng(0).normal(size=100_000)
    assert slope(0.3 * scores, scores) == pytest.approx(0.3, abs=1e-3)


def test_values_stay_on_the_scale(data):
    split = NEW_USER.split(data)
    measurer = RatingMeasurer(recommender("popularity").fit(split.train), split, k=5)
    assert measurer.range == (1.0, 5.0)
