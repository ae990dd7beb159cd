"""The scenario's second half: transactions that nobody endorsed as they are, streams of events, and faults."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from adapters.outbound.fabric.gateway.errors import TransportError
from adapters.outbound.fabric.gateway.events import Checkpoint
from adapters.outbound.fabric.gateway.gateway import Contract
from adapters.outbound.fabric.gateway.messages import (
    ChaincodeAction,
    ChaincodeEvent,
    ChaincodeEventsResponse,
    ChaincodeID,
    SeekSpecified,
)
from shared.protowire import decode, encode
from tests.fabric_simulator import tampering
from tests.fabric_simulator.client import PATIENCE, SECOND, Client, Steps, first_event
from tests.fabric_simulator.messages import AnySeekPosition, EventsRequest, SeekEnd, TxReadWriteSet

_QUIET_SECONDS = 1.0
"""How long a stream that is silent is listened to."""

_UNHEARD_OF = "an id that is not the hash"
"""It is in a block, and a peer that is asked for it waits."""


async def forgeries(client: Client) -> Steps:
    """Every validation code that a client can bring about."""
    steps: Steps = {}
    for name, change in _FORGERIES.items():
        endorsed = await client.endorse("put", "forged", name, "Forged")
        with client.within(replace(PATIENCE, commit_seconds=0.5)) if name == _UNHEARD_OF else nullcontext():
            steps[name] = await client.commit(client.forged(endorsed, change))
    steps["nothing of it was written"] = await client.see(client.first.evaluate("get", "forged"))
    return steps


def _action(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda data: tampering.with_action(data, lambda action: replace(action, **changes))


def _version(version: str) -> Callable[[ChaincodeAction], ChaincodeAction]:
    def changed(action: ChaincodeAction) -> ChaincodeAction:
        return replace(action, chaincode_id=replace(action.chaincode_id or ChaincodeID(), version=version))

    return changed


def _twice(action: ChaincodeAction) -> ChaincodeAction:
    results = decode(TxReadWriteSet, action.results)
    return replace(action, results=encode(replace(results, ns_rwset=(*results.ns_rwset, results.ns_rwset[-1]))))


_FORGERIES: dict[str, Callable[[bytes], bytes]] = {
    "another answer": lambda data: tampering.with_action(
        data,
        lambda action: replace(action, response=replace(action.response, payload=b"x")) if action.response else action,
    ),
    "no endorsement": lambda data: tampering.with_endorsed(data, lambda action: replace(action, endorsements=())),
    "one endorsement": lambda data: tampering.with_endorsed(
        data, lambda action: replace(action, endorsements=action.endorsements[:1])
    ),
    "one endorsement twice": lambda data: tampering.with_endorsed(
        data, lambda action: replace(action, endorsements=action.endorsements[:1] * 2)
    ),
    "another proposal's": lambda data: tampering.with_proposal_hash(data, b"\0" * 32),
    "no transaction": lambda data: tampering.with_data(data, b""),
    _UNHEARD_OF: lambda data: tampering.with_channel_header(data, lambda header: replace(header, tx_id="0" * 64)),
    "an epoch": lambda data: tampering.with_channel_header(data, lambda header: replace(header, epoch=1)),
    "another kind": lambda data: tampering.with_channel_header(data, lambda header: replace(header, type=6)),
    "no version": lambda data: tampering.with_action(data, _version("")),
    "another version": lambda data: tampering.with_action(data, _version("9")),
    "no chaincode": _action(chaincode_id=None),
    "another chaincode": _action(chaincode_id=ChaincodeID(name="other", version="1.0")),
    "another's event": _action(events=encode(ChaincodeEvent(chaincode_id="other", event_name="Forged"))),
    "results that are none": _action(results=b"\xff\xff"),
    "a namespace twice": lambda data: tampering.with_action(data, _twice),
}


async def events(client: Client) -> Steps:
    """Replay from the beginning, from a block, and after a transaction."""
    first = client.first
    await client.submit("put", "quiet", "1")
    submitted = await client.endorse("put", "loud", "1", "Loud")
    last = await _block_of(client, submitted)
    mute = await client.endorse("put", "quiet", "2")
    after_last = await _block_of(client, mute)
    await client.submit("put", "loud", "2", "Louder")
    asked = {
        "after an event": _asked(client, after=submitted.transaction_id),
        "after one without an event": _asked(client, after=mute.transaction_id),
        "after one that is not known": _asked(client, after="0" * 64),
        "after one that is not known, from the start": _asked(client, after="0" * 64, number=after_last),
        "newest": _asked(client, position=AnySeekPosition(newest=SeekEnd())),
        "oldest": _asked(client, position=AnySeekPosition(oldest=SeekEnd())),
        "of another chaincode": _asked(client, chaincode="other", number=0),
        "next": _asked(client),
    }
    return {
        "all": await _collected(client, first, 4),
        "from a block": await client.see(first_event(first, Checkpoint(block_number=last))),
        # At once, since most of them are silent.
        **dict(zip(asked, await asyncio.gather(*asked.values()), strict=True)),
    }


async def _block_of(client: Client, transaction: Any) -> int:
    return int((await client.commit(transaction))["block"])


async def _collected(client: Client, contract: Contract, count: int) -> list[Any]:
    found: list[Any] = []
    async for event in contract.events(Checkpoint(block_number=0)):
        found.append([event.name, event.payload.decode(), client.mask.id(event.transaction_id), event.block_number])
        if len(found) == count:
            break
    return found


async def _asked(
    client: Client,
    *,
    after: str = "",
    number: int | None = None,
    position: AnySeekPosition | None = None,
    chaincode: str | None = None,
) -> Any:
    """The first answer of a stream, its error, or that it is silent."""
    gateway = client.first.gateway
    if number is not None:
        position = AnySeekPosition(specified=SeekSpecified(number=number))
    request = EventsRequest(
        channel_id=client.network.channel,
        chaincode_id=chaincode or client.network.chaincode,
        identity=gateway.identity.serialized,
        start_position=position,
        after_transaction_id=after,
    )
    asked = client.signed_request(encode(request))
    stream = gateway.transport.stream("ChaincodeEvents", encode(asked))
    try:
        async with asyncio.timeout(_QUIET_SECONDS):
            response = decode(ChaincodeEventsResponse, await anext(stream))
    except TimeoutError:
        return "silent"
    except TransportError as error:
        return [error.code, error.message]
    return [[event.event_name, event.payload.decode()] for event in response.events]


async def faults(client: Client) -> Steps:
    """What a client hears while nodes are away; the last step is that all is well again."""
    network, first = client.network, client.first
    steps: Steps = {}
    await network.kill("org2.peer")
    steps["other peer dead, endorse"] = await client.endorsing(first, "put", "f", "1")
    steps["other peer dead, endorse again"] = await client.endorsing(first, "put", "f", "1")
    steps["other peer dead, by name"] = await client.endorsing(first, "put", "f", "1", to=(SECOND,))
    steps["other peer dead, evaluate"] = await client.see(first.evaluate("get", "a"))
    steps["other peer forgotten, endorse"] = await _until_changed(client, steps["other peer dead, endorse again"])
    await network.restart("org2.peer")
    endorsed = await _endorsed_at_last(client)
    await network.kill("orderer")
    steps["orderer dead, submit"] = await client.see(first.gateway.submit(endorsed))
    await network.restart("orderer")
    steps["orderer back, the same envelope"] = await _submitted_at_last(client, endorsed)
    endorsed = await client.endorse("put", "f", "2")
    await network.freeze("orderer")
    with client.within(replace(PATIENCE, submit_seconds=0.5)):
        steps["orderer stands still, submit"] = await client.see(first.gateway.submit(endorsed))
    await network.thaw("orderer")
    # What it was sent meanwhile may be lost or not: its sender has hung up. Sent again, it is committed once.
    steps["orderer goes on"] = await _submitted_at_last(client, endorsed)
    await network.kill("org1.chaincode")
    steps["chaincode dead, evaluate"] = await client.see(first.evaluate("get", "f"))
    steps["chaincode dead, endorse"] = await client.endorsing(first, "put", "f", "3")
    await network.restart("org1.chaincode")
    steps["all is well"] = await _until(lambda: client.see(first.evaluate("get", "f")), "2")
    return steps


async def _until_changed(client: Client, before: Any) -> Any:
    """What endorsing comes to when gossip has forgotten the dead peer."""
    for _ in range(100):
        now = await client.endorsing(client.first, "put", "f", "1")
        if now != before:
            return now
        await asyncio.sleep(0.3)
    return before


async def _endorsed_at_last(client: Client) -> Any:
    for _ in range(100):
        if isinstance(found := await client.endorsing(client.first, "put", "f", "1"), dict) and "sets" in found:
            break
        await asyncio.sleep(0.2)
    return await client.endorse("put", "f", "1")


async def _submitted_at_last(client: Client, endorsed: Any) -> Any:
    """An orderer that has just begun has to elect itself first."""

    async def committed() -> Any:
        await client.first.gateway.submit(endorsed)
        return await client.first.gateway.committed(endorsed)

    return await _until(lambda: client.see(committed()), {"code": 0})


async def _until(ask: Callable[[], Any], wanted: Any) -> Any:
    found = None
    for _ in range(50):
        found = await ask()
        if isinstance(found, dict) and "block" in found:
            found = {"code": found["code"]}
        if found == wanted:
            break
        await asyncio.sleep(0.2)
    return found
