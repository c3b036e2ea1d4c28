"""From the log to a new model, and from one model to another while people are being answered."""

import threading
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import warmstart as ws
from tests.serving.servers import served
from tests.serving.shop import shop_data, shop_model
from warmstart.core.errors import BadInput, NotFound
from warmstart.core.events import Event
from warmstart.core.seal import version_of
from warmstart.data.doubt import without_suspects
from warmstart.serving.http.settings import ServeConfig
from warmstart.serving.live import Live
from warmstart.serving.settings import LiveConfig
from warmstart.serving.store import kept
from warmstart.serving.store.entries import Entry, user
from warmstart.serving.training import dataset_of, import_data


def test_tables_come_back_from_the_log_as_they_went_in(store):
    data = shop_data()
    events, items = import_data(store, data, "shop")
    assert (events, items) == (len(data.histories.items), data.n_items)
    back = dataset_of(store, "shop", like_from=4.0)
    assert (back.n_users, back.n_items, back.like_from) == (data.n_users, data.n_items, data.like_from)
    by_name = {str(name): place for place, name in enumerate(back.user_ids)}
    for place, name in enumerate(data.user_ids.tolist()):
        one, other = data.histories[place], back.histories[by_name[f"user:{name}"]]
        ids = [[data.item_ids[item] for item in one.items], [back.item_ids[item] for item in other.items]]
        values = [
            dict(zip(names, rows.values.tolist(), strict=True)) for names, rows in zip(ids, (one, other), strict=True)
        ]
        assert values[0] == values[1]
    assert import_data(store, data, "shop")[0] == 0
    assert back.items is not None
    assert set(back.items["genres"].to_list()) == {"Comedy", "Horror", "Western"}


def test_what_types_say_makes_likes_where_nothing_is_rated(sqlite_live):
    shop = sqlite_live.tenant("shop")
    said = [("ann", "b1", "like"), ("ann", "b2", "dislike"), ("ann", "b3", "view"), ("bob", "b1", "purchase")]
    shop.record([{"user_id": who, "item_id": item, "type": kind} for who, item, kind in said])
    shop.describe("ann", {"town": "t1"})
    data = dataset_of(sqlite_live.store, "shop")
    assert data.item_ids == ["b1", "b2"]
    assert data.liked.sum() == 2
    assert data.users is not None
    assert data.users["town"].to_list() == ["t1", None]


def test_whoever_was_erased_is_not_trained_on(sqlite_live):
    shop = sqlite_live.tenant("shop")
    for who in ("ann", "bob"):
        shop.record([{"user_id": who, "item_id": "b1"}, {"user_id": who, "item_id": "b2"}])
        shop.describe(who, {"town": "t1"})
    shop.erase("ann")
    data = dataset_of(sqlite_live.store, "shop")
    assert data.user_ids.tolist() == ["user:bob"]
    assert data.users is not None
    assert len(data.users) == 1


def test_undone_events_are_not_trained_on(sqlite_live):
    shop = sqlite_live.tenant("shop")
    shop.record([{"user_id": "ann", "item_id": "b1"}, {"user_id": "ann", "item_id": "b2", "event_id": "slip"}])
    shop.undo("slip")
    assert dataset_of(sqlite_live.store, "shop").item_ids == ["b1"]


def test_a_burst_by_one_account_is_one_like(sqlite_live):
    shop = sqlite_live.tenant("shop")
    shop.record([{"user_id": "bob", "item_id": "b1"}, {"user_id": "bob", "item_id": "b2"}])
    for part in range(4):
        shop.record([{"user_id": "ann", "item_id": "b1", "event_id": f"{part}-{one}"} for one in range(500)])
    data = dataset_of(sqlite_live.store, "shop")
    counts = np.bincount(data.histories.items, minlength=data.n_items)
    assert dict(zip(data.item_ids, counts.tolist(), strict=True)) == {"b1": 2, "b2": 1}


def test_fakes_are_left_out_where_asked_and_nobody_else(store):
    """Fakes like what comes, and a new item that nobody has met."""
    data, rng = shop_data(), np.random.default_rng(3)
    import_data(store, data, "shop")
    rows = [(f"fake{one}", item) for one in range(15) for item in [*rng.choice(60, 12, replace=False).tolist(), 60]]
    events = [Event(f"{who}-{item}", f"b{item}", "like", 0.0) for who, item in rows]
    store.log("shop", [Entry(e, user(who), e.event_id) for e, (who, _) in zip(events, rows, strict=True)]).result(10)
    everybody = dataset_of(store, "shop", like_from=4.0)
    checked = without_suspects(dataset_of(store, "shop", like_from=4.0))
    assert everybody.n_users == data.n_users + 15
    left = set(everybody.user_ids.tolist()) - set(checked.user_ids.tolist())
    assert len(left) >= 12
    assert all(name.startswith("user:fake") for name in left)
    assert checked.item_ids == everybody.item_ids


def test_without_fakes_nobody_is_left_out(store):
    import_data(store, shop_data(), "shop")
    assert without_suspects(dataset_of(store, "shop")).n_users == shop_data().n_users


def test_nothing_to_train_on_is_said(sqlite_live):
    with pytest.raises(BadInput, match="Send events first"):
        dataset_of(sqlite_live.store, "shop")


@pytest.fixture
def two_models(tmp_path):
    """Folders of two models that rank differently."""
    other = ws.recommender("popularity").fit(shop_data())
    return shop_model().save(tmp_path / "one"), other.save(tmp_path / "two")


def test_models_are_swapped_and_rolled_back_without_a_failed_request(two_models, tmp_path):
    first = two_models[0]
    versions = [version_of(folder) for folder in two_models]
    store = f"sqlite:///{tmp_path}/w.db"
    with served(ServeConfig(model=str(first), store=store)) as address, ws.connect(address) as shop:
        live = Live.open(first, store)
        for folder, version in zip(two_models, versions, strict=True):
            live.store.write(partial(kept.add_model, version=version, path=str(folder), activate=False)).result(10)
        live.close()
        shop.record([{"user_id": "ann", "item_id": "b1"}])
        seen, failed, stop = [], [], threading.Event()

        def ask():
            with ws.connect(address) as client:
                while not stop.is_set():
                    try:
                        seen.append(client.recommend("ann").model_version)
                    except Exception as error:  # noqa: BLE001 (whatever fails is counted)
                        failed.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        try:
            for version in [versions[1], versions[0]] * 10:
                shop._send("POST", f"/v1/models/{version}:activate")
                assert shop.recommend("ann").model_version == version
        finally:
            stop.set()
            thread.join(10)
        assert not failed
        assert set(seen) <= set(versions)
        assert shop.recommend("ann").evidence == "few-shot"


def test_a_model_that_cannot_be_loaded_changes_nothing(two_models, tmp_path):
    first, second = two_models
    live = Live.open(first, f"sqlite:///{tmp_path}/w.db")
    try:
        version = live.shelf.present.version
        with pytest.raises(NotFound):
            live.activate("never")
        live.store.write(lambda connection: kept.add_model(connection, "broken", str(tmp_path / "none"))).result(10)
        live.knowledge._next_look = 0.0
        assert live.tenant().recommend("ann").model_version == version
        assert live.shelf._loading is not None
        live.shelf._loading.join(10)
        live.knowledge.take_active_model()
        assert live.tenant().recommend("ann").model_version == version
        name = version_of(second)
        live.store.write(lambda connection: kept.add_model(connection, name, str(second))).result(10)
        live.knowledge._next_look = 0.0
        live.tenant().recommend("ann")
        live.shelf._loading.join(10)
        assert live.tenant().recommend("ann").model_version == name
    finally:
        live.close()


def test_a_profile_is_the_same_warm_and_folded_anew(sqlite_live, rng):
    """The log is the truth: what is kept in memory is what the log comes to."""
    shop = sqlite_live.tenant("shop")
    kinds = np.array(["like", "dislike", "view", "rating", "dismiss", "impression"])
    for number in range(60):
        item, kind = f"b{rng.integers(60)}", str(rng.choice(kinds))
        shop.record([{"user_id": "ann", "item_id": item, "type": kind, "value": 4.5, "timestamp": float(number)}])
        shop.recommend("ann")
    warm = shop.recommend("ann", n=60)
    sqlite_live.knowledge.profiles.drop("shop", "user:ann")
    cold = shop.recommend("ann", n=60)
    assert [row.item_id for row in warm.items] == [row.item_id for row in cold.items]
    one, other = ([row.score or 0.0 for row in found.items] for found in (warm, cold))
    assert one == pytest.approx(other, abs=1e-6)


def test_memory_of_a_person_is_small(sqlite_live):
    shop = sqlite_live.tenant("shop")
    shop.record([{"user_id": "ann", "item_id": f"b{item}", "type": "view"} for item in range(20)])
    shop.recommend("ann")
    warm = sqlite_live.knowledge.profiles.get("shop", "user:ann")
    assert len(warm.rows) + len(warm.seen) <= 24 * 20


def test_a_change_of_taste_lets_older_events_fade(sqlite_live, monkeypatch):
    """What drift says of a history is what the answer rests on, where it was switched on."""
    shop, knowledge = sqlite_live.tenant("shop"), sqlite_live.knowledge
    shop.record([{"user_id": "ann", "item_id": f"b{item}", "timestamp": float(item)} for item in range(12)])
    knowledge.config = LiveConfig(notice_drift=False)
    plain = shop.recommend("ann", n=20)
    weights = np.linspace(0.1, 1.0, 12).astype(np.float32)
    monkeypatch.setattr("warmstart.serving.knowing.faded", lambda _, history, __: replace(history, weights=weights))
    knowledge.config = LiveConfig(notice_drift=True)
    knowledge.profiles.drop("shop", "user:ann")
    moved = shop.recommend("ann", n=20)
    assert moved.items != plain.items
    assert knowledge.drifted == 1
    assert shop.recommend("ann", n=20).items == moved.items
    knowledge.config = LiveConfig(notice_drift=False)
    knowledge.profiles.drop("shop", "user:ann")
    assert shop.recommend("ann", n=20).items == plain.items


def test_what_somebody_says_of_herself_is_no_attribute_to_learn_from(sqlite_live):
    shop = sqlite_live.tenant("shop")
    shop.record([{"user_id": "ann", "item_id": "b1"}, {"user_id": "bob", "item_id": "b2"}])
    shop.describe("ann", {"text": "I like Western."})
    assert dataset_of(sqlite_live.store, "shop").users is None
    shop.describe("bob", {"text": "I like Comedy.", "town": "t1"})
    users = dataset_of(sqlite_live.store, "shop").users
    assert users is not None
    assert users.columns == ["user_id", "town"]


def test_of_sentences_as_many_stay_read_as_there_is_room_for(sqlite_live, monkeypatch):
    monkeypatch.setattr("warmstart.serving.profiles.MOST_SPOKEN", 3 * 60)
    shop = sqlite_live.tenant("shop")
    for person in range(9):
        shop.describe(f"user{person}", {"text": "I like Western."})
    lists = [shop.recommend(f"user{person}").items for person in range(9)]
    assert len(sqlite_live.knowledge.profiles._spoken) == 3
    assert all(one == shop.recommend_to(text="I like Western.").items for one in lists)
