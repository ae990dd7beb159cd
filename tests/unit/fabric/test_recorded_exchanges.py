"""Real bytes of both versions of Fabric: requests, answers, trailers, events and blocks, under our own codec."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from adapters.outbound.fabric.gateway import errors
from adapters.outbound.fabric.gateway import messages as m
from adapters.outbound.fabric.gateway.errors import Fault, TransportError
from adapters.outbound.fabric.gateway.signables import Endorsed, action_of, transaction_id
from adapters.outbound.fabric.gateway.transport import GrpcTransport, Peer
from adapters.outbound.x509 import check_endorsement
from concordat.fabric.programs import KNOWN
from core.log.errors import EvidenceInvalid
from shared.protowire import decode, encode
from tests.fabric_simulator import state
from tests.fabric_simulator.blocks import Block
from tests.fabric_simulator.exchanges import ASKED, DETAILS, FORMS, FOUNDING, Exchange, Recording, recorded
from tests.fabric_simulator.identities import Authority
from tests.fabric_simulator.tampering import parts_of
from tests.fabric_simulator.unfolding import rebuilt

KINDS = {
    "Evaluate": errors.EvaluateError,
    "Endorse": errors.EndorseError,
    "Submit": errors.SubmitError,
    "CommitStatus": errors.CommitStatusError,
}
REFUSED = {
    "endorse what the chaincode refuses": (Fault.CONTRACT, ["Org1MSP"]),
    "evaluate what the chaincode refuses": (Fault.CONTRACT, ["Org1MSP"]),
    "submit with another signature": (Fault.ACCESS_DENIED, []),
    "endorse for a stranger": (Fault.ACCESS_DENIED, ["Org1MSP"]),
    "status for a stranger": (Fault.ACCESS_DENIED, []),
    "endorse what is committed": (Fault.DUPLICATE, ["Org1MSP"]),
    "endorse for an unknown chaincode": (Fault.CONFIGURATION, []),
}
TOO_OLD = "endorse an old proposal"
"""Fabric 2.5 does not look at the time."""


@pytest.fixture(params=KNOWN)
def real(request: pytest.FixtureRequest) -> Recording:
    return recorded(request.param)


def test_every_byte_of_a_real_exchange_is_known_to_our_messages(real: Recording) -> None:
    for one in real.exchanges.values():
        request, answer = FORMS[one.method]
        assert rebuilt(decode(request, one.request)) == one.request
        assert rebuilt(decode(answer, one.answer)) == one.answer
        assert rebuilt(decode(m.Status, one.trailer)) == one.trailer
        if one.method in ASKED:
            asked = decode(m.SignedRequest, one.request).request
            assert rebuilt(decode(ASKED[one.method], asked)) == asked


def test_every_byte_of_a_real_block_of_transactions_is_known_to_our_messages(real: Recording) -> None:
    for block in real.blocks:
        assert encode(decode(Block, block)) == block
    for block in real.blocks[FOUNDING:]:
        for envelope in decode(Block, block).envelopes:
            assert rebuilt(decode(m.Envelope, envelope)) == envelope


def test_real_blocks_follow_each_other_as_simulated_ones_do(real: Recording) -> None:
    previous = b""
    for number, encoded in enumerate(real.blocks):
        block = decode(Block, encoded)
        header = block.header
        assert header is not None
        ours = state.Block(number=number, previous_hash=previous, envelopes=block.envelopes)
        assert (header.number, header.previous_hash, header.data_hash) == (number, previous, ours.data_hash)
        previous = ours.hash
    assert [list(decode(Block, block).codes) for block in real.blocks] == [
        *([[0]] * FOUNDING),
        *([0], [0], [11], [0], [0], [10], [10]),
    ]


def test_a_real_transaction_has_its_id_and_its_endorsers_signatures(real: Recording) -> None:
    submitted = decode(m.SubmitRequest, real.exchanges["submit"].request)
    assert submitted.prepared_transaction is not None
    envelope = encode(submitted.prepared_transaction)
    transaction = Endorsed.from_envelope(envelope)
    parts = parts_of(transaction.data)
    assert transaction.transaction_id == transaction_id(parts.signature.nonce, parts.signature.creator)
    roots = _roots(real)
    endorsers = set()
    for endorsement in parts.endorsed.endorsements:
        identity = decode(m.SerializedIdentity, endorsement.endorser)
        signed = parts.endorsed.proposal_response_payload + endorsement.endorser
        found = check_endorsement(identity.id_bytes, roots, signed, endorsement.signature)
        assert "peer" in found.units
        endorsers.add(identity.mspid)
        with pytest.raises(EvidenceInvalid):
            check_endorsement(identity.id_bytes, roots, signed + b"!", endorsement.signature)
    assert endorsers == {"Org1MSP", "Org2MSP"}
    assert decode(m.ChaincodeEvent, action_of(transaction.data).events).event_name == "Put"


@pytest.mark.parametrize("step", [*REFUSED, TOO_OLD])
async def test_what_a_real_peer_refuses_is_taken_for_what_it_is(real: Recording, step: str) -> None:
    one = real.exchanges[step]
    if step == TOO_OLD and real.version.startswith("v2."):
        assert one.code == "OK"
        return
    fault, organisations = REFUSED.get(step, (Fault.CLOCK_SKEW, ["Org1MSP"]))
    async with replayed(one) as transport:
        with pytest.raises(TransportError) as raised:
            await transport.call(one.method, one.request, timeout_seconds=5)
    error = KINDS[one.method](raised.value, "an id")
    assert (error.code, error.fault, [each.msp_id for each in error.details]) == (one.code, fault, organisations)


async def test_real_events_are_read(real: Recording) -> None:
    (event,) = decode(m.ChaincodeEventsResponse, real.exchanges["events"].answer).events
    put = decode(m.SubmitRequest, real.exchanges["submit"].request)
    assert (event.event_name, event.payload, event.tx_id) == ("Put", b"1", put.transaction_id)


@asynccontextmanager
async def replayed(one: Exchange) -> AsyncIterator[GrpcTransport]:
    """The client's own transport to a peer that answers everything with this refusal, trailer and all."""

    async def refuse(_request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        metadata = ((DETAILS, one.trailer),) if one.trailer else ()
        await context.abort(grpc.StatusCode[one.code], one.message, metadata)
        raise AssertionError("abort raises")

    authority = Authority("tlsca", random.Random(0), datetime.now(UTC))
    handlers: dict[str, Any] = {one.method: grpc.unary_unary_rpc_method_handler(refuse)}
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("gateway.Gateway", handlers),))
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([authority.server()]))
    await server.start()
    transport = GrpcTransport([Peer(address=f"localhost:{port}", roots=authority.pem)])
    try:
        yield transport
    finally:
        await transport.close()
        await server.stop(None)


def _roots(real: Recording) -> list[str]:
    """The authorities' certificates out of the channel's configuration, its first block."""
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----\n"
    return [(begin + part.partition(end)[0] + end).decode() for part in real.blocks[0].split(begin)[1:]]
