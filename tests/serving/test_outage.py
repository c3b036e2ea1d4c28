"""When the store goes away answers go on, marked as what they are; nothing that was acknowledged is lost."""

import pytest

from warmstart.core.errors import StoreUnavailable


@pytest.fixture
def broken(monkeypatch):
    """Return what makes a store stop answering, and come back."""

    def set_to(store, gone):
        def fail(*_):
            message = "gone"
            raise StoreUnavailable(message)

        if gone:
            monkeypatch.setattr(store.database, "fetch", fail)
            monkeypatch.setattr(store, "read", fail)
        else:
            monkeypatch.undo()

    return set_to


def test_whoever_is_warm_is_answered_from_memory(sqlite_live, broken):
    shop = sqlite_live.tenant()
    shop.record([{"user_id": "ann", "item_id": "b1"}])
    before = shop.recommend("ann")
    broken(sqlite_live.store, gone=True)
    during = shop.recommend("ann")
    assert during.degraded
    assert not before.degraded
    assert during.items == before.items
    assert during.state_version == before.state_version
    broken(sqlite_live.store, gone=False)
    assert not shop.recommend("ann").degraded


def test_whoever_is_not_gets_what_everybody_likes(sqlite_live, broken):
    shop = sqlite_live.tenant()
    stranger = shop.recommend("nobody")
    shop.record([{"user_id": "ann", "item_id": "b1"}])
    broken(sqlite_live.store, gone=True)
    during = shop.recommend("ann")
    assert (during.degraded, during.evidence, during.items) == (True, "prior", stranger.items)
    assert shop.recommend_to(history=["b1"]).degraded


def test_what_cannot_be_asked_of_memory_is_refused(sqlite_live, broken):
    shop = sqlite_live.tenant()
    broken(sqlite_live.store, gone=True)
    with pytest.raises(StoreUnavailable):
        shop.export("ann")
    with pytest.raises(StoreUnavailable):
        sqlite_live.check()
