"""The quick exam says what ranking the slow way says."""

import numpy as np
import pytest

from tests.meta.worlds import prior_of, random_episodes
from warmstart.core.histories import Histories
from warmstart.core.tasks import Tasks
from warmstart.meta import exam
from warmstart.meta.evidence import support_of
from warmstart.meta.exam import Exam, ndcg_of
from warmstart.meta.kshot import Form
from warmstart.meta.parameters import MetaParameters

PARAMETERS = MetaParameters(gain_few=1.5, sharpness_few=0.7, taste_share_many=0.3, dislike_weight=0.4)


def some_tasks(count: int) -> Tasks:
    """Thirty people of whom ``count`` events have been seen, every third no like; the next four are to be found."""
    rng = np.random.default_rng(5)
    orders = [rng.permutation(60) for _ in range(30)]
    seen = [order[:count].tolist() for order in orders]
    values = [[1.0 if place % 3 == 2 else 5.0 for place in range(count)] for _ in orders]
    asked = Histories.of([order[count : count + 4].tolist() for order in orders])
    return Tasks(Histories.of(seen, values), asked, Histories.of(seen), np.arange(30))


@pytest.mark.parametrize("most", [45, 1_500])
@pytest.mark.parametrize("count", [1, 5, 20])
@pytest.mark.parametrize("form", ["dense", "users", "low-rank"])
def test_an_exam_ranks_as_the_prior_does(form: Form, count: int, most: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exam, "MOST_COLUMNS", most)
    prior, tasks = prior_of(random_episodes(80, 60), form).with_parameters(PARAMETERS), some_tasks(count)
    found = Exam.of(prior, tasks, like_from=4.0, half_life=None)
    assert found is not None
    scores = prior.scores(support_of(tasks.support, 4.0, PARAMETERS))
    asked = np.bincount(tasks.query.items, minlength=60)
    worth = prior.popularity / prior.popularity.max() + asked / asked.max()
    scores[:, np.argsort(-worth, kind="stable")[most:]] = -np.inf
    assert found.ndcg(PARAMETERS) == pytest.approx(ndcg_of(scores, tasks), abs=1e-9)
