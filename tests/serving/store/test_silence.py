"""A database that says nothing: nobody waits for it, and all goes on when it speaks again."""

import asyncio
import time

import pytest

from warmstart.core.errors import StoreUnavailable
from warmstart.core.events import Event
from warmstart.serving.http.access import Access
from warmstart.serving.store import database as doors
from warmstart.serving.store.entries import Entry, user

over_postgres = pytest.mark.parametrize("url", ["postgres"], indirect=True)
LIKE = Entry(Event("e1", "i", "like", 0.0), user("ann"), "d")


def until(done):
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


@over_postgres
def test_a_loop_that_answers_others_waits_for_no_silent_server(store, monkeypatch):
    monkeypatch.setattr(doors, "SILENCE_FOR_ALL_SECONDS", 0.05)

    async def asking():
        store.database.fetch("SELECT pg_sleep(4)", ())

    with pytest.raises(StoreUnavailable):
        asyncio.run(asking())
    until(lambda: not store.database._silent)
    assert store.database.fetch("SELECT 1", ()) == [(1,)]


@over_postgres
def test_a_thread_that_nobody_waits_for_waits_longer(store, monkeypatch):
    monkeypatch.setattr(doors, "SILENCE_FOR_ALL_SECONDS", 0.0)
    assert store.database.fetch("SELECT pg_sleep(0.3)", ()) is not None


def test_while_a_store_is_silent_nobody_asks_it_and_nothing_is_acknowledged(store, monkeypatch):
    store.database._silent = True
    for ask in (lambda: store.database.fetch("SELECT 1", ()), lambda: store.log("t", [LIKE])):
        with pytest.raises(StoreUnavailable, match="Try again later"):
            ask()
    store.database._silent = False
    assert store.log("t", [LIKE]).result(10)[0].status == "accepted"


@over_postgres
def test_connections_that_the_server_ended_are_replaced(store):
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    store.log("t", [LIKE]).result(10)
    with store.database.reading() as connection:
        connection.exec_driver_sql(ended + " AND datname = current_database()")

    def answers():
        try:
            return store.log("t", [LIKE]).result(10)[0].status == "duplicate"
        except StoreUnavailable:
            return False

    until(answers)


def test_a_process_that_nobody_asked_before_knows_who_may_enter(store):
    access = Access(store, open_without_keys=True)
    store.database._silent = True
    assert access.caller(None).role == "admin"
