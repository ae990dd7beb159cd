"""How a peer judges a block: every envelope by itself, then doubles, then reads against the state before each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from adapters.outbound.fabric.gateway.messages import (
    ENDORSER_TRANSACTION,
    ChaincodeAction,
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    ChaincodeEvent,
    ChaincodeHeaderExtension,
    ChaincodeProposalPayload,
    ChannelHeader,
    Endorsement,
    Envelope,
    Header,
    Payload,
    ProposalResponsePayload,
    SignatureHeader,
    Timestamp,
    Transaction,
)
from adapters.outbound.fabric.gateway.signables import transaction_id
from shared.protowire import NotProtobuf, decode
from tests.fabric_simulator.channel import Channel
from tests.fabric_simulator.endorser import proposal_hash
from tests.fabric_simulator.identities import InvalidIdentity, Known, UnknownIdentity
from tests.fabric_simulator.messages import SignaturePolicyEnvelope, Version
from tests.fabric_simulator.policies import VALIDATION_PARAMETER, policy_of, satisfied
from tests.fabric_simulator.rwset import ReadWrites, decoded, phantom, stale_read
from tests.fabric_simulator.state import Held, Ledger, Past, State

VALID = 0
BAD_PAYLOAD, BAD_COMMON_HEADER, BAD_CREATOR_SIGNATURE, INVALID_ENDORSER_TRANSACTION = 2, 3, 4, 5
BAD_PROPOSAL_TXID, DUPLICATE_TXID, ENDORSEMENT_POLICY_FAILURE = 8, 9, 10
MVCC_READ_CONFLICT, PHANTOM_READ_CONFLICT = 11, 12
BAD_RWSET, ILLEGAL_WRITESET, INVALID_CHAINCODE, INVALID_OTHER_REASON = 22, 23, 25, 255


M = TypeVar("M")


class Void(Exception):
    """A transaction that counts for nothing; `code` is its TxValidationCode."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A transaction that is well-formed."""

    tx_id: str
    time: Timestamp
    chaincode: str
    action: ChaincodeAction
    response_payload: bytes
    endorsements: tuple[Endorsement, ...]
    creator: bytes
    payload: bytes
    signature: bytes
    spaces: tuple[ReadWrites, ...]

    @property
    def event(self) -> ChaincodeEvent | None:
        return decode(ChaincodeEvent, self.action.events) if self.action.events else None


@dataclass(slots=True)
class _Policies:
    """A block's judgement by policies: which keys' own policies an earlier transaction of it has changed."""

    channel: Channel
    state: State
    changed: set[tuple[str, str]] = field(default_factory=set)

    def judge(self, one: Judged) -> None:
        """Raises Void."""
        signers = self._signers(one)
        written = {space.namespace: space.written() for space in one.spaces}
        for namespace in sorted({one.chaincode, *(name for name, keys in written.items() if keys)}):
            if namespace != self.channel.chaincode:
                raise Void(INVALID_CHAINCODE)
            for policy in self._policies(namespace, written.get(namespace, [])):
                if not satisfied(policy, signers):
                    raise Void(ENDORSEMENT_POLICY_FAILURE)
        for space in one.spaces:
            self.changed.update((space.namespace, write.key) for write in space.rwset.metadata_writes)

    def _policies(self, namespace: str, keys: Sequence[str]) -> list[SignaturePolicyEnvelope]:
        """A key's own policy takes the place of the chaincode's, which is also that of writing nothing."""
        found = []
        for key in keys:
            if (namespace, key) in self.changed:
                raise Void(ENDORSEMENT_POLICY_FAILURE)
            held = self.state.get(namespace, key)
            own = None if held is None else held.metadata.get(VALIDATION_PARAMETER)
            found.append(self.channel.policy if own is None else policy_of(own))
        return list(dict.fromkeys(found)) or [self.channel.policy]

    def _signers(self, one: Judged) -> list[Known]:
        """Whose signatures are good; the others are skipped."""
        found = []
        for endorsement in one.endorsements:
            data = one.response_payload + endorsement.endorser
            try:
                found.append(self.channel.membership.signed(endorsement.endorser, data, endorsement.signature))
            except (UnknownIdentity, InvalidIdentity):
                continue
        return found


def judge(channel: Channel, state: State, ledger: Ledger, envelopes: Sequence[bytes]) -> list[Judged | int]:
    """Each envelope before its reads are looked at (phases 1 and 2): well-formed, or a code."""
    policies, seen = _Policies(channel, state), set[str]()
    found: list[Judged | int] = []
    for envelope in envelopes:
        try:
            one = _judged(channel, ledger, envelope)
            policies.judge(one)
            if one.tx_id in seen:
                raise Void(DUPLICATE_TXID)
            seen.add(one.tx_id)
            found.append(one)
        except Void as void:
            found.append(void.code)
    return found


def apply(state: State, number: int, judged: Sequence[Judged | int]) -> bytes:
    """Phase 3, and the valid ones' writes: each is judged by the state that those before it left. The codes."""
    touched: set[tuple[str, str]] = set()
    codes = []
    for place, one in enumerate(judged):
        code = one if isinstance(one, int) else _conflict(state, one, touched)
        if not isinstance(one, int) and code == VALID:
            for space in one.spaces:
                _write(state, space, one, Version(block_num=number, tx_num=place), touched)
        codes.append(code)
    return bytes(codes)


def tx_id_of(envelope: bytes) -> str:
    """The id that an envelope names, well-formed or not; empty where there is none."""
    one = parsed(envelope)
    if not isinstance(one, int):
        return one.tx_id
    try:
        header = decode(Payload, decode(Envelope, envelope).payload).header or Header()
        return decode(ChannelHeader, header.channel_header).tx_id
    except NotProtobuf:
        return ""


def _judged(channel: Channel, ledger: Ledger, envelope: bytes) -> Judged:
    one = parsed(envelope)
    if isinstance(one, int):
        raise Void(one)
    try:
        channel.membership.signed(one.creator, one.payload, one.signature)
    except (UnknownIdentity, InvalidIdentity):
        raise Void(BAD_CREATOR_SIGNATURE) from None
    if ledger.outcome(one.tx_id) is not None:
        raise Void(DUPLICATE_TXID)
    named = one.action.chaincode_id
    if named is None:
        raise Void(INVALID_OTHER_REASON)
    if not one.chaincode or named.name != one.chaincode or not named.version:
        raise Void(INVALID_CHAINCODE)
    event = one.event
    if event is not None and event.chaincode_id != one.chaincode:
        raise Void(INVALID_OTHER_REASON)
    names = [space.namespace for space in one.spaces]
    if len(set(names)) != len(names):
        raise Void(ILLEGAL_WRITESET)
    return one


def _conflict(state: State, one: Judged, touched: set[tuple[str, str]]) -> int:
    for space in one.spaces:
        if stale_read(state, space, touched):
            return MVCC_READ_CONFLICT
        if phantom(state, space):
            return PHANTOM_READ_CONFLICT
    return VALID


def _write(state: State, space: ReadWrites, one: Judged, version: Version, touched: set[tuple[str, str]]) -> None:
    """A new value keeps the key's metadata; metadata alone gives what is there a new version; a deletion drops both."""
    values = {write.key: write for write in space.rwset.writes}
    metadata = {
        write.key: {entry.name: entry.value for entry in write.entries} for write in space.rwset.metadata_writes
    }
    for key in space.written():
        held, write = state.get(space.namespace, key), values.get(key)
        if write is None and held is None:
            continue
        touched.add((space.namespace, key))
        if write is not None and (write.is_delete or not write.value):
            state.delete(space.namespace, key)
        else:
            value = write.value if write is not None else held.value if held is not None else b""
            kept = metadata.get(key, {} if held is None else held.metadata)
            state.put(space.namespace, key, Held(value=value, version=version, metadata=kept))
    for write in values.values():
        past = Past(
            tx_id=one.tx_id,
            value=write.value,
            seconds=one.time.seconds,
            nanos=one.time.nanos,
            is_delete=write.is_delete,
        )
        state.remember(space.namespace, write.key, past)


@lru_cache(maxsize=8192)
def parsed(envelope: bytes) -> Judged | int:
    """What an envelope holds, or the code of what is wrong with its form. Remembered: every peer asks the same."""
    try:
        return _parsed(envelope)
    except Void as void:
        return void.code


def _parsed(envelope: bytes) -> Judged:
    outer = _decoded(Envelope, envelope, INVALID_OTHER_REASON)
    payload = _decoded(Payload, outer.payload, BAD_PAYLOAD)
    header = payload.header or Header()
    channel = _decoded(ChannelHeader, header.channel_header, BAD_COMMON_HEADER)
    signature = _decoded(SignatureHeader, header.signature_header, BAD_COMMON_HEADER)
    if channel.type != ENDORSER_TRANSACTION or channel.epoch or not signature.nonce or not signature.creator:
        raise Void(BAD_COMMON_HEADER)
    if channel.tx_id != transaction_id(signature.nonce, signature.creator):
        raise Void(BAD_PROPOSAL_TXID)
    endorsed = _endorsed(payload, header)
    response = _decoded(ProposalResponsePayload, endorsed.proposal_response_payload, INVALID_ENDORSER_TRANSACTION)
    action = _decoded(ChaincodeAction, response.extension, INVALID_ENDORSER_TRANSACTION)
    extension = _decoded(ChaincodeHeaderExtension, channel.extension, INVALID_ENDORSER_TRANSACTION)
    try:
        spaces = tuple(decoded(action.results))
    except NotProtobuf:
        raise Void(BAD_RWSET) from None
    return Judged(
        tx_id=channel.tx_id,
        time=channel.timestamp or Timestamp(),
        chaincode="" if extension.chaincode_id is None else extension.chaincode_id.name,
        action=action,
        response_payload=endorsed.proposal_response_payload,
        endorsements=endorsed.endorsements,
        creator=signature.creator,
        payload=outer.payload,
        signature=outer.signature,
        spaces=spaces,
    )


def _endorsed(payload: Payload, header: Header) -> ChaincodeEndorsedAction:
    """The one action, which must be about the proposal whose headers the envelope carries."""
    actions = _decoded(Transaction, payload.data, INVALID_ENDORSER_TRANSACTION).actions
    if len(actions) != 1 or actions[0].header != header.signature_header:
        raise Void(INVALID_ENDORSER_TRANSACTION)
    body = _decoded(ChaincodeActionPayload, actions[0].payload, INVALID_ENDORSER_TRANSACTION)
    proposed = _decoded(ChaincodeProposalPayload, body.chaincode_proposal_payload, INVALID_ENDORSER_TRANSACTION)
    if body.action is None:
        raise Void(INVALID_ENDORSER_TRANSACTION)
    response = _decoded(ProposalResponsePayload, body.action.proposal_response_payload, INVALID_ENDORSER_TRANSACTION)
    if response.proposal_hash != proposal_hash(header, proposed.input):
        raise Void(INVALID_ENDORSER_TRANSACTION)
    return body.action


def _decoded(form: type[M], data: bytes, code: int) -> M:
    try:
        return decode(form, data)
    except NotProtobuf:
        raise Void(code) from None
