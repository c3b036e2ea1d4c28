import time

import numpy as np

from warmstart.core.histories import Histories
from warmstart.evaluation.cost import Stopwatch, adapt_microseconds, peak_memory
from warmstart.recommenders.table import recommender


def test_waiting_is_wall_time_and_working_is_cpu_time():
    watch = Stopwatch()
    with watch.running():
        time.sleep(0.05)
    assert watch.wall >= 0.05
    assert watch.cpu < 0.04


def test_only_the_making_of_tracked_items_is_watched():
    watch = Stopwatch()
    for _ in watch.track(iter(range(3))):
        time.sleep(0.02)
    assert watch.wall < 0.03


def test_tracking_yields_everything_falsy_values_too():
    assert list(Stopwatch().track([0, "", np.zeros(1).sum()])) == [0, "", 0.0]


def test_memory_is_seen():
    watch = Stopwatch()
    before = peak_memory()
    with watch.running():
        block = np.ones(64 * 2**20 // 8)
    assert block.sum() > 0
    assert watch.peak_mb > 60
    assert before > 10


def test_adapting_nobody_has_no_time(data):
    model = recommender("popularity").fit(data)
    assert np.isnan(adapt_microseconds(model, Histories.of([])))
    assert adapt_microseconds(model, Histories.of([[1, 2]])) > 0
