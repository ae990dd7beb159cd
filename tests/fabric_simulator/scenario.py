"""One scenario for any network of two organisations that runs the chaincode `assets` and makes a block of every
transaction: step by step, what a client sees."""

from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from adapters.outbound.fabric.gateway.events import Checkpoint
from adapters.outbound.fabric.gateway.gateway import Contract
from adapters.outbound.fabric.gateway.identity import P256_ORDER
from adapters.outbound.fabric.gateway.signables import status_question
from tests.fabric_simulator import tampering
from tests.fabric_simulator.client import FIRST, SECOND, Client, Steps, client_of, first_event
from tests.fabric_simulator.scenario_forged import events, faults, forgeries
from tests.fabric_simulator.scenario_malformed import malformed
from tests.support.networks import Network

Part = Callable[[Client], Coroutine[Any, Any, Steps]]


async def play(network: Network, parts: Sequence[Part] = ()) -> Steps:
    """What each step came to, by its name; of these parts, or of all."""
    async with AsyncExitStack() as stack:
        client = await client_of(network, stack)
        steps: Steps = {}
        for part in parts or ALL:
            name = part.__name__.replace("_", " ")
            client.mask.ids.clear()
            steps |= {f"{name}: {step}": seen for step, seen in (await part(client)).items()}
        return steps


async def reads_and_writes(client: Client) -> Steps:
    first = client.first
    return {
        "put": await client.endorsing(first, "put", "a", "1", "Put"),
        "put is committed": await client.see(client.submit("put", "a", "1", "Put")),
        "get": await client.see(first.evaluate("get", "a")),
        "get at the other peer": await client.see(client.second.evaluate("get", "a")),
        "absent": await client.see(first.evaluate("get", "nothing")),
        "a read is endorsed": await client.endorsing(first, "get", "a"),
        "a read of what is absent": await client.endorsing(first, "get", "nothing"),
        "a read by both": await client.endorsing(first, "get", "a", to=(FIRST, SECOND)),
        "own writes are not read": await client.endorsing(first, "own-write", "a"),
        "an empty value": await client.endorsing(first, "put", "a", ""),
        "append": await client.endorsing(first, "append", "a", "2"),
        "append is committed": await client.see(client.submit("append", "a", "2", "Appended")),
        "delete": await client.endorsing(first, "delete", "a"),
        "delete is committed": await client.see(client.submit("delete", "a")),
        "deleted": await client.see(first.evaluate("get", "a")),
        "deleted, read": await client.endorsing(first, "get", "a"),
        "put again": await client.see(client.submit("put", "a", "3")),
        "history": await client.see(first.evaluate("history", "a")),
        "a history is no read": await client.endorsing(first, "history", "b"),
        "transient": await client.see(_transient(first)),
    }


async def _transient(contract: Contract) -> Any:
    proposal = contract.propose("transient", "secret", transient={"secret": b"whispered"})
    return await contract.gateway.evaluate(proposal)


async def queries(client: Client) -> Steps:
    first = client.first
    steps = {
        "fill": await client.see(client.submit("fill", "k", "230")),
        "nothing in it": await client.endorsing(first, "count", "x", "y", "counted"),
        "a few": await client.endorsing(first, "count", "k0010", "k0013", "counted"),
        "fifty": await client.endorsing(first, "count", "k0000", "k0050", "counted"),
        "fifty-one": await client.endorsing(first, "count", "k0000", "k0051", "counted"),
        "many": await client.endorsing(first, "count", "k", "l", "counted"),
        "all keys": await client.endorsing(first, "count", "k", "", "counted"),
        "one hundred": await client.endorsing(first, "count", "k0000", "k0100", "counted"),
        "a page": await client.see(first.evaluate("page", "k", "l", "3")),
        "the next page": await client.see(first.evaluate("page", "k", "l", "3", "k0003")),
        "the last page": await client.see(first.evaluate("page", "k0228", "l", "3")),
        "a full last page": await client.see(first.evaluate("page", "k0228", "l", "2")),
        "a page is endorsed": await client.endorsing(first, "page", "k", "l", "3"),
        "closed, and asked again": await client.endorsing(first, "first-batch", "k", "l"),
        "several at once": await client.endorsing(first, "many", "k0001", "nothing", "k0002"),
        "a batch of writes": await client.endorsing(first, "batch", "k0001", "new"),
    }
    # Fabric before 3.1 ends the stream at what it does not know: the next call opens another one.
    steps["after that"] = await client.see(first.evaluate("get", "k0001"))
    steps["an unknown request"] = await client.see(first.evaluate("unknown-kind"))
    steps["after that, too"] = await client.see(first.evaluate("get", "k0001"))
    return steps


async def refusals(client: Client) -> Steps:
    first, gateway = client.first, client.first.gateway
    unknown_channel = gateway.contract("nowhere", first.chaincode)
    unknown_chaincode = gateway.contract(first.channel, "nothing")
    steps: Steps = {}
    for status in ("100", "399", "404", "500"):
        steps[f"evaluate {status}"] = await client.see(first.evaluate("answer", status, "words"))
        steps[f"endorse {status}"] = await client.endorsing(first, "answer", status, "words")
    for name, contract in (("channel", unknown_channel), ("chaincode", unknown_chaincode)):
        steps[f"evaluate, unknown {name}"] = await client.see(contract.evaluate("get", "a"))
        steps[f"endorse, unknown {name}"] = await client.endorsing(contract, "get", "a")
        steps[f"endorse by name, unknown {name}"] = await client.endorsing(contract, "get", "a", to=(FIRST,))
    endorsed = await client.endorse("put", "a", "4")
    high = gateway.signed(first.propose("get", "a"))
    return {
        **steps,
        "evaluate crash": await client.see(first.evaluate("crash", "words")),
        "endorse crash": await client.endorsing(first, "crash", "words"),
        "peers that differ": await client.endorsing(first, "stranger"),
        "peers that differ, by name": _whoever(await client.endorsing(first, "stranger", to=(FIRST, SECOND))),
        "an unknown organisation": await client.endorsing(first, "get", "a", to=(FIRST, "NobodyMSP")),
        "status, unknown channel": await client.see(gateway.commit_status(_status_of(client, "nowhere"))),
        "submit, unknown channel": await client.see(gateway.submit(replace(endorsed, channel="nowhere"))),
        "events, unknown channel": await client.see(first_event(unknown_channel)),
        "an old proposal": await client.endorsing(client.late, "get", "a"),
        "an old question": await client.see(client.late.evaluate("get", "a")),
        "high S": await client.see(gateway.evaluate(high.signed_by(_high_s(high.signature)))),
        "submit with another signature": await client.see(gateway.submit(endorsed.signed_by(high.signature))),
    }


def _whoever(seen: Any) -> Any:
    """Both are asked at once: whose answer comes second is chance."""
    return {**seen, "details": [message for _, _, message in seen["details"]]}


def _status_of(client: Client, channel: str) -> Any:
    return status_question(client.first.gateway.identity.serialized, channel, "0" * 64)


def _high_s(signature: bytes) -> bytes:
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, P256_ORDER - s)


async def strangers(client: Client) -> Steps:
    endorsed = await client.endorse("put", "a", "4", "Put")
    await client.commit(endorsed)
    steps: Steps = {}
    for name, stranger in client.strangers.items():
        gateway = stranger.gateway
        steps[f"{name}, evaluate"] = await client.see(stranger.evaluate("get", "a"))
        steps[f"{name}, endorse"] = await client.endorsing(stranger, "get", "a")
        steps[f"{name}, endorse by the other"] = await client.endorsing(stranger, "get", "a", to=(SECOND,))
        steps[f"{name}, submit another's"] = await client.see(gateway.submit(replace(endorsed, signature=b"")))
        steps[f"{name}, status"] = await client.see(gateway.committed(endorsed))
        steps[f"{name}, events"] = await client.see(first_event(stranger, Checkpoint(block_number=0)))
        made = tampering.with_creator(endorsed.data, gateway.identity.serialized)
        steps[f"{name}, submit as its own"] = await client.see(
            gateway.submit(replace(endorsed, data=made, signature=b""))
        )
    return steps


async def policies(client: Client) -> Steps:
    first = client.first

    async def by(*organizations: str, function: str = "put", key: str = "kept", value: str = "1") -> Any:
        return await client.commit(await client.endorse(function, key, value, organizations=organizations))

    return {
        "put": await client.see(client.submit("put", "kept", "0")),
        "by one organisation": await by(FIRST),
        "by both": await by(FIRST, SECOND),
        "protect": await client.endorsing(first, "protect", "kept", SECOND),
        "protect, by both": await by(FIRST, SECOND, function="protect", value=SECOND),
        "protected": await client.see(first.evaluate("protection", "kept")),
        "the protection is read": await client.endorsing(first, "protection", "kept"),
        "a new version": await client.endorsing(first, "get", "kept"),
        "protected, by the first": await by(FIRST),
        "protected, by the second alone": await by(SECOND),
        "protected, by nobody named": await client.endorsing(first, "put", "kept", "2"),
        "protected, the value keeps it": await client.see(first.evaluate("protection", "kept")),
        "protect what is absent": await by(FIRST, SECOND, function="protect", key="absent", value=SECOND),
        "absent it stays": await client.endorsing(first, "get", "absent"),
        "delete what is protected": await client.commit(
            await client.endorse("delete", "kept", organizations=(SECOND,))
        ),
        "not protected any more": await client.see(first.evaluate("protection", "kept")),
    }


async def conflicts(client: Client) -> Steps:
    first = client.first
    one, two = await client.endorse("append", "a", "x"), await client.endorse("append", "a", "y")
    counted = await client.endorse("count", "k", "l", "counted")
    counted_few = await client.endorse("count", "k0000", "k0002", "counted few")
    steps = {
        "first": await client.commit(one),
        "second, of the same state": await client.commit(two),
        "a phantom": await client.see(client.submit("put", "k00001", "new")),
        "many counted": await client.commit(counted),
        "few counted": await client.commit(counted_few),
        "the same envelope again": await client.commit(one),
        "the void envelope again": await client.commit(two),
    }
    again = replace(first.propose("get", "a", nonce=b"n" * 24), organizations=(FIRST,))
    gateway = first.gateway
    await client.commit(gateway.signed(await gateway.endorse(again)))
    steps["the proposal of a committed one"] = await client.see(gateway.endorse(again))
    steps["its question"] = await client.see(gateway.evaluate(again))
    steps["its question to the other"] = await client.see(gateway.endorse(replace(again, organizations=(SECOND,))))
    return steps


ALL: tuple[Part, ...] = (
    reads_and_writes,
    queries,
    refusals,
    malformed,
    strangers,
    policies,
    conflicts,
    forgeries,
    events,
    faults,
)
