"""The door to the database: engines, what SQLite needs to be durable, migrations, and errors in our words."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from warmstart.core.errors import BadInput, MissingExtra, StoreFull, StoreUnavailable
from warmstart.serving.store.schema import REVISION

BUSY_MS = 5_000
"""How long a writer waits for another process to commit."""
CONNECT_SECONDS = 2
STATEMENT_MS = 5_000
SILENCE_SECONDS = 8.0
"""How long PostgreSQL may say nothing at all before it counts as gone; a statement ends before."""
SILENCE_FOR_ALL_SECONDS = 0.5
"""The same where a whole server waits: on the thread of a running event loop."""
SECONDS_BETWEEN_PROBES = 0.2
GONE = ("08", "57P")
"""Beginnings of PostgreSQL's codes for a connection that broke and a server that stops or starts."""
MIGRATION_LOCK = 7_237_001
COLLIDED = {"40001", "40P01"}
"""PostgreSQL's codes for a transaction that lost against another one, a deadlock among them."""
FULL_SIGNS = ("database or disk is full", "no space left on device", "disk full", "could not extend file")


class Collision(Exception):
    """A transaction lost against another one and did nothing; tried again, it sees what the other did."""


class Database:
    """One database, opened twice: for reading, each statement by itself, and for writing in transactions.

    Args:
        url: ``sqlite:///path/to/w.db`` or ``postgresql://user:password@host/name``.

    Raises:
        BadInput: this is no such address.
        MissingExtra: PostgreSQL is asked for and its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = _checked(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._writing = _engine(self.url, is_sqlite=self.is_sqlite)
        self._reading = _engine(self.url, is_sqlite=self.is_sqlite, isolation_level="AUTOCOMMIT")
        self._driver_error = _driver_error(self.is_sqlite)
        self._mine = threading.local()
        self._silent = False
        self._closed = threading.Event()
        self._lent: set[Connection] = set()
        if self.is_sqlite:
            event.listen(self._writing, "begin", _begin_at_once)

    @property
    def shown_url(self) -> str:
        """The address without its password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a connection on which every statement sees all that was committed before it."""
        self.check()
        with self._watched(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Lend a connection in a transaction that is durable when the block ends, or never happened."""
        with self._watched(), self._writing.begin() as connection:
            yield connection

    def check(self) -> None:
        """Raise ``StoreUnavailable`` at once while it is known that the database does not answer.

        Asking costs everybody time who waits for the same thread; so only one thread asks until there is an answer.
        """
        if self._silent:
            raise StoreUnavailable(_SILENT)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            with errors_in_our_words():
                yield
        except StoreUnavailable as error:
            if not self.is_sqlite and _is_gone(error.__cause__):
                self._fall_silent()
            raise

    def _fall_silent(self) -> None:
        if not self._silent and not self._closed.is_set():
            self._silent = True
            threading.Thread(target=self._probe, name="warmstart-probe", daemon=True).start()

    def _probe(self) -> None:
        """Ask until there is an answer."""
        while self._silent and not self._closed.wait(SECONDS_BETWEEN_PROBES):
            try:
                with self._reading.connect() as connection:
                    connection.exec_driver_sql("SELECT 1")
            except (DBAPIError, PoolTimeout):
                continue
            self._silent = False

    def fetch(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        """Return the rows of a SELECT with ``?`` for each value, straight from the driver.

        For what every request asks: building a statement costs more than running it. Each thread keeps a connection.
        """
        self.check()
        driver = getattr(self._mine, "driver", None) or self._driver()
        try:
            rows: list[Any] = driver.execute(
                statement if self.is_sqlite else _in_postgres(statement), values
            ).fetchall()
        except self._driver_error as error:
            self._forget_driver()
            with self._watched():
                raise OperationalError(str(error), None, error) from error
        except BaseException:
            self._forget_driver()
            raise
        return rows

    def _driver(self) -> Any:
        with self._watched():
            kept = self._mine.connection = self._reading.connect()
        self._lent.add(kept)
        self._mine.driver = kept.connection.driver_connection
        return self._mine.driver

    def _forget_driver(self) -> None:
        """Let the next question open a new connection, for this one may be broken."""
        kept = getattr(self._mine, "connection", None)
        self._mine.connection = self._mine.driver = None
        if kept is not None:
            self._lent.discard(kept)
            kept.invalidate()
            kept.close()

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables to a revision; several processes may ask at once."""
        if revision == "head" and self._revision() == REVISION:
            return  # reading what could be done takes longer than a server's start should
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self.writing() as connection:
            if not self.is_sqlite:
                connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            config.attributes["connection"] = connection
            _upgrade_or_downgrade(command, config, revision)

    def _revision(self) -> str | None:
        """Return where the tables stand; None where there are none."""
        with self.reading() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            return found

    def scrub(self) -> None:
        """Overwrite what was deleted, so that no file of the database holds its bytes any more."""
        with self.reading() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                return
            for table in ("events", "subjects", "shown"):
                connection.exec_driver_sql(f"VACUUM {table}")

    def close(self) -> None:
        """Close every connection, those that threads keep as well."""
        self._closed.set()
        for connection in list(self._lent):
            connection.close()
        self._lent.clear()
        self._writing.dispose()
        self._reading.dispose()


@contextmanager
def errors_in_our_words() -> Iterator[None]:
    """Turn the drivers' errors into ``StoreFull`` and ``StoreUnavailable``; a broken statement stays what it is."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        raise _in_our_words(error) from error


def _driver_error(is_sqlite: bool) -> type[Exception]:
    """Return what a bare driver raises."""
    if is_sqlite:
        return sqlite3.Error
    from psycopg import Error

    return Error


@cache
def _in_postgres(statement: str) -> str:
    return statement.replace("?", "%s")


def _in_our_words(error: DBAPIError | PoolTimeout) -> BaseException:
    text = str(error.args[0] if error.args else error).lower()
    if any(sign in text for sign in FULL_SIGNS):
        return StoreFull("The store's disk is full: nothing of this request was written. Free some space.")
    if isinstance(error, IntegrityError) or getattr(error.__cause__, "sqlstate", None) in COLLIDED:
        return Collision(text)
    if isinstance(error, OperationalError | PoolTimeout) or getattr(error, "connection_invalidated", False):
        return StoreUnavailable(_SILENT)
    return error


_SILENT = "The store does not answer: nothing of this request is acknowledged. Try again later."


def _is_gone(error: BaseException | None) -> bool:
    """Whether an error says that there is no server, and not that it is slow."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(error, DBAPIError) and (state is None or state.startswith(GONE))


def _upgrade_or_downgrade(command: Any, config: Any, revision: str) -> None:
    if revision == "base" or revision.startswith("-"):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def _checked(url: str) -> URL:
    try:
        found = make_url(url)
    except ArgumentError:
        raise BadInput(f"A store is given as sqlite:///FILE or postgresql://USER@HOST/NAME; came: {url!r}.") from None
    if found.get_backend_name() == "postgresql":
        return found.set(drivername="postgresql+psycopg")
    if found.get_backend_name() != "sqlite":
        raise BadInput(f"A store is sqlite:///FILE or postgresql://USER@HOST/NAME; came: {found.get_backend_name()}.")
    if found.database in {None, "", ":memory:"}:
        raise BadInput("A store in memory keeps nothing: give a file, such as sqlite:///w.db.")
    return found


def _engine(url: URL, *, is_sqlite: bool, **options: Any) -> Engine:
    arguments: dict[str, Any] = {"timeout": BUSY_MS / 1000, "check_same_thread": False}
    if not is_sqlite:
        limits = f"-c statement_timeout={STATEMENT_MS} -c synchronous_commit=on"
        # a plan made while a table is empty reads all of it, and would be kept long after the table is large
        limits += " -c plan_cache_mode=force_custom_plan"
        arguments = {"connect_timeout": CONNECT_SECONDS, "options": limits}
        options |= {"pool_timeout": CONNECT_SECONDS}
    try:
        engine = sa.create_engine(url, connect_args=arguments, **options)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise MissingExtra("psycopg", extra="postgres") from None
    if is_sqlite:
        event.listen(engine, "connect", _make_durable)
    else:
        event.listen(engine, "do_connect", _connect_impatiently)
    return engine


def _connect_impatiently(_dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
    return _impatient().connect(*arguments, **options)


@cache
def _impatient() -> Any:
    """Return a connection that breaks when the server is silent for long.

    The server's own limit on a statement ends nothing when the server hangs or its machine is gone.
    """
    import psycopg

    class Impatient(psycopg.Connection[Any]):
        def wait(self, gen: Generator[Any, Any, Any], *arguments: Any, **options: Any) -> Any:
            return super().wait(self._while_heard(gen), *arguments, **options)

        def _while_heard(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
            try:
                wanted = next(gen)
                heard, patience = time.monotonic(), _patience()
                while True:
                    ready = yield wanted
                    now = time.monotonic()
                    heard = now if ready else heard
                    if now - heard > patience:
                        self.close()
                        message = "the server says nothing"
                        raise psycopg.OperationalError(message)
                    wanted = gen.send(ready)
            except StopIteration as done:
                return done.value

    return Impatient


def _patience() -> float:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return SILENCE_SECONDS
    return SILENCE_FOR_ALL_SECONDS


def _make_durable(connection: Any, _record: Any) -> None:
    """Set what makes a commit survive a crash, and deleted bytes be overwritten."""
    # the driver would begin transactions by itself, and too late: only when something is written
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", f"busy_timeout={BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_at_once(connection: Connection) -> None:
    """Take the write lock with the first statement: a transaction that reads first could find itself too late."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
