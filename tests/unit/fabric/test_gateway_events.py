"""Streams of events: what is asked for, where a consumer stands, and that resuming neither loses nor doubles one."""

import random
from collections.abc import AsyncIterator
from itertools import islice

import pytest

from adapters.outbound.fabric.gateway import events
from adapters.outbound.fabric.gateway.errors import CLOSED, EventsError, Fault, TransportError
from adapters.outbound.fabric.gateway.events import Checkpoint, Event
from adapters.outbound.fabric.gateway.messages import (
    ChaincodeEvent,
    ChaincodeEventsRequest,
    ChaincodeEventsResponse,
    SeekPosition,
    SeekSpecified,
    SignedRequest,
)
from shared.protowire import decode, encode
from tests.unit.fabric.scripted import Answer, Scripted, gateway

BROKEN = TransportError("UNAVAILABLE", "Socket closed")


def block(number: int, *transactions: str) -> bytes:
    found = tuple(ChaincodeEvent(tx_id=one, event_name="anchored", payload=one.encode()) for one in transactions)
    return encode(ChaincodeEventsResponse(events=found, block_number=number))


BLOCKS = {3: ("a", "b", "c"), 4: ("d",), 7: ("e", "f")}


async def taken(stream: AsyncIterator[Event], count: int) -> list[Event]:
    found: list[Event] = []
    async for event in stream:
        found.append(event)
        if len(found) == count:
            break
    return found


def asked_from(transport: Scripted) -> list[SeekPosition | None]:
    requests = [decode(SignedRequest, request).request for _method, request, _seconds in transport.asked]
    return [decode(ChaincodeEventsRequest, request).start_position for request in requests]


async def test_a_stream_without_a_start_begins_with_the_next_block() -> None:
    transport = Scripted(streams=[[block(3, "a"), block(4, "b")]])
    found = await taken(gateway(transport).contract("clubs", "witness").events(), 2)
    assert [(one.transaction_id, one.block_number, one.payload) for one in found] == [("a", 3, b"a"), ("b", 4, b"b")]
    assert asked_from(transport) == [None]


@pytest.mark.parametrize(
    ("start", "left"),
    [
        (Checkpoint(block_number=3), "abcdef"),
        (Checkpoint(block_number=3, transaction_id="a"), "bcdef"),
        (Checkpoint(block_number=3, transaction_id="c"), "def"),
        (Checkpoint(block_number=3, transaction_id="one without an event"), "abcdef"),
        (Checkpoint(block_number=4, transaction_id="d"), "ef"),
        (Checkpoint(block_number=0), "abcdef"),
    ],
)
async def test_a_stream_goes_on_exactly_after_the_checkpoint(start: Checkpoint, left: str) -> None:
    blocks = [block(number, *BLOCKS[number]) for number in BLOCKS if number >= start.block_number]
    transport = Scripted(streams=[blocks])
    found = await taken(gateway(transport).contract("clubs", "witness").events(start), len(left))
    assert "".join(one.transaction_id for one in found) == left
    assert asked_from(transport) == [SeekPosition(specified=SeekSpecified(number=start.block_number))]


async def test_a_stream_that_ends_raises() -> None:
    stream = gateway(Scripted(streams=[[block(3, "a"), BROKEN]])).contract("clubs", "witness").events()
    with pytest.raises(EventsError) as refusal:
        await taken(stream, 2)
    assert refusal.value.fault is Fault.UNAVAILABLE


async def test_malformed_events_are_an_error_of_the_stream() -> None:
    stream = gateway(Scripted(streams=[[b"\xff"]])).contract("clubs", "witness").events()
    with pytest.raises(EventsError, match="malformed"):
        await taken(stream, 1)


async def test_following_resumes_after_every_break_without_loss_or_double(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "FIRST_PAUSE_SECONDS", 0.0)
    chance = random.Random(5)
    for _round in range(50):
        transport = Broken(chance)
        found = await taken(gateway(transport).contract("clubs", "witness").follow(Checkpoint(block_number=0)), 6)
        assert "".join(one.transaction_id for one in found) == "abcdef"


class Broken(Scripted):
    """Plays all blocks from where it is asked to, and breaks somewhere."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    async def stream(self, method: str, request: bytes) -> AsyncIterator[bytes]:
        asked = decode(ChaincodeEventsRequest, decode(SignedRequest, request).request).start_position
        assert method == "ChaincodeEvents" and asked is not None and asked.specified is not None
        rest = [block(number, *BLOCKS[number]) for number in BLOCKS if number >= asked.specified.number]
        for message in islice(rest, self._chance.randint(0, len(rest))):
            yield message
        raise BROKEN


async def test_following_ends_at_what_no_retry_mends() -> None:
    denied: Answer = TransportError("PERMISSION_DENIED", "Failed to get policy manager for channel [nowhere]")
    stream = (
        gateway(Scripted(streams=[[block(3, "a"), denied]]))
        .contract("nowhere", "witness")
        .follow(Checkpoint(block_number=0))
    )
    with pytest.raises(EventsError) as refusal:
        await taken(stream, 2)
    assert refusal.value.fault is Fault.CONFIGURATION


@pytest.mark.parametrize("said", ["errors resolving p:1: [Domain name not found]", "DNS resolution failed for p:1"])
async def test_following_outlasts_a_name_server_that_is_out_of_order(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr(events, "FIRST_PAUSE_SECONDS", 0.0)
    unresolved: Answer = TransportError("UNAVAILABLE", said)
    transport = Scripted(streams=[[block(3, "a"), BROKEN], [unresolved], [unresolved], [block(3, "a"), block(4, "b")]])
    found = await taken(gateway(transport).contract("clubs", "witness").follow(Checkpoint(block_number=0)), 2)
    assert "".join(one.transaction_id for one in found) == "ab"


async def test_following_ends_at_events_that_are_malformed_and_would_be_again() -> None:
    stream = gateway(Scripted(streams=[[block(3, "a"), b"\xff"]])).contract("clubs", "witness")
    with pytest.raises(EventsError, match="malformed") as refusal:
        await taken(stream.follow(Checkpoint(block_number=0)), 2)
    assert refusal.value.fault is Fault.CONFIGURATION


async def test_following_ends_with_the_gateway_that_it_goes_over() -> None:
    closed: Answer = TransportError("CANCELLED", CLOSED)
    client = gateway(Scripted(streams=[[block(3, "a"), closed]]))
    with pytest.raises(EventsError, match=CLOSED):
        await taken(client.contract("clubs", "witness").follow(Checkpoint(block_number=0)), 2)
