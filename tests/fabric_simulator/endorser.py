"""What a peer does with a signed proposal: Fabric's checks in Fabric's order, the chaincode, and an endorsement."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256

from adapters.outbound.fabric.gateway.messages import (
    ENDORSER_TRANSACTION,
    ChaincodeAction,
    ChaincodeHeaderExtension,
    ChaincodeID,
    ChaincodeInvocationSpec,
    ChaincodeProposalPayload,
    ChannelHeader,
    Endorsement,
    Header,
    Proposal,
    ProposalResponsePayload,
    Response,
    SignatureHeader,
    SignedProposal,
    Timestamp,
)
from adapters.outbound.fabric.gateway.signables import transaction_id
from shared.protowire import NotProtobuf, decode, encode
from tests.fabric_simulator.chaincode_requests import Call
from tests.fabric_simulator.chaincode_side import Chaincode, ChaincodeFailed, Completed
from tests.fabric_simulator.channel import Channel, claimed_msp_id
from tests.fabric_simulator.identities import InvalidIdentity, Known, UnknownIdentity, expires_at, serialized, signed
from tests.fabric_simulator.messages import SignaturePolicyEnvelope
from tests.fabric_simulator.node import Now
from tests.fabric_simulator.policies import VALIDATION_PARAMETER, UndecodablePolicy, policy_of
from tests.fabric_simulator.rwset import LIFECYCLE, Simulation, definition_key
from tests.fabric_simulator.state import Replica
from tests.support.networks import Member

TIME_WINDOW_SECONDS = 15 * 60
ERROR_THRESHOLD, ERROR = 400, 500

Tamper = Callable[[ChaincodeAction], ChaincodeAction]


class Refused(Exception):
    """A proposal that was not run; the text is the peer's. `answered`: whether the peer made a response of it, which
    decides what a Gateway makes of it, if it is the peer's own."""

    def __init__(self, text: str, *, answered: bool) -> None:
        super().__init__(text)
        self.answered = answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A ProposalResponse: without `payload` the peer failed; without `endorsement` nothing was endorsed. `policies`
    are those that the transaction must satisfy."""

    response: Response
    payload: bytes | None = None
    endorsement: Endorsement | None = None
    policies: tuple[SignaturePolicyEnvelope, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A proposal's parts."""

    signed: SignedProposal
    channel: ChannelHeader
    signature: SignatureHeader
    chaincode: str
    input: bytes
    """ChaincodeInput, encoded."""

    hash: bytes


class Endorser:
    """A peer's endorsing half. With `tamper` it lies, and signs what it says."""

    def __init__(self, member: Member, channel: Channel, replica: Replica, chaincode: Chaincode, now: Now) -> None:
        self.member, self.chaincode = member, chaincode
        self.tamper: Tamper | None = None
        self._channel, self._replica, self._now = channel, replica, now

    async def process(self, proposal: SignedProposal, *, from_own_gateway: bool = False) -> Answer:
        """Raises Refused. Before Fabric 3, what comes from the peer's own Gateway passes no filter."""
        if self._channel.newer or not from_own_gateway:
            self._filter(proposal)
        try:
            unpacked = unpack(proposal)
        except NotProtobuf as error:
            raise Refused(error.reason, answered=True) from error
        if unpacked.channel.channel_id != self._channel.name:
            return _failed(f"channel '{unpacked.channel.channel_id}' not found")
        self._check(unpacked)
        try:
            return await self._simulated(unpacked)
        except ChaincodeFailed as error:
            return _failed(f"error in simulation: {error}")
        except UndecodablePolicy:
            return _failed("error in simulation: error unmarshalling SignaturePolicyEnvelope")

    def _filter(self, proposal: SignedProposal) -> None:
        """What stands in front of the endorser: the creator's expiry, and (since Fabric 3) the proposal's time."""
        try:
            channel, signature = _headers(proposal.proposal_bytes)
        except NotProtobuf as error:
            raise Refused(f"failed parsing proposal: {error.reason}", answered=False) from error
        creator, stamp = signature.creator, channel.timestamp or Timestamp()
        expiry, now = expires_at(creator), self._now()
        if expiry is not None and now > expiry.timestamp() * 1_000_000_000:
            raise Refused("proposal client identity expired", answered=False)
        off = abs(stamp.seconds * 1_000_000_000 + stamp.nanos - now) > TIME_WINDOW_SECONDS * 1_000_000_000
        if off and self._channel.newer:
            raise Refused(
                f"request unauthorized due to incorrect timestamp {_rfc3339(stamp.seconds)}, "
                f"peer time {_rfc3339(now // 1_000_000_000)}, peer.authentication.timewindow 15m0s",
                answered=False,
            )

    def _check(self, unpacked: Unpacked) -> None:
        header, creator = unpacked.channel, unpacked.signature.creator
        wrong = _wrong_header(unpacked)
        if wrong is not None:
            raise Refused(f"error validating proposal: {wrong}", answered=True)
        known = self._creator(unpacked)
        if self._replica.ledger.outcome(header.tx_id) is not None:
            raise Refused(f"duplicate transaction found [{header.tx_id}]. Creator [{creator.hex()}]", answered=True)
        if not self._channel.may_write(known):
            raise Refused(self._channel.denied("Writers"), answered=True)

    def _creator(self, unpacked: Unpacked) -> Known:
        name, creator = self._channel.name, unpacked.signature.creator
        membership = self._channel.membership
        try:
            return membership.signed(creator, unpacked.signed.proposal_bytes, unpacked.signed.signature)
        except UnknownIdentity:
            cause = f"access denied: channel [{name}] creator org unknown, creator is malformed"
        except InvalidIdentity:
            cause = f"access denied: channel [{name}] creator org [{claimed_msp_id(creator)}]"
        raise Refused(f"error validating proposal: {cause}", answered=True)

    async def _simulated(self, unpacked: Unpacked) -> Answer:
        async with self._replica.state.simulating():
            simulation = Simulation(self._replica.state, unpacked.channel.tx_id)
            simulation.get(LIFECYCLE, definition_key(unpacked.chaincode))
            if unpacked.chaincode != self._channel.chaincode:
                return _failed(
                    f"make sure the chaincode {unpacked.chaincode} has been successfully defined on channel "
                    f"{self._channel.name} and try again: chaincode {unpacked.chaincode} not found"
                )
            call = Call(
                simulation=simulation,
                namespace=unpacked.chaincode,
                channel=unpacked.channel.channel_id,
                tx_id=unpacked.channel.tx_id,
                input=unpacked.input,
                proposal=unpacked.signed,
            )
            completed = await self.chaincode.execute(call)
            policies = self._policies(simulation)
        return self._answer(unpacked, completed, simulation.encoded(), policies)

    def _policies(self, simulation: Simulation) -> tuple[SignaturePolicyEnvelope, ...]:
        """The committed policies of the keys that are written, and the chaincode's for all others and for reads."""
        found: dict[SignaturePolicyEnvelope, None] = {}
        written = list(simulation.written())
        for namespace, key in written:
            held = self._replica.state.get(namespace, key)
            own = None if held is None else held.metadata.get(VALIDATION_PARAMETER)
            found[self._channel.policy if own is None else policy_of(own)] = None
        return tuple(found) or (self._channel.policy,)

    def _answer(
        self, unpacked: Unpacked, completed: Completed, results: bytes, policies: tuple[SignaturePolicyEnvelope, ...]
    ) -> Answer:
        response, event = completed.response, completed.event
        if ERROR_THRESHOLD <= response.status < ERROR:
            return Answer(response=response)
        if event is not None:
            event = replace(event, chaincode_id=unpacked.chaincode, tx_id=unpacked.channel.tx_id)
        refused = response.status >= ERROR
        action = ChaincodeAction(
            results=results,
            events=b"" if event is None or refused else encode(event),
            response=response,
            chaincode_id=ChaincodeID(name=unpacked.chaincode, version=self._channel.chaincode_version),
        )
        if self.tamper is not None:
            action = self.tamper(action)
        payload = encode(ProposalResponsePayload(proposal_hash=unpacked.hash, extension=encode(action)))
        if refused:
            return Answer(response=response, payload=payload, policies=policies)
        endorser = serialized(self.member)
        endorsement = Endorsement(endorser=endorser, signature=signed(self.member, payload + endorser))
        return Answer(response=response, payload=payload, endorsement=endorsement, policies=policies)


@lru_cache(maxsize=1024)
def _headers(proposal: bytes) -> tuple[ChannelHeader, SignatureHeader]:
    header = decode(Header, decode(Proposal, proposal).header)
    return decode(ChannelHeader, header.channel_header), decode(SignatureHeader, header.signature_header)


@lru_cache(maxsize=1024)
def unpack(proposal: SignedProposal) -> Unpacked:
    """Raises NotProtobuf, also for parts that are missing. Remembered: every peer asks the same."""
    message = decode(Proposal, proposal.proposal_bytes)
    header = decode(Header, message.header)
    channel, signature = _headers(proposal.proposal_bytes)
    extension = decode(ChaincodeHeaderExtension, channel.extension)
    if extension.chaincode_id is None:
        raise NotProtobuf("ChaincodeHeaderExtension.ChaincodeId is nil")
    if not extension.chaincode_id.name:
        raise NotProtobuf("ChaincodeHeaderExtension.ChaincodeId.Name is empty")
    payload = decode(ChaincodeProposalPayload, message.payload)
    spec = decode(ChaincodeInvocationSpec, payload.input).chaincode_spec
    if spec is None:
        raise NotProtobuf("chaincode invocation spec did not contain chaincode spec")
    if spec.input is None:
        raise NotProtobuf("chaincode input did not contain any input")
    return Unpacked(
        signed=proposal,
        channel=channel,
        signature=signature,
        chaincode=extension.chaincode_id.name,
        input=encode(spec.input),
        hash=proposal_hash(header, payload.input),
    )


def proposal_hash(header: Header, call: bytes) -> bytes:
    """Over both headers and the payload without what is transient."""
    payload = encode(ChaincodeProposalPayload(input=call))
    return sha256(header.channel_header + header.signature_header + payload).digest()


def _wrong_header(unpacked: Unpacked) -> str | None:
    header, signature = unpacked.channel, unpacked.signature
    if header.type not in (ENDORSER_TRANSACTION, 1):
        return f"invalid header type {_HEADER_TYPES.get(header.type, header.type)}"
    if header.epoch != 0:
        return "epoch is non-zero"
    if not signature.nonce:
        return "nonce is empty"
    if not signature.creator:
        return "creator is empty"
    expected = transaction_id(signature.nonce, signature.creator)
    if header.tx_id != expected:
        return f"incorrectly computed txid '{header.tx_id}' -- expected '{expected}'"
    return None if unpacked.signed.signature else "empty signature bytes"


_HEADER_TYPES = {
    0: "MESSAGE",
    2: "CONFIG_UPDATE",
    4: "ORDERER_TRANSACTION",
    5: "DELIVER_SEEK_INFO",
    6: "CHAINCODE_PACKAGE",
}


def _failed(text: str) -> Answer:
    return Answer(response=Response(status=500, message=text))


def _rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
