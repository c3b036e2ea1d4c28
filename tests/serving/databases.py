"""Databases for tests: a file, or a PostgreSQL of the tests' own on a socket that nobody else knows."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 20


def postgres_binaries() -> Path | None:
    """Return where PostgreSQL's server lies, as Debian packages it or on the path; None where there is none."""
    if found := shutil.which("postgres"):
        return Path(found).parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return places[-1].parent if places else None


@contextmanager
def postgres() -> Iterator[str]:
    """Start a PostgreSQL and yield the address of its server; it is stopped and removed at the end."""
    binaries = postgres_binaries()
    assert binaries is not None
    # its socket's path may have about a hundred letters
    folder = Path(tempfile.mkdtemp(prefix="ws-pg-", dir="/tmp"))
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    try:
        if as_postgres:
            shutil.chown(folder, "postgres", "postgres")
        data, port = folder / "data", free_port()
        start = [*as_postgres, str(binaries / "initdb"), "-D", str(data), "-U", "tester", "-A", "trust", "-N"]
        subprocess.run(start, check=True, capture_output=True)
        options = ["-k", str(folder), "-h", "127.0.0.1", "-p", str(port), "-c", "max_connections=60"]
        run = [*as_postgres, str(binaries / "postgres"), "-D", str(data), *options]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(run, stdout=log, stderr=log)
            try:
                _wait_for(port, server)
                yield f"postgresql://tester@127.0.0.1:{port}"
            finally:
                server.terminate()
                server.wait(SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    """Wait until the server takes connections, which it does before it is ready to answer."""
    import psycopg

    end = time.monotonic() + SECONDS
    while True:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="tester", dbname="postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            if time.monotonic() > end or server.poll() is not None:
                raise
            time.sleep(0.05)
        else:
            return
