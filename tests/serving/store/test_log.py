"""The log's promises, on SQLite and PostgreSQL alike."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from warmstart.core.errors import Conflict, NotFound
from warmstart.core.events import Event
from warmstart.serving.store import log
from warmstart.serving.store.entries import Entry, session, user
from warmstart.serving.store.store import Store

SHOP = "shop"


def entry(event_id, who="ann", item="i1", kind="like", at=0.0, digest=None, **more):
    return Entry(Event(event_id, item, kind, at), user(who), digest or f"{who} {item} {kind} {at}", **more)


def write(store, work):
    return store.write(work).result(10)


def logged(store, *entries):
    return store.log(SHOP, entries).result(10)


def newest(store, who="ann", most=100, tenant=SHOP):
    return [event.event_id for event in log.newest(store.database, tenant, user(who), most)]


def state(store, who="ann", tenant=SHOP):
    return log.states(store.database, tenant, user(who))[0]


def test_an_event_is_read_back_as_it_came(store):
    one = Event("e1", "i1", "rating", 12.5, 4.0)
    logged(store, Entry(one, user("ann"), "d", "r1", 3, {"page": "home"}))
    assert log.newest(store.database, SHOP, user("ann"), 10) == [one]
    [row] = store.read(lambda connection: log.export(connection, SHOP, user("ann")))
    assert row["recommendation_id"] == "r1"
    assert row["position"] == 3
    assert row["context"] == {"page": "home"}
    assert row["undone"] is False


def test_an_event_has_one_effect_however_often_it_comes(store):
    [first] = logged(store, entry("e1"))
    [again] = logged(store, entry("e1"))
    [other] = logged(store, entry("e1", item="i2"))
    assert (first.status, again.status, other.status) == ("accepted", "duplicate", "conflict")
    assert first.version == again.version == other.version == state(store).version
    assert newest(store) == ["e1"]


def test_one_request_may_repeat_itself(store):
    outcomes = logged(store, entry("e1"), entry("e1"), entry("e1", item="i2"), entry("e2"))
    assert [one.status for one in outcomes] == ["accepted", "duplicate", "conflict", "accepted"]
    assert sorted(newest(store)) == ["e1", "e2"]


def test_every_event_moves_its_subject_and_no_other(store):
    logged(store, entry("e1"), entry("e2", who="bob"))
    before = state(store, "bob").version
    versions = [outcome.version for outcome in logged(store, entry("e3"), entry("e4"))]
    assert versions == sorted(set(versions))
    assert state(store).version == versions[-1]
    assert state(store, "bob").version == before


def test_tenants_do_not_meet(store):
    logged(store, entry("e1"))
    [other] = store.log("other", [entry("e1", item="i9")]).result(10)
    assert other.status == "accepted"
    assert newest(store) == ["e1"]
    assert log.newest(store.database, "other", user("ann"), 9)[0].item_id == "i9"


def test_the_newest_come_first_whatever_the_order_of_arrival(store):
    logged(store, entry("c", at=3.0), entry("a", at=1.0), entry("b", at=2.0), entry("d", at=3.0))
    assert newest(store) == ["d", "c", "b", "a"]
    assert newest(store, most=2) == ["d", "c"]


def test_what_is_undone_is_logged_and_says_nothing(store):
    logged(store, entry("e1"), entry("e2", at=1.0))
    before = state(store).version
    version = write(store, lambda connection: log.undo(connection, SHOP, "e1"))
    assert version > before
    assert newest(store) == ["e2"]
    assert write(store, lambda connection: log.undo(connection, SHOP, "e1")) == version
    assert [row["undone"] for row in store.read(lambda c: log.export(c, SHOP, user("ann")))] == [True, False]
    [again] = logged(store, entry("e1"))
    assert again.status == "duplicate"
    with pytest.raises(NotFound):
        write(store, lambda connection: log.undo(connection, SHOP, "never"))


def test_a_session_becomes_a_user_with_all_that_it_did_and_will_do(store):
    def said(event_id, at):
        return Entry(Event(event_id, "i1", "like", at), session("s"), event_id)

    logged(store, entry("e1", at=1.0), said("e2", 2.0))
    version = write(store, lambda connection: log.merge(connection, SHOP, session("s"), user("ann")))
    assert newest(store) == ["e2", "e1"]
    [late] = logged(store, said("e3", 3.0))
    assert late.version > version
    assert newest(store) == ["e3", "e2", "e1"]
    assert log.states(store.database, SHOP, session("s"))[0].merged_into == user("ann")
    write(store, lambda connection: log.merge(connection, SHOP, session("s"), user("ann")))
    with pytest.raises(Conflict):
        write(store, lambda connection: log.merge(connection, SHOP, session("s"), user("bob")))


def test_erasing_leaves_nothing_and_a_return_is_new(store):
    logged(store, entry("e1"), entry("e2", who="bob"))
    logged(store, Entry(Event("e3", "i1", "like", 0.0), session("s"), "d"))
    write(store, lambda connection: log.merge(connection, SHOP, session("s"), user("ann")))
    before = state(store).version
    receipt = write(store, lambda connection: log.erase(connection, SHOP, user("ann")))
    assert (receipt.events, receipt.profiles) == (2, 2)
    assert state(store).version == 0
    assert newest(store) == []
    assert newest(store, "bob") == ["e2"]
    assert log.states(store.database, SHOP, session("s"))[0].merged_into is None
    [again] = logged(store, entry("e1"))
    assert again.status == "accepted"
    assert again.version > before


def test_attributes_are_kept_beside_the_events(store):
    logged(store, entry("e1"))
    before = state(store).version
    version = write(store, lambda connection: log.describe(connection, SHOP, user("ann"), {"age": 25}))
    assert version > before
    assert state(store).attributes == {"age": 25}
    assert newest(store) == ["e1"]


def test_many_at_once_have_one_effect_each(store):
    ids = [f"e{number}" for number in range(40)]

    def post(event_id):
        return store.log(SHOP, [entry(event_id)]).result(20)[0].status

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(post, ids * 5))
    assert statuses.count("accepted") == len(ids)
    assert statuses.count("duplicate") == 4 * len(ids)
    assert sorted(newest(store)) == sorted(ids)


def test_two_processes_worth_of_writers_agree(url):
    """Two stores have a writer each, as two workers do."""
    one, other = Store.open(url), Store.open(url)
    try:
        ids = [f"e{number}" for number in range(60)]
        futures = [store.log(SHOP, [entry(name)]) for name in ids for store in (one, other)]
        statuses = [future.result(20)[0].status for future in futures]
        assert statuses.count("accepted") == len(ids)
        assert len(set(newest(one))) == len(newest(other)) == len(ids)
        rows = one.read(lambda connection: log.export(connection, SHOP, user("ann")))
        assert len({row["version"] for row in rows}) == len(ids)
        assert max(row["version"] for row in rows) == state(other).version
    finally:
        one.close()
        other.close()


def test_a_session_becomes_one_user_however_many_claim_it_at_once(url):
    stores = [Store.open(url) for _ in range(4)]
    for number in range(10):
        name, users = f"visit{number}", [user(f"{who}{number}") for who in range(4)]
        stores[0].log(SHOP, [Entry(Event(f"e{number}", "i1", "like", 0.0), session(name), "d")]).result(10)
        claims = [
            store.write(partial(log.merge, tenant=SHOP, source=session(name), target=who))
            for store, who in zip(stores, users, strict=True)
        ]
        refused = [isinstance(claim.exception(10), Conflict) for claim in claims]
        owners = [bool(log.newest(stores[0].database, SHOP, who, 10)) for who in users]
        assert refused.count(False) == 1
        assert [not one for one in refused] == owners
    for store in stores:
        store.close()


def test_whoever_is_erased_while_a_session_becomes_her_leaves_nothing(url):
    first, second = Store.open(url), Store.open(url)
    for number in range(15):
        name, who = f"visit{number}", user(f"ann{number}")
        first.log(SHOP, [Entry(Event(f"e{number}", "i1", "like", 0.0), session(name), "d")]).result(10)
        merged = first.write(partial(log.merge, tenant=SHOP, source=session(name), target=who))
        erased = second.write(partial(log.erase, tenant=SHOP, subject=who))
        merged.result(10)
        erased.result(10)
        # whichever came first: either all of it is gone, or she came back with what she did before
        state, events = log.states(first.database, SHOP, who)[0], log.newest(first.database, SHOP, who, 10)
        assert bool(state.version) == bool(events)
        merged_into = log.states(first.database, SHOP, session(name))[0].merged_into
        assert merged_into in ({who} if events else {None})
    first.close()
    second.close()


def test_one_faulty_change_does_not_harm_those_in_the_same_commit(store):
    def fails(_connection):
        message = "a fault of the program"
        raise RuntimeError(message)

    first = store.log(SHOP, [entry("e1")])
    broken = store.write(fails)
    last = store.log(SHOP, [entry("e2")])
    assert first.result(10)[0].status == last.result(10)[0].status == "accepted"
    with pytest.raises(RuntimeError):
        broken.result(10)
    assert sorted(newest(store)) == ["e1", "e2"]
