"""How a Gateway collects endorsements: from whom, in which order, and the transaction that it makes of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.outbound.fabric.gateway.errors import Detail, TransportError
from adapters.outbound.fabric.gateway.messages import (
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    ChaincodeInvocationSpec,
    ChaincodeProposalPayload,
    ChannelHeader,
    Envelope,
    Header,
    Payload,
    Proposal,
    SignedProposal,
    Transaction,
    TransactionAction,
)
from shared.protowire import NotProtobuf, decode, encode
from tests.fabric_simulator.endorser import Answer
from tests.fabric_simulator.identities import Known
from tests.fabric_simulator.messages import SignaturePolicyEnvelope
from tests.fabric_simulator.peer import Peer
from tests.fabric_simulator.policies import minimal_sets
from tests.fabric_simulator.registry import Failed, Registry

_NO_COMBINATION = "no combination of peers can be derived which satisfy the endorsement policy"


class InvalidProposal(Exception):
    """What a Gateway does not even hand to a peer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a Gateway reads of a proposal."""

    channel: str
    chaincode: str
    transient: bool
    header: Header
    input: bytes


def named(proposal: SignedProposal, *, complete: bool) -> Named:
    """Raises InvalidProposal; with `complete`, also for names that are missing."""
    if not proposal.proposal_bytes:
        raise InvalidProposal(
            "a signed proposal is required" if complete else "the proposed transaction must contain a signed proposal"
        )
    try:
        message = decode(Proposal, proposal.proposal_bytes)
        header = decode(Header, message.header)
        channel = decode(ChannelHeader, header.channel_header).channel_id
        payload = decode(ChaincodeProposalPayload, message.payload)
        spec = decode(ChaincodeInvocationSpec, payload.input).chaincode_spec
    except NotProtobuf as error:
        raise InvalidProposal(f"error unmarshalling: {error.reason}") from error
    chaincode = "" if spec is None or spec.chaincode_id is None else spec.chaincode_id.name
    if complete and not channel:
        raise InvalidProposal("no channel id provided")
    if complete and not chaincode:
        raise InvalidProposal(f"no chaincode name is provided, channel id [{channel}]")
    transient = bool(payload.transient_map)
    return Named(channel=channel, chaincode=chaincode, transient=transient, header=header, input=payload.input)


@dataclass(slots=True)
class _Collected:
    """Endorsements of one payload: the first one's."""

    payload: bytes | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    details: list[Detail] = field(default_factory=list)

    def add(self, peer: Peer, answer: Answer | Failed) -> None:
        if isinstance(answer, Failed):
            self.failed.add(peer.name)
            self.details.append(answer.detail)
        elif self.payload is not None and answer.payload != self.payload:
            self.failed.add(peer.name)
            text = "ProposalResponsePayloads do not match"
            self.details.append(Detail(address=peer.address, msp_id=peer.msp_id, message=text))
        else:
            self.payload = answer.payload
            self.answers[peer.name] = answer


class Endorsing:
    """One Gateway's way to an endorsed transaction."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def endorsed(self, asked: Named, proposal: SignedProposal, organizations: Sequence[str]) -> Envelope:
        """Without a signature; raises TransportError."""
        collected = _Collected()
        if organizations:
            layouts = [self._of(asked, organizations)]
        else:
            layouts = await self._planned(asked, proposal, collected)
        for layout in layouts:
            if any(peer.name in collected.failed for peer in layout):
                continue
            missing = [peer for peer in layout if peer.name not in collected.answers]
            for peer, answer in zip(missing, await self._all(missing, proposal), strict=True):
                collected.add(peer, answer)
            if all(peer.name in collected.answers for peer in layout):
                return _prepared(asked, collected, layout)
        text = "failed to collect enough transaction endorsements, see attached details for more info"
        raise TransportError("ABORTED", text, collected.details)

    async def _all(self, peers: Sequence[Peer], proposal: SignedProposal) -> list[Answer | Failed]:
        return await asyncio.gather(*(self._registry.ask(peer, proposal) for peer in peers))

    def _of(self, asked: Named, organizations: Sequence[str]) -> list[Peer]:
        """One peer of each of these organisations; whether they suffice is not asked."""
        by_organization = {peer.msp_id: peer for peer in self._registry.endorsers(asked.channel, asked.chaincode)}
        missing = [msp_id for msp_id in organizations if msp_id not in by_organization]
        if missing:
            text = f"failed to find any endorsing peers for org(s): {', '.join(missing)}"
            raise TransportError("UNAVAILABLE", text)
        return [by_organization[msp_id] for msp_id in dict.fromkeys(organizations)]

    async def _planned(self, asked: Named, proposal: SignedProposal, collected: _Collected) -> list[list[Peer]]:
        """Runs the proposal here first: what it writes decides who else is needed. The best choice comes first."""
        registry = self._registry
        if registry.local not in registry.endorsers(asked.channel, asked.chaincode):
            raise TransportError("FAILED_PRECONDITION", _nobody(asked))
        first = await registry.ask(registry.local, proposal)
        if isinstance(first, Failed):
            text = "failed to endorse transaction, see attached details for more info"
            raise TransportError("ABORTED", text, [first.detail])
        layouts = self._layouts(asked, first.policies)
        if any(registry.local in layout for layout in layouts):
            collected.add(registry.local, first)
        return layouts

    def _layouts(self, asked: Named, policies: Sequence[SignaturePolicyEnvelope]) -> list[list[Peer]]:
        registry = self._registry
        members = {_as_known(peer): peer for peer in registry.members(asked.channel)}
        sets = minimal_sets(policies, list(members))
        if not sets:
            text = f"{_NO_COMBINATION}: no peer combination can satisfy the endorsement policy"
            raise TransportError("FAILED_PRECONDITION", text)
        layouts = [[members[known] for known in chosen] for chosen in sets]
        return sorted(layouts, key=lambda layout: registry.local not in layout)


def _nobody(asked: Named) -> str:
    if asked.transient:
        return (
            "no endorsers found in the gateway's organization; retry specifying endorsing organization(s) to protect "
            "transient data"
        )
    return f"{_NO_COMBINATION}: No metadata was found for chaincode {asked.chaincode} in channel {asked.channel}"


def _as_known(peer: Peer) -> Known:
    return Known(msp_id=peer.msp_id, role="peer", pem=peer.name.encode())


def _prepared(asked: Named, collected: _Collected, layout: Sequence[Peer]) -> Envelope:
    endorsements = tuple(
        answer.endorsement
        for name, answer in collected.answers.items()
        if answer.endorsement is not None and any(peer.name == name for peer in layout)
    )
    action = ChaincodeEndorsedAction(proposal_response_payload=collected.payload or b"", endorsements=endorsements)
    proposed = encode(ChaincodeProposalPayload(input=asked.input))
    body = encode(ChaincodeActionPayload(chaincode_proposal_payload=proposed, action=action))
    actions = (TransactionAction(header=asked.header.signature_header, payload=body),)
    return Envelope(payload=encode(Payload(header=asked.header, data=encode(Transaction(actions=actions)))))
