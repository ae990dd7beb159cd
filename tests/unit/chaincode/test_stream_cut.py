"""Streams that are cut, late, idle, full of garbage or strangers', over real sockets: the server outlives them all."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import grpc
import pytest

from adapters.inbound.chaincode import server as serving
from adapters.inbound.chaincode.messages import ChaincodeMessage, Kind, SignedProposal
from adapters.inbound.chaincode.server import ChaincodeServer
from adapters.inbound.chaincode.stub import Answer, Stub
from adapters.inbound.grpc.settings import Tls
from shared.protowire import encode
from tests.support.certificates import Authority
from tests.support.chaincode import CHANNEL, MemoryStub, State
from tests.support.peer import Peer
from tests.unit.chaincode.calls import register, witness
from tests.unit.chaincode.served import DEFECT, served

LARGE = 3 << 20
"""Bytes: more than gRPC takes off a contract's hands while a peer does not read, and less than it refuses to read."""

NARROW = [("grpc.http2.bdp_probe", 0)]
"""A stream's window stays as it is at first, 64 KiB."""

INTERVAL = "grpc.http2.min_ping_interval_without_data_ms"


class Slow:
    """A contract that says when it began, and goes on, ends or is cut when a test wants."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.cut = asyncio.Event()

    async def __call__(self, stub: Stub) -> Answer:
        if stub.arguments == (b"fast",):
            return Answer(payload=b"fast")
        self.begun.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cut.set()
            raise
        return Answer(payload=b"slow")


async def test_a_peer_that_vanishes_takes_its_transactions_with_it_and_nothing_else() -> None:
    slow = Slow()
    async with served(slow) as (_, port), Peer(port, State()) as stays:
        async with Peer(port, State()) as leaves:
            call = asyncio.create_task(leaves.invoke("slow"))
            await slow.begun.wait()
            leaves.call.cancel()
        await slow.cut.wait()
        with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError, ConnectionError)):
            await call
        assert (await stays.invoke("fast")).response.payload == b"fast"
        async with Peer(port, State()) as back:
            assert (await back.invoke("fast")).response.payload == b"fast"


async def test_the_same_transaction_asked_again_replaces_the_one_that_the_peer_gave_up() -> None:
    slow = Slow()
    async with served(slow) as (_, port), Peer(port, State()) as peer:
        first = asyncio.create_task(peer.invoke("slow", tx_id="same"))
        await slow.begun.wait()
        assert (await peer.invoke("fast", tx_id="same")).response.payload == b"fast"
        await slow.cut.wait()
        first.cancel()
        assert (await peer.invoke("fast", tx_id="other")).response.payload == b"fast"


async def test_what_was_being_written_to_a_peer_that_did_not_read_arrives_whole_and_so_does_all_that_follows(
    logs: list[Any],
) -> None:
    """A write that is given up half-way takes no other answer with it, nor the place of one."""
    blocked = asyncio.Event()

    async def large(stub: Stub) -> Answer:
        if stub.arguments == (b"large",):
            stub.put("key", bytes(LARGE))
            blocked.set()
        return Answer(payload=b"done")

    async with served(large) as (_, port), Peer(port, State(), options=NARROW) as peer:
        await peer.stop_reading()
        first = asyncio.create_task(peer.invoke("large", tx_id="same"))
        await blocked.wait()
        # Long enough for it to be written as far as there is room.
        await asyncio.sleep(0.2)
        later = [asyncio.create_task(peer.invoke("small", tx_id=tx_id)) for tx_id in ("same", "other", "third")]
        await asyncio.sleep(0.2)
        peer.reads.set()
        answers = [(await each).response.payload for each in later]
        first.cancel()
        assert answers == [b"done"] * 3
        assert peer.asked == {Kind.PUT_STATE: 1}
    assert not [each for each in logs if each["event"] == "answer_not_sent"]


async def test_transactions_under_way_end_before_the_server_does_and_none_keeps_it() -> None:
    for ends in (True, False):
        slow = Slow()
        async with served(slow) as (server, port), Peer(port, State()) as peer:
            call = asyncio.create_task(peer.invoke("slow"))
            await slow.begun.wait()
            stopping = asyncio.create_task(server.stop(grace_seconds=30 if ends else 0.01))
            if ends:
                await asyncio.sleep(0)
                slow.go_on.set()
                assert (await call).response.payload == b"slow"
            else:
                await slow.cut.wait()
                with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError, ConnectionError)):
                    await call
            await stopping


async def test_a_keepalive_is_echoed_and_a_late_answer_is_let_go() -> None:
    async with served(witness) as (_, port), Peer(port, State()) as peer:
        await peer.send(ChaincodeMessage(type=Kind.KEEPALIVE))
        await peer.echoed.wait()
        for kind in (Kind.RESPONSE, Kind.ERROR):
            await peer.send(ChaincodeMessage(type=kind, txid="gone", channel_id=CHANNEL, payload=b"late"))
        assert (await peer.invoke(*register())).response.status == 200


BROKEN: list[bytes] = [
    b"\xff",
    b"\x08",
    b"\x08\x05\x08\x05",
    encode(ChaincodeMessage(type=0)),
    encode(ChaincodeMessage(type=Kind.REGISTER)),
    encode(ChaincodeMessage(type=Kind.READY)),
    encode(ChaincodeMessage(type=Kind.GET_STATE)),
    encode(ChaincodeMessage(type=99)),
    b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
]


@pytest.mark.parametrize("data", BROKEN, ids=lambda data: data.hex())
async def test_a_peer_that_makes_no_sense_loses_its_stream_and_nobody_elses(data: bytes) -> None:
    async with served(witness) as (_, port), Peer(port, State()) as good, Peer(port, State()) as bad:
        await bad.send(data)
        with pytest.raises(grpc.aio.AioRpcError, match="not what a peer says"):
            await bad.reading
        assert (await good.invoke(*register())).response.status == 200


@pytest.mark.parametrize(
    "messages",
    [
        [ChaincodeMessage(type=Kind.TRANSACTION, txid="t", channel_id=CHANNEL)],
        [ChaincodeMessage(type=Kind.READY)],
        [ChaincodeMessage(type=Kind.REGISTERED), ChaincodeMessage(type=Kind.TRANSACTION, txid="t")],
        [ChaincodeMessage(type=Kind.REGISTERED), ChaincodeMessage(type=Kind.READY, payload=b"\xff")],
        [ChaincodeMessage(type=Kind.ERROR, payload=b"no such package")],
    ],
)
async def test_nothing_is_taken_before_the_registration_is_over(messages: list[ChaincodeMessage]) -> None:
    async with served(witness) as (_, port):
        peer = Peer(port, State())
        await peer.dial()
        for message in messages:
            await peer.send(message)
        assert await peer.call.code() is grpc.StatusCode.INVALID_ARGUMENT
        await peer._channel.close()


@pytest.mark.parametrize(
    ("payload", "proposal"),
    [(b"\xff", b""), (b"\n\x01f", b"\xff"), (b"\n\x01f", b"\n\x01\xff"), (b"\n\x01f", b"\x12\x01\xff")],
)
async def test_a_transaction_that_cannot_be_read_is_answered_and_the_stream_goes_on(
    payload: bytes, proposal: bytes
) -> None:
    message = ChaincodeMessage(
        type=Kind.TRANSACTION, payload=payload, txid="bad", proposal=SignedProposal(proposal_bytes=proposal)
    )
    async with served(witness) as (_, port), Peer(port, State()) as peer:
        done = await peer.exchange(message, MemoryStub(peer.state, ()))
        assert (done.response.status, done.response.message) == (500, DEFECT)
        assert (await peer.invoke(*register())).response.status == 200


async def test_bytes_of_chance_end_streams_and_never_the_server() -> None:
    chance, good = Random(9), encode(ChaincodeMessage(type=Kind.TRANSACTION, payload=b"\n\x01f", txid="t"))
    async with served(witness) as (_, port), Peer(port, State()) as stays:
        for _stream in range(60):
            peer = Peer(port, State())
            await peer.dial()
            await peer.send(ChaincodeMessage(type=Kind.REGISTERED))
            await peer.send(ChaincodeMessage(type=Kind.READY))
            data = bytearray(good)
            for _change in range(chance.randint(1, 4)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            await peer.send(bytes(data[: chance.randint(1, len(data))]))
            await peer._channel.close()
        assert (await stays.invoke(*register())).response.status == 200


async def test_an_idle_peer_may_ping_as_peers_do_and_gets_cut_off_under_grpcs_own_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """60 times as fast as in earnest: both are pinged every second, and the second server's end says that it counts."""
    pings = [("grpc.keepalive_time_ms", 1_000), ("grpc.http2.max_pings_without_data", 0)]
    ours = {name: value // 60 if name == INTERVAL else value for name, value in serving._OPTIONS}
    assert ours[INTERVAL] < 1_000
    monkeypatch.setattr(serving, "_OPTIONS", tuple(ours.items()))
    async with served(witness) as (_, port), Peer(port, State(), options=pings) as lives:
        monkeypatch.setattr(serving, "_OPTIONS", ())
        async with served(witness) as (_, other), Peer(other, State(), options=pings) as dies:
            with pytest.raises(grpc.aio.AioRpcError, match="Too many pings"):
                await dies.reading
        assert (await lives.invoke(*register())).response.status == 200


async def test_with_tls_only_peers_of_the_named_roots_are_heard(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    key, chain = ours.signed("server", address="127.0.0.1").read()
    roots = ours.certificate.read_bytes()
    async with served(witness, Tls(key=key, chain=chain, client_roots=roots)) as (_, port):
        good = grpc.ssl_channel_credentials(roots, *ours.signed("peer").read())
        async with Peer(port, State(), credentials=good) as peer:
            assert (await peer.invoke(*register())).response.status == 200
        for pair in (theirs.signed("peer").read(), (None, None)):
            stranger = Peer(port, State(), credentials=grpc.ssl_channel_credentials(roots, *pair))
            with pytest.raises(grpc.aio.AioRpcError):
                await stranger.dial()
            await stranger._channel.close()


async def test_a_port_that_is_taken_is_said_to_be() -> None:
    async with served(witness) as (_, port):
        with pytest.raises(OSError, match="cannot listen"):
            ChaincodeServer(witness, "label:hash").listen("127.0.0.1", port)
