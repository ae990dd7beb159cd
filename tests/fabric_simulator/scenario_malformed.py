"""A part of the scenario: requests that no client of ours makes, and proposals whose headers are wrong."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters.outbound.fabric.gateway.errors import TransportError
from adapters.outbound.fabric.gateway.messages import (
    ChannelHeader,
    CommitStatusRequest,
    EndorseRequest,
    Envelope,
    EvaluateRequest,
    Header,
    SignatureHeader,
    SignedRequest,
    SubmitRequest,
)
from adapters.outbound.fabric.gateway.messages import Proposal as ProposalMessage
from shared.protowire import decode, encode
from tests.fabric_simulator.client import FIRST, Client, Steps

_Change = Callable[[ChannelHeader, SignatureHeader], tuple[ChannelHeader, SignatureHeader]]

_HEADERS: dict[str, _Change] = {
    "an epoch": lambda channel, signature: (replace(channel, epoch=1), signature),
    "another kind": lambda channel, signature: (replace(channel, type=6), signature),
    "an id that is not the hash": lambda channel, signature: (replace(channel, tx_id="0" * 64), signature),
    "no id": lambda channel, signature: (replace(channel, tx_id=""), signature),
    "no nonce": lambda channel, signature: (channel, replace(signature, nonce=b"")),
    "no creator": lambda channel, signature: (channel, replace(signature, creator=b"")),
    "no chaincode": lambda channel, signature: (replace(channel, extension=b""), signature),
    "no channel": lambda channel, signature: (replace(channel, channel_id=""), signature),
    "another channel": lambda channel, signature: (replace(channel, channel_id="nowhere"), signature),
}


async def malformed(client: Client) -> Steps:
    """Each refusal that comes before the chaincode is asked."""
    steps: Steps = {}
    for name, change in _HEADERS.items():
        steps[f"{name}, evaluate"], steps[f"{name}, endorse"] = await _with_headers(client, change)
    identity = client.first.gateway.identity.serialized
    channel = client.network.channel
    asked = CommitStatusRequest(identity=identity, channel_id=channel, transaction_id="0")
    endorsed = await client.endorse("put", "a", "5")
    unsigned = SubmitRequest(channel_id=channel, prepared_transaction=Envelope(payload=endorsed.data))
    elsewhere = Envelope(payload=b"", signature=endorsed.signature)
    return {
        **steps,
        "evaluate nothing": await _raw(client, "Evaluate", EvaluateRequest()),
        "endorse nothing": await _raw(client, "Endorse", EndorseRequest()),
        "submit nothing": await _raw(client, "Submit", SubmitRequest(channel_id=channel)),
        "submit without a signature": await _raw(client, "Submit", unsigned),
        "submit an empty envelope": await _raw(
            client, "Submit", SubmitRequest(channel_id=channel, prepared_transaction=elsewhere)
        ),
        "status of nothing": await _raw(client, "CommitStatus", SignedRequest()),
        "events of nothing": await _first(client, SignedRequest()),
        "status without an identity": await _status(client, replace(asked, identity=b"")),
        "status without a channel": await _status(client, replace(asked, channel_id="")),
        "status with a signature that is none": await _raw(client, "CommitStatus", _signed(client, asked, b"x")),
    }


async def _with_headers(client: Client, change: _Change) -> tuple[Any, Any]:
    gateway = client.first.gateway
    proposal = client.first.propose("get", "a", organizations=(FIRST,))
    message = decode(ProposalMessage, proposal.data)
    header = decode(Header, message.header)
    channel, signature = change(
        decode(ChannelHeader, header.channel_header), decode(SignatureHeader, header.signature_header)
    )
    changed = Header(channel_header=encode(channel), signature_header=encode(signature))
    made = replace(proposal, data=encode(replace(message, header=encode(changed))))
    return await client.see(gateway.evaluate(made)), await client.see(gateway.endorse(made))


def _signed(client: Client, request: CommitStatusRequest, signature: bytes = b"") -> SignedRequest:
    signed = client.signed_request(encode(request))
    return replace(signed, signature=signature or signed.signature)


async def _status(client: Client, request: CommitStatusRequest) -> Any:
    return await _raw(client, "CommitStatus", _signed(client, request))


async def _raw(client: Client, method: str, request: object) -> Any:
    try:
        return (await client.first.gateway.transport.call(method, encode(request), timeout_seconds=5)).hex()
    except TransportError as error:
        return _error(client, error)


async def _first(client: Client, request: object) -> Any:
    try:
        return (await anext(client.first.gateway.transport.stream("ChaincodeEvents", encode(request)))).hex()
    except TransportError as error:
        return _error(client, error)


def _error(client: Client, error: TransportError) -> list[Any]:
    return [error.code, client.mask.text(error.message), [client.mask.text(one.message) for one in error.details]]
