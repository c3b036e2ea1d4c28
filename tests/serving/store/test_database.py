"""Opening, migrating and losing databases."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from warmstart.core.errors import BadInput, Overloaded, StoreFull, StoreUnavailable
from warmstart.core.events import Event
from warmstart.serving.store import writer as writing
from warmstart.serving.store.database import Database
from warmstart.serving.store.entries import Entry, user
from warmstart.serving.store.schema import METADATA, REVISION
from warmstart.serving.store.store import Store


def entries(*ids):
    return [Entry(Event(name, "i", "like", 0.0), user("ann"), name) for name in ids]


@pytest.mark.parametrize("wrong", ["", "w.db", "mysql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_an_address_that_is_none_is_refused_with_the_cure(wrong):
    with pytest.raises(BadInput, match="sqlite:///"):
        Database(wrong)


def test_the_address_is_shown_without_its_password():
    assert "secret" not in Database("postgresql://ann:secret@localhost/w").shown_url


def test_migrations_make_the_tables_that_the_code_reads(url):
    database = Database(url)
    database.migrate()
    with database.reading() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), METADATA)
    database.close()
    assert difference == []


def test_migrations_go_up_from_each_version_and_down_again(url):
    database = Database(url)
    for revision in ("0001", "base", "head"):
        database.migrate(revision)
        with database.reading() as connection:
            tables = set(sa.inspect(connection).get_table_names()) - {"alembic_version"}
        assert tables == (set() if revision == "base" else set(METADATA.tables))
    database.close()


def test_tables_that_are_up_to_date_are_left_alone(url, monkeypatch):
    database = Database(url)
    database.migrate()
    with database.reading() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == REVISION
    monkeypatch.setattr("alembic.command.upgrade", None)
    database.migrate()
    database.close()


def test_several_processes_may_migrate_at_once(url):
    def open_and_log(name):
        store = Store.open(url)
        try:
            return store.log("t", entries(name)).result(20)[0].status
        finally:
            store.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(open_and_log, "abcd")) == ["accepted"] * 4


def test_sqlite_is_set_to_survive_a_crash(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/w.db")
    with database.reading() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert found == ["wal", 2]
    [row] = database.fetch("PRAGMA secure_delete", ())
    assert row[0] == 1
    database.close()


def test_a_disk_that_is_full_is_said_and_cures_itself(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/w.db")
    try:
        with store.database.writing() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            limit = f"PRAGMA max_page_count={int(pages or 0) + 1}"
        sa.event.listen(store.database._writing, "begin", lambda connection: connection.exec_driver_sql(limit))
        many = entries(*(f"{number:0300d}" for number in range(200)))
        with pytest.raises(StoreFull, match="disk is full"):
            store.log("t", many).result(10)
        limit = "PRAGMA max_page_count=100000"
        assert store.log("t", many).result(10)[0].status == "accepted"
    finally:
        store.close()


def test_a_store_that_is_gone_is_said_and_comes_back(tmp_path):
    file = tmp_path / "w.db"
    store = Store.open(f"sqlite:///{file}")
    try:
        blocker = sqlite3.connect(file, isolation_level=None)
        blocker.execute("BEGIN EXCLUSIVE")
        sa.event.listen(store.database._writing, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout=50"))
        store.database._writing.dispose()
        with pytest.raises(StoreUnavailable):
            store.log("t", entries("a")).result(10)
        blocker.execute("ROLLBACK")
        blocker.close()
        assert store.log("t", entries("a")).result(10)[0].status == "accepted"
    finally:
        store.close()


def test_more_than_can_wait_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "MOST_WAITING", 3)
    store = Store.open(f"sqlite:///{tmp_path}/w.db")
    try:
        with pytest.raises(Overloaded, match="Try again"):
            store.log("t", entries("a", "b", "c", "d"))
        assert len(store.log("t", entries("a", "b", "c")).result(10)) == 3
    finally:
        store.close()


def test_closing_writes_what_waits_and_takes_no_more(tmp_path):
    url = f"sqlite:///{tmp_path}/w.db"
    store = Store.open(url)
    futures = [store.log("t", entries(str(number))) for number in range(50)]
    store.close()
    assert all(future.result(0)[0].status == "accepted" for future in futures)
    with pytest.raises(StoreUnavailable):
        store.log("t", entries("late"))


def test_who_gave_up_waiting_is_not_written(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/w.db")
    try:
        gate = store.write(lambda connection: __import__("time").sleep(0.2))
        given_up, kept = store.log("t", entries("a")), store.log("t", entries("b"))
        assert given_up.cancel()
        gate.result(10)
        kept.result(10)
        assert [row[0] for row in store.database.fetch("SELECT event_id FROM events", ())] == ["b"]
    finally:
        store.close()
