"""Messages decoded all the way down, as plain data for comparing two: ids, keys, times and signatures are masked."""

from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

from adapters.outbound.fabric.gateway import messages as m
from shared.protowire import decode, encode
from tests.fabric_simulator.messages import (
    KVRWSet,
    MetadataEntry,
    NsReadWriteSet,
    SignaturePolicyEnvelope,
    TxReadWriteSet,
)
from tests.fabric_simulator.observing import Mask

NESTED: dict[tuple[type, str], type] = {
    (m.SignedProposal, "proposal_bytes"): m.Proposal,
    (m.Proposal, "header"): m.Header,
    (m.Proposal, "payload"): m.ChaincodeProposalPayload,
    (m.Header, "channel_header"): m.ChannelHeader,
    (m.Header, "signature_header"): m.SignatureHeader,
    (m.ChannelHeader, "extension"): m.ChaincodeHeaderExtension,
    (m.SignatureHeader, "creator"): m.SerializedIdentity,
    (m.ChaincodeProposalPayload, "input"): m.ChaincodeInvocationSpec,
    (m.Envelope, "payload"): m.Payload,
    (m.Payload, "data"): m.Transaction,
    (m.TransactionAction, "header"): m.SignatureHeader,
    (m.TransactionAction, "payload"): m.ChaincodeActionPayload,
    (m.ChaincodeActionPayload, "chaincode_proposal_payload"): m.ChaincodeProposalPayload,
    (m.ChaincodeEndorsedAction, "proposal_response_payload"): m.ProposalResponsePayload,
    (m.Endorsement, "endorser"): m.SerializedIdentity,
    (m.ProposalResponsePayload, "extension"): m.ChaincodeAction,
    (m.ChaincodeAction, "results"): TxReadWriteSet,
    (m.ChaincodeAction, "events"): m.ChaincodeEvent,
    (NsReadWriteSet, "rwset"): KVRWSet,
    (MetadataEntry, "value"): SignaturePolicyEnvelope,
    (m.CommitStatusRequest, "identity"): m.SerializedIdentity,
    (m.ChaincodeEventsRequest, "identity"): m.SerializedIdentity,
    (m.Wrapped, "value"): m.ErrorDetail,
}
"""Fields of bytes that are messages themselves."""

_HIDDEN = {
    (m.SignedProposal, "signature"),
    (m.SignedRequest, "signature"),
    (m.Envelope, "signature"),
    (m.Endorsement, "signature"),
    (m.SerializedIdentity, "id_bytes"),
    (m.SignatureHeader, "nonce"),
    (m.ChannelHeader, "timestamp"),
    (m.ProposalResponsePayload, "proposal_hash"),
}
"""Different in every run: it is told that they are there."""


def unfolded(mask: Mask, message: Any) -> dict[str, Any]:
    """By the names of fields; what stands at its default is left out. Raises NotProtobuf."""
    found = {}
    for field in fields(message):
        value, place = getattr(message, field.name), (type(message), field.name)
        if value in (None, 0, "", b"", ()) or value == {}:
            continue
        found[field.name] = "<there>" if place in _HIDDEN else _plain(mask, place, value)
    return found


def _plain(mask: Mask, place: tuple[type, str], value: Any) -> Any:
    if place in NESTED:
        return unfolded(mask, decode(NESTED[place], value))
    if isinstance(value, tuple):
        found = [_plain(mask, place, each) for each in value]
        # Whoever is asked at once answers in any order.
        return sorted(found, key=str) if place == (m.ChaincodeEndorsedAction, "endorsements") else found
    if is_dataclass(value):
        return unfolded(mask, value)
    if isinstance(value, bytes):
        return _text(mask, value)
    return mask.text(value) if isinstance(value, str) else value


def _text(mask: Mask, value: bytes) -> str:
    try:
        return mask.text(value.decode())
    except UnicodeDecodeError:
        return f"<{len(value)} bytes, {sha256(value).hexdigest()[:16]}>"


def rebuilt(message: Any) -> bytes:
    """The same bytes again, by decoding and encoding every message in it: nothing in it is unknown to our tables."""
    return encode(_rebuilt(message))


def _rebuilt(message: Any) -> Any:
    values = {}
    for field in fields(message):
        value, place = getattr(message, field.name), (type(message), field.name)
        if place in NESTED and value:
            value = rebuilt(decode(NESTED[place], value))
        elif isinstance(value, tuple):
            value = tuple(_rebuilt(each) if is_dataclass(each) else each for each in value)
        elif is_dataclass(value):
            value = _rebuilt(value)
        values[field.name] = value
    return type(message)(**values)
