"""The Postgres of the tests is real, durable, survives SIGKILL with its data and leaves nothing behind."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import asyncpg
import pytest

from tests.support.postgres import OWNER, PostgresFailed, PostgresServer, version
from tests.support.processes import clean_environment


def test_server_runs_with_durable_settings(postgres: PostgresServer) -> None:
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        assert postgres.execute(f"SHOW {setting}") == "on"
    assert postgres.execute("SHOW server_version") == version()
    assert not str(postgres.data).startswith("/dev/shm")


async def test_owner_of_the_test_databases_is_no_superuser(postgres: PostgresServer) -> None:
    connection = await asyncpg.connect(postgres.create_database("owned"))
    try:
        role = await connection.fetchrow("SELECT * FROM pg_roles WHERE rolname = current_user")
        assert role is not None
        assert (role["rolname"], role["rolsuper"], role["rolbypassrls"]) == (OWNER, False, False)
        assert (role["rolcreatedb"], role["rolcreaterole"]) == (True, True)
        await connection.execute("CREATE TABLE anything (id int)")
    finally:
        await connection.close()
        postgres.drop_database("owned")


async def test_wrong_password_is_refused(postgres: PostgresServer) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://{OWNER}:wrong@127.0.0.1:{postgres.port}/postgres")


def test_database_made_from_a_template_has_its_rows(postgres: PostgresServer) -> None:
    postgres.create_database("pattern")
    postgres.execute("CREATE TABLE leaf AS SELECT 7 AS n", "pattern")
    postgres.create_database("copy", template="pattern")
    assert postgres.execute("SELECT n FROM leaf", "copy") == "7"
    postgres.drop_database("copy")
    postgres.drop_database("pattern")


def test_refused_statement_raises_with_the_words_of_postgres(postgres: PostgresServer) -> None:
    with pytest.raises(PostgresFailed, match='relation "nowhere" does not exist'):
        postgres.execute("SELECT * FROM nowhere")


def test_killed_server_comes_back_with_its_data_and_leaves_no_folder() -> None:
    with PostgresServer() as server:
        server.create_database("kept")
        server.execute("CREATE TABLE leaf AS SELECT 7 AS n", "kept")
        url = server.owner_url("kept")
        server.kill()
        with pytest.raises(PostgresFailed):
            server.execute("SELECT 1")
        server.start()
        assert server.owner_url("kept") == url
        assert server.execute("SELECT n FROM leaf", "kept") == "7"
    assert not server.folder.exists()


def test_server_ends_when_the_test_process_is_killed(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import os, signal
        from tests.support.postgres import PostgresServer
        server = PostgresServer()
        server.start()
        print(server.pid, server.folder, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=clean_environment(PYTHONPATH=str(root)),
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    pid, folder = done.stdout.split()
    _wait_until_gone(int(pid))
    subprocess.run(["rm", "-r", folder], check=True)


def _wait_until_gone(pid: int) -> None:
    for _ in range(1000):
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.01)
    os.kill(pid, 9)
    raise AssertionError(f"Postgres {pid} outlived the process that started it")
