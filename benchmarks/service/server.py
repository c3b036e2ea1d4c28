"""Starts and stops the servers that are measured, and looks at their processes; everything on loopback, for Linux."""

import getpass
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
READY_WITHIN = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
POSTGRES = Path("/usr/lib/postgresql")
POSTGRES_USER = "postgres"


def free_port() -> int:
    """Return a port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def model_folder(recommender: str = "meta") -> Path:
    """Return a model trained on the packaged sample, training it the first time."""
    folder = ROOT / "build" / "benchmarks" / "live" / ("model" if recommender == "meta" else recommender)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        command = [str(_tool("warmstart")), "train", "movielens-small", "--recommender", recommender]
        subprocess.run([*command, "--model", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return folder


def _tool(name: str) -> Path:
    return Path(sys.executable).with_name(name)


class Server:
    """A server as its users start it, in a process group of its own.

    Args:
        command: what to run.
        port: where it will listen.
        log: file for what it says.
        path: asked for to see whether it is ready.
        cores: where it may run; None for everywhere.
    """

    def __init__(
        self,
        command: list[str],
        port: int,
        log: Path,
        *,
        path: str = "/health/ready",
        cores: set[int] | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.port = port
        self._command, self._log, self._path, self._cores = command, log, path, cores
        # as users start it: what was compiled once is kept
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._environment = inherited | {"OMP_NUM_THREADS": "1"} | (environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def warmstart(
        cls, store: str, folder: Path, *, workers: int = 2, cores: set[int] | None = None, **more: Any
    ) -> Self:
        """Return a server of ours over a store."""
        port = free_port()
        flags = {"model": model_folder(), "store": store, "port": port, "workers": workers, "rate": 0} | more
        command = [str(_tool("warmstart")), "serve"]
        for name, value in flags.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        return cls(command, port, folder / "server.log", cores=cores)

    def start(self) -> float:
        """Start, wait until it is ready, and return after how many seconds it was."""
        began = time.perf_counter()
        with self._log.open("ab") as log, _on(self._cores):
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, start_new_session=True, env=self._environment, cwd=ROOT
            )
        wait_for(self.is_ready, READY_WITHIN, "the server is not ready")
        return time.perf_counter() - began

    def is_ready(self) -> bool:
        """Whether it says so."""
        if self._process is not None and self._process.poll() is not None:
            raise SystemExit(f"The server stopped by itself. Its last words:\n{self._last_words()}")
        return status_of(self.port, self._path) == 200

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])

    def kill(self) -> None:
        """Kill the supervisor and the workers at once with SIGKILL."""
        self._end(signal.SIGKILL)

    def replace_workers(self) -> None:
        """Tell it to replace its workers one after the other, as an operator does."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGHUP)

    def stop(self) -> None:
        """Stop as an operator does, with SIGTERM; whatever is left after a while is killed."""
        if self._process is None:
            return
        os.kill(self._process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=20)
        self._end(signal.SIGKILL)

    def _end(self, kind: signal.Signals) -> None:
        if self._process is None:
            return
        group, members = self._process.pid, self.pids()
        with suppress(ProcessLookupError):
            os.killpg(group, kind)
        self._process.wait()
        self._process = None
        wait_for(lambda: not any(map(_runs, members)), 10, "some processes do not end")

    def pids(self) -> list[int]:
        """Return the processes of the group, the supervisor among them."""
        if self._process is None:
            return []
        group = self._process.pid
        return [pid for pid in _all_pids() if _group_of(pid) == group]

    def workers(self) -> list[int]:
        """Return the processes that hold a connection or would take one: those that answer."""
        first = self._process.pid if self._process else 0
        found = [pid for pid in self.pids() if pid != first and b"resource_tracker" not in _command_of(pid)]
        return found or [first]

    def cpu(self) -> float:
        """Return the CPU seconds, user and system, that the workers have spent so far."""
        return sum(map(_cpu_of, self.workers()))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class Postgres:
    """A PostgreSQL with data of its own, that survives what is survived and is gone afterwards.

    Args:
        folder: where its data and its socket may lie.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder, self._data = folder, folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        shutil.chown(folder, POSTGRES_USER)
        # trust is for loopback and this minute only
        self._do("initdb", "-D", str(self._data), "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()
        self._do("createdb", "-h", str(folder), "-p", str(self.port), "w")

    @property
    def url(self) -> str:
        """The address for ``--store``."""
        return f"postgresql://{POSTGRES_USER}@{HOST}:{self.port}/w"

    @property
    def version(self) -> str:
        """What it calls itself."""
        return self._do("postgres", "--version").split()[-1].strip("()")

    def start(self) -> None:
        """Start and wait until it answers; durable as it comes out of the box."""
        command = _command_of_postgres("postgres", "-D", str(self._data), "-k", str(self._folder), "-h", HOST)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-p", str(self.port)],
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self._folder,
                **_as_postgres(),
            )
        asked = ("pg_isready", "-h", HOST, "-p", str(self.port), "-q")
        ready = _command_of_postgres(*asked)
        wait_for(lambda: subprocess.run(ready, check=False, cwd=self._folder).returncode == 0, 30, "no PostgreSQL")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``fast`` ends its clients, ``immediate`` is a crash."""
        self._do("pg_ctl", "stop", "-D", str(self._data), "-m", mode, "-w")
        if self._process is not None:
            self._process.wait()
            self._process = None

    def signal(self, kind: signal.Signals) -> None:
        """Send a signal to all its processes: SIGSTOP makes it hang, SIGCONT goes on."""
        first = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        for pid in [first, *(pid for pid in _all_pids() if _parent_of(pid) == first)]:
            with suppress(ProcessLookupError):
                os.kill(pid, kind)

    def _do(self, program: str, *arguments: str) -> str:
        command = _command_of_postgres(program, *arguments)
        done = subprocess.run(command, check=True, cwd=self._folder, capture_output=True, text=True, **_as_postgres())
        return str(done.stdout)


def has_postgres() -> bool:
    """Whether Debian's PostgreSQL lies here and can be started."""
    return POSTGRES.exists() and (os.getuid() == 0 or getpass.getuser() == POSTGRES_USER)


def _command_of_postgres(program: str, *arguments: str) -> list[str]:
    binary = next(iter(sorted(POSTGRES.glob(f"*/bin/{program}"), reverse=True)), None)
    if binary is None:
        raise SystemExit("This needs PostgreSQL: apt-get install postgresql.")
    return [str(binary), *arguments]


def _as_postgres() -> dict[str, Any]:
    """Return who runs it, for it refuses to run as root."""
    return {"user": POSTGRES_USER, "group": POSTGRES_USER, "extra_groups": []} if os.getuid() == 0 else {}


@contextmanager
def store_of(kind: str, cores: set[int] | None = None) -> Iterator[tuple[str, Path, Postgres | None]]:
    """Lend the address of an empty store, a folder to work in, and the PostgreSQL if it is one, on some cores only."""
    with tempfile.TemporaryDirectory(prefix="warmstart-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        if kind == "sqlite":
            yield f"sqlite:///{folder}/w.db", folder, None
            return
        (folder / "pg").mkdir()
        with _on(cores):
            postgres = Postgres(folder / "pg")
        try:
            yield postgres.url, folder, postgres
        finally:
            postgres.stop("immediate")


def status_of(port: int, path: str, seconds: float = 2.0) -> int:
    """Return the status of a GET; 0 if nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def wait_for(done: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Wait until something is so; ends the benchmark if it does not become so."""
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            raise SystemExit(f"After {seconds} seconds {otherwise}.")
        time.sleep(0.02)


def worker_of(server: Server, client_port: int) -> int | None:
    """Return the process that took a connection from a local port; None while nobody has."""
    mine, theirs = f"0100007F:{server.port:04X}", f"0100007F:{client_port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next((row[9] for row in rows if row[1] == mine and row[2] == theirs), None)
    for pid in server.workers():
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if handle.readlink().name == f"socket:[{inode}]":
                    return pid
    return None


@contextmanager
def _on(cores: set[int] | None) -> Iterator[None]:
    """Let what is started here run on some cores only."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat_of(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` behind the command's name, which may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _runs(pid: int) -> bool:
    found = _stat_of(pid)
    return bool(found) and found[0] not in {"Z", "X"}


def _parent_of(pid: int) -> int:
    return int((_stat_of(pid) or ["", "0"])[1])


def _group_of(pid: int) -> int:
    return int((_stat_of(pid) or ["", "", "0"])[2])


def _cpu_of(pid: int) -> float:
    found = _stat_of(pid)
    return (int(found[11]) + int(found[12])) / TICKS if found else 0.0


def _command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
