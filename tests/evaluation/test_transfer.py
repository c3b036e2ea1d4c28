"""The protocol of another catalogue, and that of people who keep coming."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

import warmstart as ws
from tests.recommenders.worlds import world
from warmstart.core.errors import BadConfig, BadInput
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import LEAST_QUERY
from warmstart.evaluation import transfer
from warmstart.evaluation.continual import Continual
from warmstart.evaluation.transfer import Transfer, only_items
from warmstart.meta.recommender import MetaRecommender
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.popularity import Popularity


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    found = replace(world(n_users=60, n_items=24), name="source")
    monkeypatch.setattr(transfer, "load_dataset", lambda _: found)
    monkeypatch.setattr(transfer, "MetaRecommender", _Quick)
    transfer._trained.cache_clear()
    transfer._carried_over.cache_clear()
    return found


class _Quick(MetaRecommender):
    """Untuned, for a test."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**{**settings, "tune": False})


def target(n_users: int = 60) -> Dataset:
    """Return histories that are long enough for a small pool."""
    return world("str", seed=1, n_users=n_users, n_items=24)


SMALL = {"source": "source", "pool": 1, "shots": (0, 1), "k": 3}


def _protocol(**settings: object) -> Transfer:
    return Transfer(**{**SMALL, **settings})


@pytest.fixture
def least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEAST_QUERY, "likes", 1)


@pytest.mark.usefixtures("source", "least")
def test_test_users_are_the_same_for_every_number_met():
    splits = {users: _protocol(users=users).split(target()) for users in (0, 5, 1000)}
    assert {users: split.train.n_users for users, split in splits.items()} == {0: 0, 5: 5, 1000: 33}
    tested = [split.test[0].tasks.users.tolist() for split in splits.values()]
    assert tested[0] == tested[1] == tested[2]
    assert tested[0]


@pytest.mark.usefixtures("source", "least")
def test_nobody_met_is_tested_or_judges():
    data = target()
    split = _protocol(users=1000).split(data)
    met = set(split.train.user_ids.tolist())
    for panel in (*split.validate, *split.test):
        assert not met & set(data.user_ids[panel.tasks.users].tolist())


@pytest.mark.usefixtures("source", "least")
@pytest.mark.parametrize("users", [0, 8])
def test_a_report_has_the_row_that_was_carried_over(users):
    report = ws.evaluate(["popularity"], target(), _protocol(users=users))
    assert report.models == ["popularity", "meta, carried over from source"]
    assert 0 < report.mean("meta, carried over from source", shots=[1]) <= 1


@pytest.mark.usefixtures("least")
def test_a_title_stands_in_one_catalogue_only_when_that_is_asked_for(source):
    data = replace(target(), catalogue=replace(target().catalogue, titles=source.catalogue.titles))
    protocol = _protocol(same_titles=False)
    split = protocol.split(data)
    theirs = set(protocol.learned(split).catalogue.titles)
    ours = set(split.train.catalogue.titles)
    assert not ours & theirs
    assert ours | theirs == set(source.catalogue.titles)
    assert ours
    assert theirs


def test_a_catalogue_without_some_items():
    data = world()
    kept = np.arange(data.n_items) % 2 == 1
    found = only_items(data, kept)
    assert found.item_ids == data.item_ids[1::2]
    assert len(found.histories.items) == kept[data.histories.items].sum()
    wanted = [data.catalogue.titles[item] for item in data.histories.items if kept[item]]
    assert [found.catalogue.titles[item] for item in found.histories.items] == wanted


@pytest.mark.usefixtures("source")
def test_too_little_data_and_wrong_settings_are_refused():
    with pytest.raises(BadInput, match="smaller pool"):
        Transfer(source="source").split(target())
    with pytest.raises(BadConfig, match="source"):
        _protocol(source=None)
    with pytest.raises(BadConfig, match="users"):
        Transfer(source="source", users=-1)


def _newest(_: Recommender | None, seen: Sequence[Dataset]) -> Recommender:
    return Popularity().fit(seen[-1])


def _first(last: Recommender | None, seen: Sequence[Dataset]) -> Recommender:
    return last or Popularity().fit(seen[0])


@pytest.mark.usefixtures("least")
def test_who_never_learns_never_forgets():
    settings = Continual(periods=3, shots=(1,), pool=1)
    newest, first = settings.measure({"newest": _newest, "first": _first}, target(90))
    assert first.backward == 0
    assert (first.quality == first.quality[0]).all()
    assert newest.quality.shape == (3, 3)
    assert len(newest.ahead) == 2
    np.testing.assert_array_equal(newest.quality[0], first.quality[0])


@pytest.mark.usefixtures("least")
def test_strategies_see_the_past_only_and_never_those_held_out():
    met: list[list[int]] = []

    def watching(last: Recommender | None, seen: Sequence[Dataset]) -> Recommender:
        met.append([len(one.user_ids) for one in seen])
        return _newest(last, seen)

    Continual(periods=3, shots=(1,), pool=1, held_out=0.5).measure({"watching": watching}, target(90))
    assert met == [[15], [15, 15], [15, 15, 15]]


def test_data_without_times_or_people_are_refused():
    timeless = replace(target(), histories=replace(target().histories, times=None))
    with pytest.raises(BadInput, match="no times"):
        Continual().measure({}, timeless)
    with pytest.raises(BadInput, match="fewer periods"):
        Continual(periods=3).measure({}, target())
