"""Evidence of three organisations, two of which must agree, while the word of one does not count."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from adapters.outbound.fabric.gateway.messages import ChaincodeAction
from adapters.outbound.fabric.ledger import FabricLedger
from adapters.outbound.signatures import SIGNATURES
from adapters.outbound.x509 import check_endorsement
from core.log.evidence import check_evidence
from core.log.trust import LedgerTrust
from ports.ledger import LedgerBusy
from shared.canonical import Json
from tests.contracts.ledger import HONEST, ORIGIN
from tests.fabric_simulator.identities import Authority
from tests.fabric_simulator.network import SimulatedNetwork
from tests.support.attempts import MemoryAttempts
from tests.support.consortium import THREE, consortium
from tests.support.fabric_backends import Ledgers, ledgers_on


@pytest.fixture
async def three() -> AsyncIterator[Ledgers]:
    """A log of five leaves is anchored."""
    async with consortium(THREE) as network, ledgers_on(network) as ledgers:
        ledger = await ledgers.make(MemoryAttempts())
        await ledger.register(ORIGIN, str(HONEST.key))
        await ledger.submit([HONEST.submission(5)])
        yield ledgers


async def vouching(three: Ledgers, trust: LedgerTrust) -> tuple[str, ...]:
    """Whose peers vouch for the log of five leaves, as a verifier with the same trust sees it."""
    gateway = await three.gateway()
    contract = gateway.contract(three.network.channel, three.network.chaincode)
    ledger = FabricLedger(contract, MemoryAttempts(), trust, three.secret, check_endorsement)
    found = await ledger.evidence(ORIGIN, 5)
    assert found is not None
    evidence = cast("dict[str, Json]", found)
    return check_evidence(evidence, HONEST.checkpoint(5), trust, SIGNATURES).organisations


async def distrusting(three: Ledgers, why: str) -> LedgerTrust:
    """Two must agree, and the third organisation's peer is none whose word counts."""
    network, trust = three.network, replace(three.trust, k=2)
    assert isinstance(network, SimulatedNetwork)
    if why == "revoked":
        stolen = network.enroll("Org3MSP", ("peer",))
        await network.renew("org3.peer", stolen)
        certificate = x509.load_pem_x509_certificate(stolen.certificate)
        return replace(trust, revocations=(certificate.fingerprint(hashes.SHA256()).hex(),))
    if why == "of another authority":
        other = Authority("Org3MSP CA", random.Random(11), datetime.now(UTC)).pem.decode()
        return replace(trust, organisations={**trust.organisations, "Org3MSP": (other,)})
    network.lie("org3.peer", lambda action: replace(action, response=None) if why == "mute" else _elsewhere(action))
    return trust


def _elsewhere(action: ChaincodeAction) -> ChaincodeAction:
    return replace(action, results=b"")


@pytest.mark.parametrize("why", ["revoked", "of another authority", "mute", "elsewhere"])
async def test_an_organisation_whose_word_does_not_count_keeps_nobody_elses_from_counting(
    three: Ledgers, why: str
) -> None:
    trust = await distrusting(three, why)
    assert await vouching(three, trust) == ("Org1MSP", "Org2MSP")


async def test_where_its_word_is_needed_what_is_wrong_with_it_is_told(three: Ledgers) -> None:
    trust = await distrusting(three, "revoked")
    with pytest.raises(LedgerBusy, match="revoked"):
        await vouching(three, replace(trust, k=3))
