"""What PostgreSQL does with our questions, before it has counted anything."""

import pytest
import sqlalchemy as sa

from warmstart.core.events import Event
from warmstart.serving.store import log
from warmstart.serving.store.entries import Entry, user


def entries(begin, count):
    return [Entry(Event(f"e{n}", "i", "like", float(n)), user(str(n % 50)), "d") for n in range(begin, begin + count)]


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
def test_looking_for_known_events_does_not_read_the_tenants_others(store):
    # a plan for an empty table is made first, as in a new database
    for number in range(10):
        store.log("t", entries(number, 1)).result(20)
    store.log("t", entries(10, 3_000)).result(20)
    with store.database.writing() as connection:
        found = log._known(connection, "t", ["e5", "none"])
        asked = sa.text(f"EXPLAIN (ANALYZE, FORMAT JSON) {log._KNOWN_IN_POSTGRES.text}")
        told = connection.execute(asked, {"names": ["e5", "none"], "tenant": "t"}).scalar_one()
    assert set(found) == {"e5"}
    assert "Rows Removed by Filter" not in str(told)
