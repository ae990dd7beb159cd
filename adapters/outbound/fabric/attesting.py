"""Attested reads: one peer of each organisation is asked to sign what it has committed."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from adapters.outbound.fabric.gateway.errors import EndorseError, Fault
from adapters.outbound.fabric.gateway.gateway import Contract
from adapters.outbound.fabric.gateway.messages import (
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    ChaincodeProposalPayload,
    Header,
    Payload,
    Transaction,
)
from adapters.outbound.fabric.gateway.signables import Endorsed, Proposal
from core.log.errors import EvidenceInvalid
from core.log.fabric.attested import (
    AttestedRead,
    CheckEndorsement,
    Question,
    about_checkpoint,
    answered_checkpoint,
    check_attested,
)
from core.log.trust import LedgerTrust
from shared.protowire import NotProtobuf, decode

Told = Callable[[AttestedRead], Question]
"""What a read, of which nothing was checked yet, claims to be about."""


async def attested_read(
    contract: Contract, call: tuple[str, ...], told: Told, trust: LedgerTrust, check: CheckEndorsement
) -> AttestedRead:
    """A read that as many organisations signed as answer and agree, k of them at least; nothing is submitted.

    Each is asked by itself, so that one whose peer is down or lags behind, or whose word does not count, does not keep
    the others' from counting. Raises EndorseError where nobody answers (or the contract does not hold it),
    EvidenceInvalid where too few agree.
    """
    proposal = contract.gateway.signed(contract.propose(*call))

    async def asked(organisation: str) -> AttestedRead:
        read = _read(await contract.gateway.endorse(replace(proposal, organizations=(organisation,))))
        question = told(read)
        if question.call != call:
            raise EvidenceInvalid("the peers answered about something else")
        signed = check_attested(read.to_json(), question, replace(trust, k=1), check)
        if signed.organisations != (organisation,):
            raise EvidenceInvalid("endorsed by another organisation than was asked")
        return read

    answers = await asyncio.gather(*map(asked, sorted(trust.organisations)), return_exceptions=True)
    reads = [one for one in answers if isinstance(one, AttestedRead)]
    unsound = [one for one in answers if isinstance(one, EvidenceInvalid)]
    others = [one for one in answers if isinstance(one, BaseException) and one not in unsound]
    if others and not reads:
        raise others[0]
    if unsound and len(reads) < trust.k:
        raise unsound[0]
    read = _joined(reads)
    check_attested(read.to_json(), told(read), trust, check)
    return read


def about_answered(read: AttestedRead) -> Question:
    """About the checkpoint that was answered with: whoever asks for a size does not know its root."""
    return about_checkpoint(answered_checkpoint(read))


async def asked_one_by_one(contract: Contract, proposal: Proposal, trust: LedgerTrust) -> Mapping[str, Fault | None]:
    """What kept each organisation's peers from running the call; None where they ran it, whatever came of it."""
    proposal = contract.gateway.signed(proposal)

    async def fault_of(organisation: str) -> Fault | None:
        try:
            await contract.gateway.endorse(replace(proposal, organizations=(organisation,)))
        except EndorseError as error:
            return None if error.fault is Fault.CONTRACT else error.fault
        return None

    names = sorted(trust.organisations)
    return dict(zip(names, await asyncio.gather(*map(fault_of, names)), strict=True))


def _read(transaction: Endorsed) -> AttestedRead:
    """Raises EvidenceInvalid for what is no endorsed call at all."""
    try:
        payload = decode(Payload, transaction.data)
        acted = decode(ChaincodeActionPayload, decode(Transaction, payload.data).actions[0].payload)
        call = decode(ChaincodeProposalPayload, acted.chaincode_proposal_payload).input
    except (NotProtobuf, IndexError) as error:
        raise EvidenceInvalid("an attested read that is malformed") from error
    header, endorsed = payload.header or Header(), acted.action or ChaincodeEndorsedAction()
    return AttestedRead(
        channel_header=header.channel_header,
        signature_header=header.signature_header,
        call=call,
        payload=endorsed.proposal_response_payload,
        endorsements=tuple((one.endorser, one.signature) for one in endorsed.endorsements),
    )


def _joined(reads: list[AttestedRead]) -> AttestedRead:
    """The read that most organisations signed, with all of their signatures; of equals the first."""
    by_payload: dict[bytes, list[AttestedRead]] = {}
    for read in reads:
        by_payload.setdefault(read.payload, []).append(read)
    agreeing = max(by_payload.values(), key=len)
    endorsements = tuple(one for read in agreeing for one in read.endorsements)
    return agreeing[0].with_endorsements(endorsements)
