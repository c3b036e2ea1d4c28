"""Events of many people at once, more than one statement locks, some of them under the session of a user."""

from warmstart.core.events import Event
from warmstart.serving.store import log
from warmstart.serving.store.entries import Entry, session, user

PEOPLE = 2 * log.MOST_LOCKED + 3


def entry(number, subject):
    return Entry(Event(f"e{number}", "i", "like", float(number)), subject, "d")


def test_each_of_many_gets_a_version_of_her_own(store):
    people = [user(str(number)) for number in range(PEOPLE)]
    once = [entry(number, subject) for number, subject in enumerate(people)]
    twice = [entry(PEOPLE + number, subject) for number, subject in enumerate(people)]
    first = store.log("t", once).result(20)
    second = store.log("t", twice).result(20)
    assert {one.status for one in first + second} == {"accepted"}
    assert [late.version - early.version for early, late in zip(first, second, strict=True)] == [1] * PEOPLE


def test_events_under_a_session_and_under_its_user_count_up_together(store):
    store.write(lambda connection: log.merge(connection, "t", session("s"), user("ann"))).result(20)
    begun = store.read(lambda connection: log.state(connection, "t", user("ann"))).version
    both = [entry(1, session("s")), entry(2, user("ann")), entry(3, session("s")), entry(4, session("other"))]
    versions = [one.version for one in store.log("t", both).result(20)]
    assert versions[:3] == [begun + 1, begun + 2, begun + 3]
    assert len(log.newest(store.database, "t", user("ann"), 10)) == 3
