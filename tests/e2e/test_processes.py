"""Processes side by side: how many there may be, how they start, and how they stop."""

import re
import signal
import socket
import time
from pathlib import Path

import httpx2

from tests.e2e.served import Installation, said, token_of
from tests.support.databases import PostgresDatabase
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
