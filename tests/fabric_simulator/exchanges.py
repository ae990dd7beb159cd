"""A short scenario whose exchanges with a Gateway are kept byte by byte: one of each kind, and a block of each kind.

Recorded of real networks in tests/data/fabric/exchanges-*.json.gz, by python -m tests.fabric_simulator.recordings
"""

import gzip
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc

from adapters.outbound.fabric.gateway.errors import TransportError
from adapters.outbound.fabric.gateway.events import Checkpoint
from adapters.outbound.fabric.gateway.gateway import Contract
from adapters.outbound.fabric.gateway.messages import (
    ChaincodeEventsRequest,
    ChaincodeEventsResponse,
    ChannelHeader,
    CommitStatusRequest,
    CommitStatusResponse,
    EndorseRequest,
    EndorseResponse,
    Envelope,
    EvaluateRequest,
    EvaluateResponse,
    Header,
    Payload,
    SignedRequest,
    Status,
    SubmitRequest,
    SubmitResponse,
)
from adapters.outbound.fabric.gateway.signables import Endorsed
from adapters.outbound.fabric.gateway.transport import Transport
from shared.protowire import decode
from tests.fabric_simulator.blocks import Block, Chain
from tests.fabric_simulator.client import FIRST, SECOND, Client, client_of, first_event
from tests.fabric_simulator.observing import Mask
from tests.fabric_simulator.unfolding import unfolded
from tests.support.networks import Network

FOUNDING = 4
"""So many blocks make a channel of two organisations: its configuration, two approvals, and what they approved."""

DETAILS = "grpc-status-details-bin"
FORMS: dict[str, tuple[type, type]] = {
    "Evaluate": (EvaluateRequest, EvaluateResponse),
    "Endorse": (EndorseRequest, EndorseResponse),
    "Submit": (SubmitRequest, SubmitResponse),
    "CommitStatus": (SignedRequest, CommitStatusResponse),
    "ChaincodeEvents": (SignedRequest, ChaincodeEventsResponse),
}
ASKED = {"CommitStatus": CommitStatusRequest, "ChaincodeEvents": ChaincodeEventsRequest}
"""What a SignedRequest of this method has in it."""

_BYTES = ("request", "answer", "trailer")
_FOLDER = Path(__file__).parents[1] / "data" / "fabric"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call: its answer (of a stream the first message), or its status code with message and trailer."""

    method: str
    request: bytes
    answer: bytes = b""
    code: str = "OK"
    message: str = ""
    trailer: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Exchanges by the names of their steps, and the encoded blocks of the chain from its first one on.

    `ports` has the names of the peers that listened there.
    """

    version: str
    ports: Mapping[str, str]
    exchanges: Mapping[str, Exchange]
    blocks: Sequence[bytes]


@dataclass(slots=True)
class Recorder:
    """Implements Transport: passes everything on, and keeps the last exchange."""

    transport: Transport
    last: Exchange = field(default_factory=lambda: Exchange(method="", request=b""))

    async def call(self, method: str, request: bytes, *, timeout_seconds: float) -> bytes:
        try:
            answer = await self.transport.call(method, request, timeout_seconds=timeout_seconds)
        except TransportError as error:
            self.last = _failed(method, request, error)
            raise
        self.last = Exchange(method=method, request=request, answer=answer)
        return answer

    async def stream(self, method: str, request: bytes) -> AsyncIterator[bytes]:
        try:
            async for message in self.transport.stream(method, request):
                self.last = Exchange(method=method, request=request, answer=message)
                yield message
        except TransportError as error:
            self.last = _failed(method, request, error)
            raise

    async def close(self) -> None:
        await self.transport.close()


def _failed(method: str, request: bytes, error: TransportError) -> Exchange:
    """With the trailer as it came, which the client's own transport has decoded already."""
    came = error.__context__
    metadata = came.trailing_metadata() if isinstance(came, grpc.aio.AioRpcError) else ()
    trailers = [value for key, value in metadata or () if key == DETAILS and isinstance(value, bytes)]
    return Exchange(method=method, request=request, code=error.code, message=error.message, trailer=b"".join(trailers))


async def play(network: Network) -> Recording:
    """On any network of two organisations that runs the chaincode `assets` and makes a block of every transaction."""
    async with AsyncExitStack() as stack:
        client = await client_of(network, stack)
        exchanges = {}
        for contract in (client.first, client.late, *client.strangers.values()):
            contract.gateway.transport = Recorder(contract.gateway.transport)
        async for step, recorder in _steps(client):
            exchanges[step] = recorder.last
        chain = Chain(network, client.first.gateway)
        blocks = [await chain.block(number) for number in range(await chain.height())]
        ports = {peer.address.rpartition(":")[2]: peer.name for peer in network.peers}
        return Recording(version=network.version, ports=ports, exchanges=exchanges, blocks=blocks)


async def _steps(client: Client) -> AsyncIterator[tuple[str, Recorder]]:
    """Each is named when its exchange has taken place."""
    first, gateway = client.first, client.first.gateway
    own = _recorder(first)
    put = gateway.signed(await gateway.endorse(first.propose("put", "a", "1", "Put")))
    yield "endorse", own
    await gateway.submit(put)
    yield "submit", own
    await gateway.committed(put)
    yield "status of what is valid", own
    await client.second.gateway.committed(put)
    await first.evaluate("get", "a")
    yield "evaluate", own
    await first_event(first, Checkpoint(block_number=0))
    yield "events", own
    stale = [await client.endorse("append", "a", value) for value in "xy"]
    for each in stale:
        await client.commit(each)
    yield "status of what another one came before", own
    await client.submit("fill", "k", "60")
    await client.endorsing(first, "count", "k", "l", "counted")
    yield "endorse what reads a range", own
    await client.endorsing(first, "get", "a", to=(FIRST, SECOND))
    yield "endorse a read by both", own
    await client.commit(await client.endorse("protect", "a", SECOND, organizations=(FIRST, SECOND)))
    await client.commit(await client.endorse("put", "b", "2", organizations=(FIRST,)))
    yield "status of what too few endorsed", own
    await client.see(gateway.submit(put.signed_by(stale[0].signature)))
    yield "submit with another signature", own
    async for step in _refusals(client, put):
        yield step


async def _refusals(client: Client, put: Endorsed) -> AsyncIterator[tuple[str, Recorder]]:
    first, gateway, stranger = client.first, client.first.gateway, client.strangers["another authority"]
    own = _recorder(first)
    await client.endorsing(first, "answer", "500", "no such luck")
    yield "endorse what the chaincode refuses", own
    await client.see(first.evaluate("answer", "500", "no such luck"))
    yield "evaluate what the chaincode refuses", own
    await client.see(gateway.endorse(client.late.propose("get", "a")))
    yield "endorse an old proposal", own
    await client.endorsing(stranger, "get", "a")
    yield "endorse for a stranger", _recorder(stranger)
    await client.see(stranger.gateway.committed(put))
    yield "status for a stranger", _recorder(stranger)
    again = replace(first.propose("get", "a", nonce=b"n" * 24), organizations=(FIRST,))
    await client.commit(gateway.signed(await gateway.endorse(again)))
    await client.see(gateway.endorse(again))
    yield "endorse what is committed", own
    await client.endorsing(gateway.contract(first.channel, "nothing"), "get", "a")
    yield "endorse for an unknown chaincode", own


def _recorder(contract: Contract) -> Recorder:
    recorder = contract.gateway.transport
    assert isinstance(recorder, Recorder)
    return recorder


def masked(recording: Recording) -> dict[str, Any]:
    """What two networks have to show alike, as plain data: exchanges by their steps, and blocks."""
    mask = Mask(dict(recording.ports))
    shown: dict[str, Any] = {}
    for step, one in recording.exchanges.items():
        shown[step] = {
            "method": one.method,
            "request": _request(mask, one),
            "answer": unfolded(mask, decode(FORMS[one.method][1], one.answer)),
            "code": one.code,
            "message": mask.text(one.message),
            "trailer": unfolded(mask, decode(Status, one.trailer)),
        }
    for number, block in enumerate(recording.blocks):
        shown[f"block {number}"] = _block(mask, decode(Block, block))
    return shown


def _request(mask: Mask, one: Exchange) -> dict[str, Any]:
    request: Any = decode(FORMS[one.method][0], one.request)
    if isinstance(request, SignedRequest):
        return {"signed": bool(request.signature), **unfolded(mask, decode(ASKED[one.method], request.request))}
    return unfolded(mask, request)


def _block(mask: Mask, block: Block) -> dict[str, Any]:
    """Of the blocks that made the channel, a simulated chain has no more than their kinds."""
    number = 0 if block.header is None else block.header.number
    envelopes = [decode(Envelope, envelope) for envelope in block.envelopes]
    founding = number < FOUNDING
    return {
        "number": number,
        "codes": list(block.codes),
        "transactions": [_kind(one) if founding else unfolded(mask, one) for one in envelopes],
    }


def _kind(envelope: Envelope) -> int:
    header = decode(Payload, envelope.payload).header or Header()
    return decode(ChannelHeader, header.channel_header).type


def recorded(version: str) -> Recording:
    """Of a real network of that version."""
    kept = json.loads(gzip.decompress(_file(version).read_bytes()))
    exchanges = {step: _exchange(one) for step, one in kept["exchanges"].items()}
    blocks = [b64decode(block) for block in kept["blocks"]]
    return Recording(version=version, ports=kept["ports"], exchanges=exchanges, blocks=blocks)


def _exchange(kept: Mapping[str, Any]) -> Exchange:
    values: dict[str, Any] = {name: b64decode(value) if name in _BYTES else value for name, value in kept.items()}
    return Exchange(**values)


def record(recording: Recording) -> None:
    """The same recording makes the same file."""
    exchanges = {
        step: {name: b64encode(value).decode() if name in _BYTES else value for name, value in asdict(one).items()}
        for step, one in recording.exchanges.items()
    }
    kept = {
        "fabric": recording.version,
        "ports": dict(recording.ports),
        "exchanges": exchanges,
        "blocks": [b64encode(block).decode() for block in recording.blocks],
    }
    _file(recording.version).write_bytes(gzip.compress(json.dumps(kept).encode(), mtime=0))


def _file(version: str) -> Path:
    return _FOLDER / f"exchanges-{version}.json.gz"
