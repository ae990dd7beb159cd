"""The shim between a contract and peers, over real sockets: what is asked, answered, interleaved, and cut."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import grpc
import pytest

from adapters.inbound.chaincode import server as serving
from adapters.inbound.chaincode.messages import ChaincodeAdditionalParams, ChaincodeMessage, Kind, SignedProposal
from adapters.inbound.chaincode.server import ChaincodeServer
from adapters.inbound.chaincode.stub import Answer, Caller, Change, Stub
from adapters.inbound.grpc.settings import Tls
from shared.protowire import encode
from tests.support.certificates import Authority
from tests.support.chaincode import CHANNEL, MemoryStub, State
from tests.support.peer import ALL_OFFERS, SIZES_ALONE, Completed, Peer
from tests.unit.chaincode.calls import register, witness

Does = Callable[[Stub], Awaitable[Answer]]
OFFERS = pytest.mark.parametrize("offers", [SIZES_ALONE, ALL_OFFERS], ids=["single", "batches"])


@asynccontextmanager
async def served(does: Does, tls: Tls | None = None) -> AsyncIterator[tuple[ChaincodeServer, int]]:
    """A server of a contract on a free port."""
    server = ChaincodeServer(does, "label:hash", tls=tls)
    port = server.listen("127.0.0.1", 0)
    await server.start()
    try:
        async with asyncio.timeout(60):
            yield server, port
    finally:
        await server.stop(grace_seconds=0)


async def called(does: Does, *arguments: str, state: State | None = None, **peer: Any) -> tuple[Completed, Peer]:
    """One transaction of a contract, and the peer that asked for it."""
    async with served(does) as (_, port), Peer(port, state or State(), **peer) as dialled:
        return await dialled.invoke(*arguments), dialled


def filled(count: int) -> State:
    values = {f"key{number:04}": b"%d" % number for number in range(count)}
    return State(values=values, versions=dict.fromkeys(values, 1))


async def test_a_contract_sees_who_called_it_where_and_with_what() -> None:
    seen: list[Any] = []

    async def look(stub: Stub) -> Answer:
        seen.append((stub.channel, stub.tx_id, stub.caller, stub.arguments, dict(stub.transient)))
        return Answer(payload=b"seen")

    async with served(look) as (_, port), Peer(port, State()) as peer:
        assert peer.package_id == "label:hash"
        for kind in (Kind.TRANSACTION, Kind.INIT):
            done = await peer.invoke("f", b"\xff", tx_id="t1", channel="c1", transient={"a": b"1", "b": b""}, kind=kind)
            assert (done.response.status, done.response.payload, done.event) == (200, b"seen", None)
    caller = Caller(msp_id="HarbourMSP", certificate=b"PEM of HarbourMSP")
    assert seen == [("c1", "t1", caller, (b"f", b"\xff"), {"a": b"1", "b": b""})] * 2


@OFFERS
async def test_reads_see_what_is_committed_and_writes_arrive_in_their_order(offers: ChaincodeAdditionalParams) -> None:
    async def work(stub: Stub) -> Answer:
        stub.put("key0000", b"new")
        stub.put("fresh", b"first")
        stub.put("fresh", b"second")
        stub.delete("key0001")
        stub.require("fresh", b"policy")
        stub.emit("Worked", b"payload")
        found = [await stub.get(key) for key in ("key0000", "fresh", "nothing")]
        many = await stub.get_many([f"key{number:04}" for number in range(7)] + ["nothing"])
        for number in range(20):
            stub.put(f"more{number}", b"x")
        return Answer(payload=repr((found, [*many], await stub.policy("key0003"), await stub.policy("fresh"))).encode())

    state = filled(9)
    state.policies["key0003"] = b"held"
    done, peer = await called(work, state=state, offers=offers)
    many = [b"%d" % number for number in range(7)] + [None]
    assert done.response.payload == repr(([b"0", None, None], many, b"held", None)).encode()
    written = done.simulated
    more = {f"more{number}": b"x" for number in range(20)}
    assert written.writes == {"key0000": b"new", "fresh": b"second", "key0001": None, **more}
    assert written.policies == {"fresh": b"policy"}
    assert done.event == ("Worked", b"payload")
    kinds = peer.asked.keys()
    assert (Kind.WRITE_BATCH_STATE in kinds) == (Kind.GET_STATE_MULTIPLE in kinds) == (offers is ALL_OFFERS)
    assert (Kind.PUT_STATE in kinds) != (Kind.WRITE_BATCH_STATE in kinds)
    assert peer.dropped == 0


async def test_a_range_of_many_pages_is_read_to_its_end_and_one_that_is_left_is_closed() -> None:
    async def work(stub: Stub) -> Answer:
        whole = [key async for key, _ in stub.scan("", "")]
        part = [value async for _, value in stub.scan("key0010", "key0130")]
        none = [key async for key, _ in stub.scan("x", "y")]
        async with aclosing(stub.scan("key", "")) as some:  # type: ignore[type-var]
            first = [await anext(some) for _ in range(3)]
        return Answer(payload=repr((len(whole), whole == sorted(whole), part[0], len(part), none, first)).encode())

    done, peer = await called(work, state=filled(250))
    first = [(f"key{number:04}", b"%d" % number) for number in range(3)]
    assert done.response.payload == repr((250, True, b"10", 120, [], first)).encode()
    assert (peer.asked[Kind.QUERY_STATE_NEXT], peer.closed) == (3, ["query"])


async def test_exactly_one_page_is_no_reason_to_ask_for_another() -> None:
    async def work(stub: Stub) -> Answer:
        return Answer(payload=str(len([key async for key, _ in stub.scan("", "")])).encode())

    done, peer = await called(work, state=filled(100))
    assert (done.response.payload, peer.asked[Kind.QUERY_STATE_NEXT], peer.closed) == (b"100", 0, [])


async def test_a_range_that_is_just_dropped_does_no_harm() -> None:
    async def work(stub: Stub) -> Answer:
        async for key, _ in stub.scan("", ""):
            return Answer(payload=key.encode())
        raise AssertionError("there are keys")

    done, peer = await called(work, state=filled(250))
    assert (done.response.status, done.response.payload, peer.dropped) == (200, b"key0000", 0)


async def test_history_is_newest_first_with_deletions() -> None:
    changes = [("key", Change(tx_id=f"t{number}", value=b"%d" % number)) for number in range(120)]
    changes.append(("key", Change(tx_id="last", value=None)))

    async def work(stub: Stub) -> Answer:
        assert [each async for each in stub.history("key")] == [change for _, change in reversed(changes)]
        return Answer()

    done, _ = await called(work, state=State(changes=changes))
    assert done.response.status == 200


@OFFERS
async def test_many_transactions_interleave_on_one_stream(offers: ChaincodeAdditionalParams) -> None:
    """Answers come in an order of chance; each transaction still gets its own, and asks one thing at a time."""
    chance = Random(5)

    async def before(_: ChaincodeMessage) -> None:
        for _turn in range(chance.randrange(5)):
            await asyncio.sleep(0)

    async def work(stub: Stub) -> Answer:
        start = int(stub.arguments[0])
        values = [await stub.get(f"key{(start + step) % 200:04}") for step in range(5)]
        stub.put(f"sum{start}", b"%d" % sum(int(value or b"") for value in values))
        return Answer(payload=b" ".join(value or b"" for value in values))

    async with served(work) as (_, port), Peer(port, filled(200), offers=offers, before=before) as peer:
        calls = [peer.invoke(str(number), tx_id=f"t{number}") for number in range(200)]
        done = await asyncio.gather(*calls)
    for number, each in enumerate(done):
        expected = [(number + step) % 200 for step in range(5)]
        assert each.response.payload == " ".join(map(str, expected)).encode()
        assert each.simulated.writes == {f"sum{number}": b"%d" % sum(expected)}
    assert peer.dropped == 0


async def test_a_contract_that_asks_several_things_at_once_is_given_them_one_by_one() -> None:
    async def work(stub: Stub) -> Answer:
        values = await asyncio.gather(*(stub.get(f"key{number:04}") for number in range(20)))
        return Answer(payload=repr(values).encode())

    done, peer = await called(work, state=filled(20))
    assert done.response.payload == repr([b"%d" % number for number in range(20)]).encode()
    assert peer.dropped == 0


async def test_several_peers_are_served_each_with_its_own_state() -> None:
    async def work(stub: Stub) -> Answer:
        return Answer(payload=await stub.get("key") or b"")

    states = [State(values={"key": name}) for name in (b"one", b"two", b"three")]
    async with (
        served(work) as (_, port),
        Peer(port, states[0]) as one,
        Peer(port, states[1]) as two,
        Peer(port, states[2]) as three,
    ):
        done = await asyncio.gather(*(peer.invoke() for peer in (one, two, three)))
    assert [each.response.payload for each in done] == [b"one", b"two", b"three"]


async def _refuses(stub: Stub) -> Answer:
    stub.put("key", b"value")
    stub.emit("Wrote", b"")
    return Answer(status=409, message="stale: too late")


async def _fails(stub: Stub) -> Answer:
    stub.put("key", b"value")
    raise ZeroDivisionError("a secret that only the log may hold")


async def _tells_twice(stub: Stub) -> Answer:
    stub.emit("Once", b"")
    stub.emit("Twice", b"")
    return Answer()


async def _names_nothing(stub: Stub) -> Answer:
    stub.put("", b"value")
    return Answer()


async def _writes_nothing(stub: Stub) -> Answer:
    stub.put("key", b"")
    return Answer()


async def _asks_for_nothing(stub: Stub) -> Answer:
    await stub.get("")
    return Answer()


INTERVAL = "grpc.http2.min_ping_interval_without_data_ms"
DEFECT = "defect: the contract failed; its log says how"


@pytest.mark.parametrize(
    ("does", "status", "message"),
    [
        (_refuses, 409, "stale: too late"),
        (_fails, 500, DEFECT),
        (_tells_twice, 500, DEFECT),
        (_names_nothing, 500, DEFECT),
        (_writes_nothing, 500, DEFECT),
        (_asks_for_nothing, 500, DEFECT),
    ],
)
async def test_what_is_not_done_writes_nothing_tells_nothing_and_gives_no_exception_away(
    does: Does, status: int, message: str
) -> None:
    done, _ = await called(does)
    assert (done.response.status, done.response.message, done.response.payload) == (status, message, b"")
    assert (done.event, done.simulated.writes) == (None, {})


async def test_a_peer_that_refuses_a_question_gets_a_fixed_answer() -> None:
    async def work(stub: Stub) -> Answer:
        return Answer(payload=await stub.get("key") or b"")

    done, _ = await called(work, before=_refusing)
    assert done.response.status == 500
    assert done.response.message.startswith("unavailable: ")


async def _refusing(_: ChaincodeMessage) -> None:
    raise LookupError


async def test_a_peer_that_never_answers_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.inbound.chaincode.session.LONGEST_SECONDS", 0.05)

    async def never(_: ChaincodeMessage) -> None:
        await asyncio.Event().wait()

    async def work(stub: Stub) -> Answer:
        return Answer(payload=await stub.get("key") or b"")

    done, _ = await called(work, before=never)
    assert done.response.status == 500
    assert done.response.message.startswith("unavailable: ")


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
