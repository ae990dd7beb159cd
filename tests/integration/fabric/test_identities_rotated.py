"""Identities of a network are exchanged, and evidence of before and after verifies; on simulated and real networks.

An organisation's authority is replaced on the simulator alone: on a real channel that is an update of its
configuration, for which the programs that these tests start have no tool. Evidence of real peers is verified with two
roots there.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from adapters.outbound.fabric.ledger import FabricLedger
from adapters.outbound.signatures import SIGNATURES
from adapters.outbound.x509 import check_endorsement
from core.log.errors import EvidenceInvalid
from core.log.evidence import check_evidence
from core.log.trust import LedgerTrust, parse_ledger_trust
from ports.ledger import Anchored, LedgerBusy, LedgerUnavailable
from shared.canonical import Json
from tests.contracts.ledger import HONEST, ORIGIN
from tests.contracts.rotations import NEXT, ranges, rotate
from tests.fabric_simulator.identities import Authority
from tests.fabric_simulator.network import SimulatedNetwork
from tests.support.attempts import MemoryAttempts
from tests.support.consortium import consortium
from tests.support.fabric_backends import Ledgers
from tests.support.networks import Member, Network

Evidence = Mapping[str, object]
T = TypeVar("T")


def fingerprint(member: Member) -> str:
    return x509.load_pem_x509_certificate(member.certificate).fingerprint(hashes.SHA256()).hex()


def with_roots(trust: LedgerTrust, msp_id: str, *roots: bytes) -> LedgerTrust:
    """The same as it is exported and read again, with these files of roots for one organisation."""
    changed = replace(trust, organisations={**trust.organisations, msp_id: tuple(each.decode() for each in roots)})
    return parse_ledger_trust(cast(Json, changed.to_json()))


def is_good(evidence: Evidence | None, size: int, trust: LedgerTrust) -> bool:
    assert evidence is not None
    try:
        vouched = check_evidence(cast("dict[str, Json]", evidence), HONEST.checkpoint(size), trust, SIGNATURES)
    except EvidenceInvalid:
        return False
    return vouched.organisations == tuple(sorted(trust.organisations))


async def acting(ledgers: Ledgers, member: Member | None = None, trust: LedgerTrust | None = None) -> FabricLedger:
    """A worker that acts as this client."""
    gateway = await ledgers.gateway(member)
    contract = gateway.contract(ledgers.network.channel, ledgers.network.chaincode)
    return FabricLedger(contract, MemoryAttempts(), trust or ledgers.trust, ledgers.secret, check_endorsement)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer once peers know each other again: a peer with another certificate is a stranger to the others."""
    for _again in range(120):
        with suppress(LedgerBusy):
            return await ask()
        await asyncio.sleep(0.5)
    return await ask()


async def anchored(ledgers: Ledgers) -> tuple[FabricLedger, Evidence]:
    """A log of five leaves, and the evidence of that."""
    ledger = await acting(ledgers)
    await patiently(lambda: ledger.register(ORIGIN, str(HONEST.key)))
    assert await ledger.submit([HONEST.submission(5)]) == [Anchored(origin=ORIGIN, size=5)]
    evidence = await ledger.evidence(ORIGIN, 5)
    assert evidence is not None and is_good(evidence, 5, ledgers.trust)
    return ledger, evidence


async def test_another_certificate_of_our_client_anchors_on_and_rotates_what_the_first_one_registered(
    network: Network, ledgers: Ledgers
) -> None:
    _, before = await anchored(ledgers)
    renewed = await acting(ledgers, network.enroll(network.peers[0].msp_id))
    assert await renewed.submit([HONEST.submission(8, 5)]) == [Anchored(origin=ORIGIN, size=8)]
    await rotate(renewed, 9)
    assert list(await renewed.keys(ORIGIN)) == ranges((HONEST, 0, 9), (NEXT, 9, None))
    assert await renewed.submit([NEXT.submission(9, 8)]) == [Anchored(origin=ORIGIN, size=9)]
    assert is_good(before, 5, ledgers.trust)
    assert is_good(await renewed.evidence(ORIGIN, 9), 9, ledgers.trust)


async def test_a_peer_with_another_certificate_vouches_for_old_and_new_and_the_old_one_may_be_revoked(
    network: Network, ledgers: Ledgers
) -> None:
    msp_id, name = network.peers[0].msp_id, network.peers[0].name
    first = network.enroll(msp_id, ("peer",))
    await network.renew(name, first)
    ledger, before = await anchored(ledgers)
    second = network.enroll(msp_id, ("peer",))
    await network.renew(name, second)
    answers = await patiently(lambda: ledger.submit([HONEST.submission(8, 5)]))
    assert answers == [Anchored(origin=ORIGIN, size=8)]
    after, again = await ledger.evidence(ORIGIN, 8), await ledger.evidence(ORIGIN, 5)
    assert [is_good(evidence, size, ledgers.trust) for evidence, size in ((before, 5), (after, 8), (again, 5))] == [
        True
    ] * 3
    for revoked, good in ((first, [False, True, True]), (second, [True, False, False])):
        trust = replace(ledgers.trust, revocations=(fingerprint(revoked),))
        assert [is_good(evidence, size, trust) for evidence, size in ((before, 5), (after, 8), (again, 5))] == good


async def test_what_peers_of_the_old_authority_signed_verifies_beside_a_second_root_and_not_with_that_alone(
    network: Network, ledgers: Ledgers
) -> None:
    _, before = await anchored(ledgers)
    msp_id = network.peers[0].msp_id
    old, new = network.root(msp_id), another_authority(msp_id).pem
    for roots in ((old + new,), (new + old,), (old, new), (new, old)):
        assert is_good(before, 5, with_roots(ledgers.trust, msp_id, *roots))
    assert not is_good(before, 5, with_roots(ledgers.trust, msp_id, new))


def another_authority(msp_id: str) -> Authority:
    """Of the same name, and with a key of its own."""
    return Authority(f"{msp_id} CA", random.Random(11), datetime.now(UTC))


class TestReplacedAuthority:
    """On the simulator, whose channel takes a second root for an organisation at once."""

    @pytest.fixture
    async def network(self) -> AsyncIterator[SimulatedNetwork]:
        async with consortium() as network:
            yield network

    async def test_an_organisation_whose_authority_was_replaced_goes_on_and_receipts_need_both_roots(
        self, network: SimulatedNetwork, ledgers: Ledgers
    ) -> None:
        _, before = await anchored(ledgers)
        msp_id, old = "Org1MSP", network.root("Org1MSP")
        successor = another_authority(msp_id)
        stranger = await acting(ledgers, successor.member(msp_id))
        with pytest.raises(LedgerUnavailable, match="access-denied"):
            await stranger.head(ORIGIN)
        network.succeed(msp_id, successor)
        await network.renew("org1.peer", successor.member(msp_id, ("peer",)))
        both = with_roots(ledgers.trust, msp_id, old + successor.pem)
        ledger = await acting(ledgers, successor.member(msp_id), both)
        assert await ledger.submit([HONEST.submission(8, 5)]) == [Anchored(origin=ORIGIN, size=8)]
        await rotate(ledger, 9)
        after, again = await ledger.evidence(ORIGIN, 8), await ledger.evidence(ORIGIN, 5)
        held = ((before, 5), (after, 8), (again, 5))
        assert [is_good(evidence, size, both) for evidence, size in held] == [True, True, True]
        assert [is_good(evidence, size, with_roots(both, msp_id, old)) for evidence, size in held] == [
            True,
            False,
            False,
        ]
        assert [is_good(evidence, size, with_roots(both, msp_id, successor.pem)) for evidence, size in held] == [
            False,
            True,
            True,
        ]
