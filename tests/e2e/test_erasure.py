"""Erasure and audit from the command line, beside a running server: what is left in files and lines of log."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from tests.e2e.served import Installation, said
from tests.integration.audit.canaries import BORN_A_MEMBER, CATEGORY, HOME, NAME, NUMBER, every_file, found_in
from tests.support.databases import PostgresDatabase
from tests.support.processes import Process

PERSON = {
    "number": NUMBER,
    "name": NAME,
    "category": CATEGORY,
    "residence": {
        "latitude_microdegrees": HOME.latitude_microdegrees,
        "longitude_microdegrees": HOME.longitude_microdegrees,
    },
}


@pytest.fixture
def installation(request: pytest.FixtureRequest, installation: Installation) -> Installation:
    """With the owner's URL, by which the command rewrites Postgres' tables."""
    if installation.database_url is not None:
        database: PostgresDatabase = request.getfixturevalue("postgres_database")
        installation.settings["database_owner_url"] = database.owner_url
    return installation


@pytest.fixture
def desk(installation: Installation, server: Process) -> Iterator[httpx2.Client]:
    """Somebody of the development club, with everything that a secretary may do."""
    token = installation.run("token", "--club", "development", "--role", "secretary")
    assert token.returncode == 0, said(token)
    headers = {"Authorization": f"Bearer {token.stdout.strip()}"}
    with httpx2.Client(base_url=installation.api, headers=headers) as client:
        yield client


def enrolled(desk: httpx2.Client) -> str:
    """A member made of canaries, under idempotency keys, and one request that is refused and says why."""
    answer = desk.post("/v1/members", json=PERSON, headers={"Idempotency-Key": "canary"})
    assert answer.status_code == 201, answer.text
    key = str(answer.json()["id"])
    fact = {"kind": "term", "first": BORN_A_MEMBER.isoformat()}
    assert desk.post(f"/v1/members/{key}/facts", json=fact).is_success
    assert desk.post("/v1/members", json=PERSON).status_code == 409
    assert desk.post("/v1/members", json={**PERSON, "number": 7}).status_code == 422
    return key


def test_nothing_of_an_erased_member_is_left_in_the_data_folder_or_in_the_servers_log(
    installation: Installation, desk: httpx2.Client, tmp_path: Path
) -> None:
    member = enrolled(desk)
    nobody = installation.run(
        "subject", "erase", member[:-1] + ("0" if member[-1] != "0" else "1"), "--club", "development"
    )
    assert (nobody.returncode, "There is no member" in nobody.stderr, nobody.stdout) == (2, True, ""), said(nobody)
    before = found_in(every_file(tmp_path))
    assert installation.database_url is not None or before
    erased = installation.run("subject", "erase", member, "--club", "development", "--yes")
    assert erased.returncode == 0, said(erased)
    assert "nothing of the person is left in them" in erased.stdout
    assert found_in(every_file(tmp_path)) == set()
    assert desk.get(f"/v1/members/{member}").json()["erased"] is True
    again = installation.run("subject", "erase", member, "--club", "development", "--yes")
    assert (again.returncode, "was erased before" in again.stdout) == (0, True), said(again)
    audited = installation.run("log", "audit")
    assert audited.returncode == 0, said(audited)


def test_an_audit_names_what_somebody_changed_beside_the_server(tmp_path: Path) -> None:
    installation = Installation(folder=tmp_path)
    with installation.serve():
        token = installation.run("token", "--club", "development", "--role", "secretary").stdout.strip()
        desk = httpx2.Client(base_url=installation.api, headers={"Authorization": f"Bearer {token}"})
        with desk:
            member = enrolled(desk)
        with closing(sqlite3.connect(installation.data_folder / "concordat.db")) as connection, connection:
            connection.execute("UPDATE member SET category = 'full'")
        done = installation.run("log", "audit", "--json")
        assert done.returncode == 1, said(done)
        finding, fared = map(json.loads, done.stdout.splitlines())
        assert (finding["code"], finding["id"], finding["field"]) == ("audit/field-mismatch", member, "category")
        assert fared["findings"] == 1
        text = installation.run("log", "audit", "--log", fared["log"])
        assert "1 finding" in text.stdout and member in text.stdout and CATEGORY not in text.stdout
