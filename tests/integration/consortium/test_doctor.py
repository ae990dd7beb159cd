"""What `doctor` says of a ledger on Fabric: what is down is a warning, and what will never work is a failure."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from concordat.assembly.fabric import profile_at
from concordat.checks import Check, State
from concordat.checks.ledger import examine_ledger, life_of_identity
from concordat.container import running
from concordat.settings import load
from tests.fabric_simulator.network import SimulatedNetwork
from tests.support.consortium import THREE, consortium, write_profile
from tests.support.databases import MEMORY


@pytest.fixture
async def network() -> AsyncIterator[SimulatedNetwork]:
    async with consortium(THREE) as network:
        yield network


async def examined(folder: Path, profile: Path) -> dict[str, Check]:
    settings = load(profile="local", data_folder=folder, database_url=MEMORY, ledger_url=f"fabric:{profile}")
    async with running(settings) as system:
        return {check.subject: check for check in await examine_ledger(system)}


async def test_a_network_that_is_in_order(network: SimulatedNetwork, tmp_path: Path) -> None:
    found = await examined(tmp_path, write_profile(network, tmp_path))
    assert {check.state for check in found.values()} == {State.OK}
    assert found["ledger"].found == "the contract witness on the channel concordat answers"
    assert found["organisations"].found == "3 of 3 answer, and receipts need 2"
    assert found["identity"].found.startswith("the certificate for Org1MSP is good until ")


async def test_an_organisation_that_is_down_is_named(network: SimulatedNetwork, tmp_path: Path) -> None:
    profile = write_profile(network, tmp_path)
    await network.kill("org3.peer")
    found = await examined(tmp_path, profile)
    assert (found["ledger"].state, found["organisations"].state) == (State.OK, State.WARNING)
    assert found["organisations"].found == "2 of 3 answer, and receipts need 2"
    assert "Org3MSP" in found["organisations"].advice
    assert "provisional" not in found["organisations"].advice


async def test_a_network_that_is_down_keeps_nobody_from_serving(network: SimulatedNetwork, tmp_path: Path) -> None:
    profile = write_profile(network, tmp_path)
    for peer in ("org1.peer", "org2.peer", "org3.peer"):
        await network.kill(peer)
    found = await examined(tmp_path, profile)
    assert found["ledger"].state is State.WARNING
    assert found["ledger"].found == "the contract witness on the channel concordat does not answer: unavailable"
    assert found["ledger"].advice.endswith("Business goes on meanwhile, and receipts stay provisional.")
    assert "organisations" not in found


async def test_too_few_organisations_for_a_receipt_are_a_warning(network: SimulatedNetwork, tmp_path: Path) -> None:
    profile = write_profile(network, tmp_path)
    for peer in ("org2.peer", "org3.peer"):
        await network.kill(peer)
    found = await examined(tmp_path, profile)
    assert (found["ledger"].state, found["organisations"].state) == (State.OK, State.WARNING)
    assert found["organisations"].found == "1 of 3 answer, and receipts need 2"
    assert "provisional" in found["organisations"].advice


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ('channel = "concordat"', 'channel = "elsewhere"', "configuration"),
        ("-tls.pem", "-ca.pem", "configuration"),
        ('"Org1MSP"', '"Org9MSP"', "access-denied"),
    ],
    ids=["unknown channel", "another authority", "an organisation that is no member"],
)
async def test_what_will_never_work_fails(
    network: SimulatedNetwork, tmp_path: Path, right: str, wrong: str, fault: str
) -> None:
    profile = write_profile(network, tmp_path)
    profile.write_text(profile.read_text().replace(right, wrong))
    found = await examined(tmp_path, profile)
    assert (found["ledger"].state, found["ledger"].found.endswith(f": {fault}")) == (State.FAILED, True)
    assert found["ledger"].advice


async def test_a_clock_that_is_off_is_told_with_the_difference(network: SimulatedNetwork, tmp_path: Path) -> None:
    profile = write_profile(network, tmp_path)
    for number in (1, 2, 3):
        network.skew(f"org{number}.peer", 3600)
    found = await examined(tmp_path, profile)
    assert found["ledger"].state is State.FAILED
    assert re.fullmatch(r"This machine's clock is 36\d\d s behind the peer's: set the clock\.", found["ledger"].advice)


async def test_an_identity_that_expired_fails_and_one_that_will_soon_is_a_warning(
    network: SimulatedNetwork, tmp_path: Path
) -> None:
    profile = profile_at(write_profile(network, tmp_path))
    until = profile.good_until
    states = {
        timedelta(days=-31): State.OK,
        timedelta(days=-30): State.WARNING,
        timedelta(seconds=-1): State.WARNING,
        timedelta(0): State.FAILED,
    }
    for when, state in states.items():
        (check,) = life_of_identity(profile, until + when)
        assert check.state is state
    expired = write_profile(network, tmp_path, member=network.enroll("Org1MSP", lifetime=timedelta(hours=-1)))
    (check,) = life_of_identity(profile_at(expired), until - timedelta(days=1))
    assert check.state is State.FAILED
    assert "expired at" in check.found
