"""A log's key is exchanged by the command, with receipts fetched before and after, on every ledger."""

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from concordat.fabric.chaincode import own_chaincode
from concordat.fabric.plan import Wish
from tests.e2e.served import Installation, said
from tests.support.consortium import served_consortium
from tests.support.databases import PostgresDatabase
from tests.support.fabric import FabricNetwork
from tests.support.fabric_programs import versions

pytestmark = pytest.mark.timeout(240)
EMBEDDED, SIMULATOR = "embedded", "simulator"
PATIENCE_SECONDS = 90
ORIGIN = "local.concordat.example/development/1"


@pytest.fixture(
    params=[EMBEDDED, SIMULATOR, *(pytest.param(each, marks=pytest.mark.real_fabric) for each in versions())]
)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """Its ledger is the embedded one, or a network of two organisations, both of which have to vouch."""
    if request.param == EMBEDDED:
        yield Installation(folder=tmp_path)
    elif request.param == SIMULATOR:
        (tmp_path / "network").mkdir()
        with served_consortium(tmp_path / "network") as profile:
            yield Installation(folder=tmp_path, settings={"ledger_url": f"fabric:{profile}"})
    else:
        with FabricNetwork(request.param, Wish(organisations=2, max_messages=1), serve=own_chaincode) as network:
            yield Installation(folder=tmp_path, settings={"ledger_url": f"fabric:{network.network.plan.profile}"})


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Somebody of the development club, with everything that a secretary may do."""

    installation: Installation
    client: httpx2.Client

    def enrolled(self, number: str) -> str:
        """The event of a new member."""
        body = {"number": number, "name": "Ada Marsh", "category": "full"}
        answer = self.client.post("/v1/members", json=body)
        assert answer.status_code == 201, answer.text
        database = self.installation.data_folder / "concordat.db"
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            statement = "SELECT id FROM event WHERE type = 'clubs.member_enrolled' ORDER BY at DESC LIMIT 1"
            (row,) = connection.execute(statement)
        return str(UUID(row[0]))

    def receipt(self, event: str, file: str) -> Path:
        """Saved once it is anchored."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self.client.get(f"/v1/log/receipts/{event}")
            if answer.is_success and answer.json()["evidence"] is not None:
                path = self.installation.folder / file
                path.write_bytes(answer.content)
                return path
            assert time.monotonic() < until, answer.text
            time.sleep(0.1)


def desk_of(installation: Installation) -> Desk:
    token = installation.run("token", "--club", "development", "--role", "secretary")
    assert token.returncode == 0, said(token)
    headers = {"Authorization": f"Bearer {token.stdout.strip()}"}
    return Desk(installation=installation, client=httpx2.Client(base_url=installation.api, headers=headers))


def done(installation: Installation, *words: str) -> str:
    ended = installation.run(*words)
    assert ended.returncode == 0, said(ended)
    return ended.stdout


def is_valid(installation: Installation, receipt: Path, bundle: Path) -> bool:
    return installation.run("verify", str(receipt), "--trust", str(bundle)).returncode == 0


def test_receipts_of_before_and_after_a_rotation_verify_offline(installation: Installation) -> None:
    old, new = installation.folder / "old.json", installation.folder / "new.json"
    with installation.serve():
        desk = desk_of(installation)
        with desk.client:
            first, neighbour = desk.enrolled("1"), desk.enrolled("2")
            before = desk.receipt(first, "before.json")
            done(installation, "trust", "export", str(old))
            told: dict[str, Any] = json.loads(done(installation, "log", "rotate-key", ORIGIN, "--json"))
            assert (told["log"], told["number"]) == (ORIGIN, 2)
            after = desk.receipt(desk.enrolled("3"), "after.json")
            again = desk.receipt(neighbour, "again.json")
            done(installation, "trust", "export", str(new))
            checkpoint = desk.client.get(f"/log/{ORIGIN}/checkpoint").text
        assert int(checkpoint.split("\n")[1]) >= told["from"]
        assert "Everything matches." in done(installation, "log", "audit")
        doctor = json.loads(done(installation, "doctor", "--json"))
        assert {each["state"] for each in doctor["checks"] if each["subject"] in ("ledger", "logs")} == {"ok"}
    ranges = json.loads(new.read_bytes())["logs"][ORIGIN]
    assert [(each["from"], each["until"]) for each in ranges] == [(0, told["from"]), (told["from"], None)]
    assert ranges[1]["key"] == told["key"]
    shutil.rmtree(installation.data_folder)
    assert [is_valid(installation, each, new) for each in (before, after, again)] == [True] * 3
    assert [is_valid(installation, each, old) for each in (before, after, again)] == [True, False, True]


def test_the_command_does_it_alone_where_nothing_runs_and_the_next_server_goes_on(tmp_path: Path) -> None:
    installation = Installation(folder=tmp_path)
    with installation.serve():
        desk = desk_of(installation)
        with desk.client:
            desk.receipt(desk.enrolled("1"), "before.json")
    said_so = done(installation, "log", "rotate-key", ORIGIN)
    assert "signed with key 2" in said_so and "concordat trust export" in said_so
    with installation.serve(name="again"):
        desk = desk_of(installation)
        with desk.client:
            after = desk.receipt(desk.enrolled("2"), "after.json")
        done(installation, "trust", "export", str(tmp_path / "trust.json"))
        done(installation, "log", "audit")
    assert is_valid(installation, after, tmp_path / "trust.json")
    unknown = installation.run("log", "rotate-key", "local.concordat.example/nobody/1")
    assert (unknown.returncode, f"The logs are {ORIGIN}" in unknown.stderr) == (2, True), said(unknown)


def test_on_postgres_the_worker_of_another_process_takes_the_key_up(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    installation = Installation(folder=tmp_path, database_url=postgres_database.url)
    with installation.serve("--role", "worker", name="worker"), installation.serve("--role", "http", name="http"):
        done(installation, "demo", "--folder", str(tmp_path / "played"), "--url", installation.api)
        origin = sorted(json.loads(done(installation, "trust", "export", "-"))["logs"])[0]
        told = json.loads(done(installation, "log", "rotate-key", origin, "--json"))
        until = time.monotonic() + PATIENCE_SECONDS
        while int(httpx2.get(f"{installation.api}/log/{origin}/checkpoint").text.split("\n")[1]) < told["from"]:
            assert time.monotonic() < until
            time.sleep(0.1)
        done(installation, "trust", "export", str(tmp_path / "trust.json"))
        done(installation, "log", "audit")
        assert is_valid(installation, tmp_path / "played" / "check-in.receipt", tmp_path / "trust.json")


def test_a_key_that_was_exchanged_in_the_database_is_named_by_audit_doctor_and_export(tmp_path: Path) -> None:
    installation = Installation(folder=tmp_path)
    with installation.serve():
        desk = desk_of(installation)
        with desk.client:
            desk.receipt(desk.enrolled("1"), "before.json")
        done(installation, "log", "rotate-key", ORIGIN)
    with closing(sqlite3.connect(installation.data_folder / "concordat.db")) as connection:
        # The new key's range begins earlier than the ledger was told: with a stolen one, the past could be signed anew.
        connection.execute("UPDATE log_key SET from_size = from_size - 1 WHERE until_size IS NULL")
        connection.execute("UPDATE log_key SET until_size = until_size - 1 WHERE until_size IS NOT NULL")
        connection.commit()
    audited = installation.run("log", "audit")
    assert audited.returncode == 1, said(audited)
    assert {"log_key", "until_size", "from_size"} <= {*audited.stdout.replace(",", " ").replace(":", " ").split()}
    doctor = installation.run("doctor", "--json")
    assert (doctor.returncode, "keys are not those that the ledger has" in doctor.stdout) == (1, True), said(doctor)
    refused = installation.run("trust", "export", str(tmp_path / "trust.json"))
    assert (refused.returncode, ORIGIN in refused.stderr) == (1, True), said(refused)
    assert "log/keys-disputed" in refused.stderr and not (tmp_path / "trust.json").exists()
