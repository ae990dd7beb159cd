"""Settlements from the command line: listed, proven, verified with nothing but the trust bundle, and warned of."""

import json
import shutil
from pathlib import Path
from uuid import UUID

import pytest

from tests.e2e.served import Installation, said
from tests.support.databases import apart, sqlite_of
from tests.support.scenes import two_clubs
from tests.support.settling import MARCH, after_march, settle, visited
from tests.support.world import world_at


async def _played(installation: Installation, *, tampered: bool, settled: bool = True) -> tuple[UUID, UUID, list[UUID]]:
    """Two clubs with visits in March, after it; with `tampered`, the host's log has lost the first of them."""
    url = f"sqlite:///{installation.data_folder / 'concordat.db'}"
    async with world_at(url, installation.data_folder) as world:
        scene = await two_clubs(world)
        visits = await visited(scene, 2)
        if tampered:
            async with sqlite_of(world.database).begin() as connection:
                for table in ("leaf", "disclosure", "record"):
                    await connection.exec_driver_sql(
                        " ".join(("DELETE FROM", table, _FIRST)), (scene.host.of_club.hex,)
                    )
        after_march(world)
        if settled:
            await settle(world, scene.home, scene.host)
    return scene.home.of_club, scene.host.of_club, visits


_FIRST = """WHERE club_id = ? AND event_id IN
(SELECT id FROM event WHERE type = 'clubs.visit_checked_in' ORDER BY id LIMIT 1)"""


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    made = Installation(folder=tmp_path)
    assert made.run("migrate").returncode == 0
    return made


def told(installation: Installation, *words: str, status: int = 0) -> str:
    done = installation.run(*words)
    assert done.returncode == status, said(done)
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def settlements_check(installation: Installation) -> dict[str, str]:
    checks = json.loads(told(installation, "doctor", "--json"))["checks"]
    return next(check for check in checks if check["subject"] == "settlements")


def test_a_settlement_is_listed_proven_and_verified_without_anything_that_made_it(
    installation: Installation, tmp_path: Path
) -> None:
    home, host, visits = apart(_played(installation, tampered=False))
    assert told(installation, "settlement", "list", "--club", str(host)) == f"{MARCH}  settled   Harbour\n"
    (listed,) = map(json.loads, told(installation, "settlement", "list", "--json", "--club", str(home)).splitlines())
    assert (listed["state"], listed["partner"], listed["period"]) == ("settled", "Summit", MARCH)
    proof, bundle = tmp_path / "visit.settlement", tmp_path / "trust.json"
    told(installation, "trust", "export", str(bundle))
    proof.write_text(told(installation, "settlement", "prove", str(visits[0]), "--club", str(host)))
    check = settlements_check(installation)
    assert (check["state"], check["found"]) == ("ok", "1 settled, 0 open")
    shutil.rmtree(installation.data_folder)
    verified = told(installation, "verify", str(proof), "--trust", str(bundle))
    assert f"settled     {MARCH}: 2 visits" in verified
    assert "assurance   self" in verified
    proof.write_text(proof.read_text().replace('"count":2', '"count":3'))
    assert "INVALID" in told(installation, "verify", str(proof), "--trust", str(bundle), status=1)


def test_a_difference_is_named_by_the_list_and_the_doctor_warns(installation: Installation) -> None:
    home, host, visits = apart(_played(installation, tampered=True))
    listed = told(installation, "settlement", "list", "--club", str(host), status=1)
    assert listed.splitlines() == [f"{MARCH}  differs   Harbour", f"  only in the log of {home}: visit {visits[0]}"]
    check = settlements_check(installation)
    assert (check["state"], check["found"]) == ("warning", "0 settled, 0 open, 1 differs")
    assert "concordat settlement list --club" in check["advice"]
    words = ("settlement", "prove", str(visits[1]), "--club", str(home))
    refused = told(installation, *words, status=1)
    assert "This visit is not settled yet" in refused
    assert "differs" in refused


def test_a_month_that_waits_though_it_is_over_is_told_with_what_it_may_wait_for(installation: Installation) -> None:
    _home, host, _visits = apart(_played(installation, tampered=False, settled=False))
    listed = told(installation, "settlement", "list", "--club", str(host))
    assert listed.splitlines()[0] == f"{MARCH}  open      Harbour"
    assert "waits: a check-in is in no log yet, or the ledger did not answer" in listed


def test_what_cannot_be_found_is_said_with_what_to_do(installation: Installation) -> None:
    home, _host, _visits = apart(_played(installation, tampered=False))
    assert "There is no club nobody" in told(installation, "settlement", "list", "--club", "nobody", status=2)
    assert "is not a visit's id" in told(installation, "settlement", "prove", "x", "--club", str(home), status=2)
    unknown = told(installation, "settlement", "prove", str(home), "--club", str(home), status=1)
    assert "There is no such object" in unknown
