"""The shim between a contract and peers, over real sockets: what is asked, answered and interleaved."""

import asyncio
from contextlib import aclosing
from random import Random
from typing import Any

import pytest

from adapters.inbound.chaincode.messages import ChaincodeAdditionalParams, ChaincodeMessage, Kind
from adapters.inbound.chaincode.stub import Answer, Caller, Change, Contract, Stub
from tests.support.chaincode import State
from tests.support.peer import ALL_OFFERS, SIZES_ALONE, Peer
from tests.unit.chaincode.served import DEFECT, called, served

OFFERS = pytest.mark.parametrize("offers", [SIZES_ALONE, ALL_OFFERS], ids=["single", "batches"])


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
        async with aclosing(stub.scan("key", "")) as some:
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
    does: Contract, status: int, message: str
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
