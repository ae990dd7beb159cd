"""Processes side by side: how many there may be, how they start, and how they stop."""

import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2

from adapters.outbound.sql.migrate import migrate
from tests.e2e.served import Installation, said, token_of
from tests.support.databases import PostgresDatabase, apart
from tests.support.postgres import PostgresServer
from tests.support.processes import Process, free_port


def test_a_second_process_on_the_same_file_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    installation = Installation(folder=tmp_path)
    with installation.serve() as first:
        second = installation.run("serve")
        assert second.returncode == 1, said(second)
        assert str(first.pid) in second.stderr
        assert "Traceback" not in second.stderr


def test_a_taken_port_is_replaced_by_a_free_one_and_the_data_is_found_again(tmp_path: Path) -> None:
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        installation = Installation(folder=tmp_path, settings={"http_port": str(port)})
        with installation.serve() as process:
            assert f"port {port} was taken" in process.output()
            club = re.search(r"Club\s+(\S+)", process.output())
            assert club is not None
            assert process.terminate() == 0
    with installation.serve() as process:
        again = re.search(r"Club\s+(\S+)", process.output())
        assert again is not None
        assert again[1] == club[1]


def test_the_printed_token_works_against_the_printed_address(tmp_path: Path) -> None:
    installation = Installation(folder=tmp_path)
    with installation.serve() as process:
        headers = {"Authorization": f"Bearer {token_of(process)}"}
        with httpx2.Client(base_url=installation.api, headers=headers) as client:
            assert client.get("/v1/members").json()["data"] == []
            assert client.get("/docs").status_code == 200
            assert client.get("/healthz").status_code == 200
            assert client.get("/readyz").status_code == 200
        metrics = httpx2.get(f"{installation.where().admin}/metrics").text
        assert re.search(r'^concordat_disk_used_ratio\{part="database"\} [01]\.', metrics, re.MULTILINE)


def test_a_signal_stops_it_within_five_seconds_with_requests_in_flight(installation: Installation) -> None:
    with installation.serve() as process:
        with httpx2.Client(base_url=installation.api) as client:
            assert client.get("/healthz").status_code == 200
            began = time.monotonic()
            process.send(signal.SIGINT)
            status = process.wait(within_seconds=6.0)
        assert time.monotonic() - began < 5.5
        assert status == 0
        assert "Traceback" not in process.output()


def test_on_postgres_http_and_grpc_processes_stand_beside_one_worker(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    def process(role: str, number: int = 0) -> Process:
        # One data folder for all, since the embedded ledger and the keys are in it; a note for each that serves.
        installation = Installation(folder=tmp_path, database_url=postgres_database.url)
        return installation.serve("--role", role, name=f"{role}{number}")

    with process("worker"), process("http", 1) as one, process("http", 2) as two, process("grpc"):
        for served in (one, two):
            address = re.search(r"API\s+(http://[\d.:]+)/v1", served.output())
            assert address is not None
            assert httpx2.get(f"{address[1]}/readyz").status_code == 200
        second = Installation(folder=tmp_path, database_url=postgres_database.url).run("serve", "--role", "worker")
        assert second.returncode == 1, said(second)
        assert "There is a worker already" in second.stderr


def test_the_first_processes_of_a_new_system_may_start_at_once_and_one_without_its_secrets_not_at_all(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    def installation(folder: str) -> Installation:
        return Installation(folder=tmp_path / folder, database_url=postgres_database.url)

    at_once = [installation("one").serve("--role", "http", name=f"http{number}") for number in range(3)]
    with ThreadPoolExecutor() as pool, ExitStack() as stack:
        # Started from threads, a process is not ended with the test's: the stack does that.
        for process in at_once:
            stack.callback(process.kill)
        list(pool.map(Process.start, at_once))
        clubs = {found[1] for each in at_once if (found := re.search(r"Club\s+(\S+)", each.output()))}
        assert len(clubs) == 1
    (tmp_path / "two").mkdir()
    for words in (("serve", "--role", "http"), ("serve", "--role", "worker"), ("doctor",)):
        done = installation("two").run(*words)
        assert done.returncode == 1, said(done)
        assert "secrets of theirs are missing" in done.stdout + done.stderr
    assert not (tmp_path / "two" / "data" / "secrets").exists()


def test_a_process_may_be_up_before_its_database_if_it_has_its_secrets(tmp_path: Path) -> None:
    with PostgresServer() as server:
        url = apart(migrate(server.create_database("late"))).url
        installation = Installation(folder=tmp_path, database_url=url)
        server.kill()
        done = installation.run("serve", "--role", "http")
        assert (done.returncode, "The database does not answer." in done.stderr) == (1, True), said(done)
        assert not (installation.data_folder / "secrets").exists()
        server.start()
        assert installation.run("token").returncode == 0
        server.kill()
        done = installation.run("serve", "--role", "worker")
        assert (done.returncode, "The database does not answer." in done.stderr) == (1, True), said(done)
        with installation.serve("--role", "http") as process:
            assert "It is not ready to be sent requests" in process.output()


def test_an_unmigrated_postgres_database_is_not_served(postgres_database: PostgresDatabase, tmp_path: Path) -> None:
    server = postgres_database.server
    empty = f"empty_{postgres_database.name}"
    server.create_database(empty)
    try:
        url = postgres_database.url.rpartition("/")[0] + f"/{empty}"
        doctor = Installation(folder=tmp_path, database_url=url).run("doctor")
        assert doctor.returncode == 1, said(doctor)
        assert "migrate" in doctor.stdout + doctor.stderr
    finally:
        server.drop_database(empty)


def test_with_the_owner_s_or_a_superuser_s_url_doctor_refuses_and_says_why(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    for url, word in ((postgres_database.owner_url, "own"), (postgres_database.superuser_url, "superuser")):
        doctor = Installation(folder=tmp_path, database_url=url).run("doctor")
        assert doctor.returncode == 1, said(doctor)
        assert word in doctor.stdout + doctor.stderr
