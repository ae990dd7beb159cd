"""The story of the product on a consortium's ledger: on a real network where Fabric's programs are, and simulated."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from concordat.fabric.chaincode import own_chaincode
from concordat.fabric.plan import Wish
from tests.e2e.served import Installation, said
from tests.support.consortium import served_consortium
from tests.support.databases import PostgresDatabase
from tests.support.fabric import FabricNetwork
from tests.support.fabric_programs import versions
from tests.support.processes import Process

SIMULATOR = "simulator"


@pytest.fixture(params=[SIMULATOR, *versions()])
def profile(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Of a network of two organisations, both of which have to vouch."""
    if request.param == SIMULATOR:
        folder = tmp_path / "network"
        folder.mkdir()
        with served_consortium(folder) as profile:
            yield profile
    else:
        with FabricNetwork(request.param, Wish(organisations=2, max_messages=1), serve=own_chaincode) as network:
            yield network.network.plan.profile


def test_the_story_ends_with_a_receipt_that_a_consortium_vouches_for_and_that_verifies_alone(
    profile: Path, tmp_path: Path
) -> None:
    installation = Installation(folder=tmp_path, settings={"ledger_url": f"fabric:{profile}"})
    done = installation.run("demo", "--folder", str(tmp_path / "played"))
    assert done.returncode == 0, said(done)
    assert "valid, anchored, assurance consortium, endorsed by peers of Org1MSP, Org2MSP" in done.stdout
    assert "invalid at the step 'commitment'" in done.stdout
    assert "valid-with-redactions" in done.stdout
    doctor = installation.run("doctor", "--json")
    found = {check["subject"]: check for check in json.loads(doctor.stdout)["checks"]}
    assert (doctor.returncode, found["ledger"]["state"]) == (0, "ok"), said(doctor)
    assert found["organisations"]["found"] == "2 of 2 answer, and receipts need 2"
    assert found["logs"]["state"] == "ok"
    audit = installation.run("log", "audit")
    assert audit.returncode == 0, said(audit)

    bundle = tmp_path / "trust.json"
    exported = installation.run("trust", "export", str(bundle))
    assert "the ledger is the channel" in exported.stdout, said(exported)
    shutil.rmtree(installation.data_folder)
    saved = str(tmp_path / "played" / "check-in.receipt")
    verified = installation.run("verify", saved, "--trust", str(bundle))
    assert verified.returncode == 0, said(verified)
    assert "by peers of Org1MSP, Org2MSP; nobody knows when to judge their certificates" in verified.stdout
    told = json.loads(installation.run("verify", "--json", saved, "--trust", str(bundle)).stdout)
    assert (told["assurance"], told["organisations"]) == ("consortium", ["Org1MSP", "Org2MSP"])
    assert told["certificates_at"] is None


def test_on_postgres_one_worker_anchors_and_others_start_and_answer_without_the_network(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    folder = tmp_path / "network"
    folder.mkdir()
    with served_consortium(folder) as profile:
        settings = {"ledger_url": f"fabric:{profile}"}
        installation = Installation(folder=tmp_path, database_url=postgres_database.url, settings=settings)
        with installation.serve("--role", "worker", name="worker"), installation.serve("--role", "http") as http:
            done = installation.run("demo", "--folder", str(tmp_path / "played"), "--url", api_of(http))
            assert done.returncode == 0, said(done)
            assert "assurance consortium" in done.stdout
            second = installation.run("serve", "--role", "worker")
            assert (second.returncode, "There is a worker already" in second.stderr) == (1, True), said(second)
    with installation.serve("--role", "http", name="later") as http:
        assert httpx2.get(f"{api_of(http)}/readyz").is_success
        bundle = tmp_path / "trust.json"
        assert installation.run("trust", "export", str(bundle)).returncode == 0
        assert installation.run("verify", str(tmp_path / "played" / "check-in.receipt")).returncode == 0


def api_of(process: Process) -> str:
    found = re.search(r"API\s+(http://[^/\s]+)", process.output())
    assert found is not None
    return found[1]
