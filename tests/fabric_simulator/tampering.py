"""Endorsed transactions taken apart and put together otherwise, as a client that means no good would."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from adapters.outbound.fabric.gateway.messages import (
    ChaincodeAction,
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    ChannelHeader,
    Header,
    Payload,
    ProposalResponsePayload,
    SignatureHeader,
    Transaction,
)
from shared.protowire import decode, encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """An envelope's payload, decoded all the way down."""

    channel: ChannelHeader
    signature: SignatureHeader
    body: ChaincodeActionPayload
    endorsed: ChaincodeEndorsedAction
    response: ProposalResponsePayload
    action: ChaincodeAction


def parts_of(data: bytes) -> Parts:
    """Raises NotProtobuf."""
    payload = decode(Payload, data)
    header = payload.header or Header()
    body = decode(ChaincodeActionPayload, decode(Transaction, payload.data).actions[0].payload)
    endorsed = body.action or ChaincodeEndorsedAction()
    response = decode(ProposalResponsePayload, endorsed.proposal_response_payload)
    return Parts(
        channel=decode(ChannelHeader, header.channel_header),
        signature=decode(SignatureHeader, header.signature_header),
        body=body,
        endorsed=endorsed,
        response=response,
        action=decode(ChaincodeAction, response.extension),
    )


def with_action(data: bytes, change: Callable[[ChaincodeAction], ChaincodeAction]) -> bytes:
    """Another ChaincodeAction, which no endorser has signed."""
    parts = parts_of(data)
    return _with_response(data, replace(parts.response, extension=encode(change(parts.action))))


def with_proposal_hash(data: bytes, value: bytes) -> bytes:
    """Endorsed, so it says, for another proposal."""
    return _with_response(data, replace(parts_of(data).response, proposal_hash=value))


def with_endorsed(data: bytes, change: Callable[[ChaincodeEndorsedAction], ChaincodeEndorsedAction]) -> bytes:
    """Other endorsements."""
    payload = decode(Payload, data)
    transaction = decode(Transaction, payload.data)
    body = decode(ChaincodeActionPayload, transaction.actions[0].payload)
    changed = replace(body, action=change(body.action or ChaincodeEndorsedAction()))
    actions = (replace(transaction.actions[0], payload=encode(changed)),)
    return encode(replace(payload, data=encode(Transaction(actions=actions))))


def with_channel_header(data: bytes, change: Callable[[ChannelHeader], ChannelHeader]) -> bytes:
    """Another channel header around the same transaction."""
    payload = decode(Payload, data)
    header = payload.header or Header()
    changed = change(decode(ChannelHeader, header.channel_header))
    return encode(replace(payload, header=replace(header, channel_header=encode(changed))))


def with_creator(data: bytes, creator: bytes) -> bytes:
    """The same transaction as somebody else's."""
    payload = decode(Payload, data)
    header = payload.header or Header()
    changed = replace(decode(SignatureHeader, header.signature_header), creator=creator)
    return encode(replace(payload, header=replace(header, signature_header=encode(changed))))


def with_data(data: bytes, transaction: bytes) -> bytes:
    """Something else where the transaction was."""
    return encode(replace(decode(Payload, data), data=transaction))


def _with_response(data: bytes, response: ProposalResponsePayload) -> bytes:
    return with_endorsed(data, lambda action: replace(action, proposal_response_payload=encode(response)))
