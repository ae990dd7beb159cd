"""Our client calls a contract in Node that is not ours; Fabric's official client calls our contract; both read both."""

import asyncio
import json
from dataclasses import replace
from hashlib import sha256
from secrets import token_hex
from typing import Any

import pytest

from adapters.outbound.fabric.gateway.errors import EndorseError, EvaluateError, Fault
from adapters.outbound.fabric.gateway.events import Checkpoint, Event
from adapters.outbound.fabric.gateway.gateway import Contract, Gateway
from adapters.outbound.fabric.gateway.identity import signer
from adapters.outbound.fabric.gateway.signables import Endorsed, status_question
from benchmarks.fabric.ours import run as run_ours
from shared.canonical import dumps
from tests.contracts.ledger import HONEST, SampleLog
from tests.support.chaincode import item
from tests.support.node import OfficialClient, OfficialError, OfficialEvent
from tests.support.node_backends import Place

MVCC_READ_CONFLICT = 11
ABORTED, UNKNOWN = 10, 2
"""Codes of gRPC."""


def fresh(name: str) -> str:
    """A name that no other test uses: real ledgers are shared."""
    return f"{name}-{token_hex(4)}"


def fresh_log() -> SampleLog:
    return replace(HONEST, origin=f"concordat.test/{fresh('club')}/1")


def ours(gateway: Gateway, place: Place) -> Contract:
    return gateway.contract(place.network.channel, place.chaincode)


def anchor(log: SampleLog, size: int, old_size: int = 0) -> tuple[str, str]:
    return "Anchor", dumps([item(log.submission(size, old_size))]).decode()


async def taken(contract: Contract, start: Checkpoint, count: int) -> list[Event]:
    """So many events from there on."""
    found: list[Event] = []
    async with asyncio.timeout(20):
        async for event in contract.events(start):
            found.append(event)
            if len(found) == count:
                break
    return found


def as_official(event: Event) -> OfficialEvent:
    return OfficialEvent(
        name=event.name,
        payload=event.payload,
        transaction_id=event.transaction_id,
        block_number=event.block_number,
    )


async def in_steps(contract: Contract, *call: str, **options: Any) -> Endorsed:
    """Endorsed and signed, not submitted."""
    gateway = contract.gateway
    return gateway.signed(await gateway.endorse(contract.propose(*call, **options)))


# Our client, and a contract in Node


async def test_a_contract_in_node_is_submitted_to_and_evaluated(assets: Place) -> None:
    asset = fresh("ring")
    async with assets.gateway() as gateway:
        contract = ours(gateway, assets)
        written = await contract.submit("Create", asset, "green, grün, 緑")
        read = await contract.evaluate("Read", asset)
        assert await contract.evaluate("Exists", asset) == b"true"
        assert await contract.evaluate("Exists", fresh("none")) == b"false"
    assert json.loads(written) == {"id": asset, "colour": "green, grün, 緑", "owner": "Org1MSP"}
    assert read == written


async def test_ranges_and_deletions_of_a_contract_in_node_work(assets: Place) -> None:
    prefix = fresh("row")
    async with assets.gateway() as gateway:
        contract = ours(gateway, assets)
        for place in range(3):
            await contract.submit("Create", f"{prefix}-{place}", "")
        await contract.submit("Delete", f"{prefix}-1")
        assert json.loads(await contract.evaluate("Range", f"{prefix}-", f"{prefix}-~")) == [
            f"{prefix}-0",
            f"{prefix}-2",
        ]


async def test_large_values_travel_through_node_and_back(assets: Place) -> None:
    asset, colour = fresh("ring"), "x" * 100_000
    async with assets.gateway() as gateway:
        contract = ours(gateway, assets)
        await contract.submit("Create", asset, colour)
        assert json.loads(await contract.evaluate("Read", asset))["colour"] == colour


async def test_steps_give_the_answer_before_the_commit_and_the_block_after_it(assets: Place) -> None:
    async with assets.gateway() as gateway:
        transaction = await in_steps(ours(gateway, assets), "Create", fresh("ring"), "red", organizations=["Org1MSP"])
        assert json.loads(transaction.response.payload)["colour"] == "red"
        await gateway.submit(transaction)
        committed = await gateway.committed(transaction)
        assert (committed.valid, committed.transaction_id) == (True, transaction.transaction_id)
        assert committed.block_number > 0


async def test_a_stored_envelope_is_sent_again_and_commits_once(assets: Place) -> None:
    asset = fresh("ring")
    async with assets.gateway() as gateway:
        contract = ours(gateway, assets)
        stored = (await in_steps(contract, "Create", asset, "red")).envelope
        for _ in range(2):
            await gateway.submit(Endorsed.from_envelope(stored))
        committed = await gateway.committed(Endorsed.from_envelope(stored))
        assert committed.valid
        await contract.submit("Paint", asset, "blue")
        start = Checkpoint(block_number=committed.block_number)
        assert [event.name for event in await taken(contract, start, 2)] == ["Created", "Painted"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (("Read", "nothing"), "the asset nothing does not exist"),
        (("Appraise", "nothing"), "an appraisal needs a price, as transient data"),
        (("Read",), "Expected 1 parameters, but 0 have been supplied"),
        (("Melt", "nothing"), "You've asked to invoke a function that does not exist: Melt"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
async def test_what_a_contract_in_node_refuses_arrives_in_its_own_words(
    assets: Place, call: tuple[str, ...], words: str
) -> None:
    async with assets.gateway() as gateway:
        contract = ours(gateway, assets)
        with pytest.raises(EvaluateError) as asked:
            await contract.evaluate(*call)
        with pytest.raises(EndorseError) as refused:
            await contract.submit(*call)
    for error in (asked.value, refused.value):
        assert (error.fault, error.contract) == (Fault.CONTRACT, (500, words))
        assert len(error.transaction_id) == 64
    assert [(one.msp_id, one.message) for one in refused.value.details] == [
        ("Org1MSP", f"chaincode response 500, {words}")
    ]


async def test_of_two_that_read_the_same_the_second_is_void(assets: Place) -> None:
    asset = fresh("ring")
    async with assets.gateway() as gateway:
        contract = ours(gateway, assets)
        await contract.submit("Create", asset, "red")
        first, second = [await in_steps(contract, "Paint", asset, colour) for colour in ("blue", "green")]
        await gateway.submit(first)
        assert (await gateway.committed(first)).valid
        await gateway.submit(second)
        assert (await gateway.committed(second)).code == MVCC_READ_CONFLICT
        assert json.loads(await contract.evaluate("Read", asset))["colour"] == "blue"


async def test_transient_data_reaches_the_contract_and_not_the_block(assets: Place) -> None:
    asset, price = fresh("ring"), fresh("price").encode()
    async with assets.gateway() as gateway:
        contract = ours(gateway, assets)
        await contract.submit("Create", asset, "red")
        transaction = await in_steps(contract, "Appraise", asset, transient={"price": price})
        await gateway.submit(transaction)
        assert (await gateway.committed(transaction)).valid
        assert json.loads(await contract.evaluate("Read", asset))["appraisal"] == sha256(price).hexdigest()
    assert price not in transaction.envelope


async def test_events_are_resumed_exactly_behind_the_last_one(assets: Place) -> None:
    asset = fresh("ring")
    async with assets.gateway() as gateway:
        contract = ours(gateway, assets)
        created = await in_steps(contract, "Create", asset, "red")
        await gateway.submit(created)
        start = Checkpoint(block_number=(await gateway.committed(created)).block_number)
        for colour in ("green", "blue"):
            await contract.submit("Paint", asset, colour)
        every = await taken(contract, start, 3)
        assert [(one.name, json.loads(one.payload).get("colour")) for one in every] == [
            ("Created", "red"),
            ("Painted", "green"),
            ("Painted", "blue"),
        ]
        assert every[0].transaction_id == created.transaction_id
        for seen in (0, 1):
            assert await taken(contract, every[seen].checkpoint, 2 - seen) == every[seen + 1 :]
        followed = [anext(contract.follow(event.checkpoint)) for event in every[:2]]
        assert await asyncio.gather(*followed) == every[1:]


async def test_everything_can_be_signed_off_line(assets: Place) -> None:
    asset = fresh("ring")
    sign = signer(assets.network.identity("Org1MSP").private_key)
    async with assets.gateway(unsigned=True) as gateway:
        contract = ours(gateway, assets)
        proposal = contract.propose("Create", asset, "red")
        transaction = await gateway.endorse(proposal.signed_by(sign(proposal.digest)))
        transaction = transaction.signed_by(sign(transaction.digest))
        await gateway.submit(transaction)
        question = status_question(gateway.identity.serialized, assets.network.channel, transaction.transaction_id)
        assert (await gateway.commit_status(question.signed_by(sign(question.digest)))).valid
        asked = contract.propose("Read", asset)
        answer = await gateway.evaluate(asked.signed_by(sign(asked.digest)))
        assert json.loads(answer.payload)["id"] == asset
        with pytest.raises(ValueError, match="not signed"):
            await contract.evaluate("Read", asset)


# The official client, on the contract in Node


async def test_either_client_reads_what_the_other_wrote(assets: Place) -> None:
    one, other = fresh("ring"), fresh("ring")
    async with assets.gateway() as gateway, assets.official() as official:
        contract = ours(gateway, assets)
        await contract.submit("Create", one, "red")
        await official.submit(assets.chaincode, "Create", other, "blue")
        for asset, colour in ((one, "red"), (other, "blue")):
            read = await contract.evaluate("Read", asset)
            assert read == await official.evaluate(assets.chaincode, "Read", asset)
            assert json.loads(read)["colour"] == colour


async def test_both_clients_hear_the_same_events_and_resume_at_the_same_place(assets: Place) -> None:
    asset = fresh("ring")
    async with assets.gateway() as gateway, assets.official() as official:
        contract = ours(gateway, assets)
        _, created = await official.submit(assets.chaincode, "Create", asset, "red")
        await contract.submit("Paint", asset, "green")
        await official.submit(assets.chaincode, "Appraise", asset, transient={"price": b"7"})
        heard = await taken(contract, Checkpoint(block_number=created.block_number), 3)
        assert [event.name for event in heard] == ["Created", "Painted", "Appraised"]
        theirs = await official.events(assets.chaincode, 3, block_number=created.block_number)
        assert theirs == [as_official(event) for event in heard]
        place = heard[0].checkpoint
        assert place.transaction_id == created.transaction_id
        resumed = await official.events(
            assets.chaincode, 2, block_number=place.block_number, transaction_id=created.transaction_id
        )
        assert resumed == [as_official(event) for event in await taken(contract, place, 2)]


async def test_either_client_learns_what_became_of_the_others_transaction(assets: Place) -> None:
    asset = fresh("ring")
    async with assets.gateway() as gateway, assets.official() as official:
        contract = ours(gateway, assets)
        _, created = await official.submit(assets.chaincode, "Create", asset, "red", organizations=["Org1MSP"])
        question = status_question(gateway.identity.serialized, assets.network.channel, created.transaction_id)
        assert await gateway.commit_status(question) == created
        late = await in_steps(contract, "Paint", asset, "green")
        await official.submit(assets.chaincode, "Paint", asset, "blue")
        await gateway.submit(late)
        assert (await gateway.committed(late)).code == MVCC_READ_CONFLICT
        with pytest.raises(EndorseError) as refused:
            await contract.submit("Create", asset, "red")
        with pytest.raises(OfficialError) as theirs:
            await official.submit(assets.chaincode, "Create", asset, "red")
    assert (theirs.value.name, theirs.value.code) == ("EndorseError", ABORTED)
    assert theirs.value.details == [one.message for one in refused.value.details]


@pytest.mark.parametrize("whose", ["our", "their"])
async def test_a_benchmark_makes_every_call_and_overlooks_no_refusal(assets: Place, whose: str) -> None:
    prefix = fresh(whose)
    calls = [[f"{prefix}-{place}", "red"] for place in range(7)]
    load = {"chaincode": assets.chaincode, "kind": "submit", "call": "Create", "calls": calls, "in_flight": 3}
    async with assets.gateway() as gateway, assets.official() as official:
        contract = ours(gateway, assets)

        async def run() -> Any:
            return await (run_ours(contract, load) if whose == "our" else official.ask("load", **load))

        assert len((await run())["milliseconds"]) == len(calls)
        assert json.loads(await contract.evaluate("Range", prefix, f"{prefix}~")) == [each for each, _ in calls]
        with pytest.raises((EndorseError, OfficialError), match="exists already"):
            await run()


# The official client, on our contract


async def test_the_official_client_registers_and_anchors_and_ours_reads_it(witness: Place) -> None:
    log = fresh_log()
    async with witness.gateway() as gateway, witness.official() as official:
        contract = ours(gateway, witness)
        told, committed = await official.submit(witness.chaincode, "RegisterLog", log.origin, str(log.key))
        assert (committed.valid, json.loads(told)["owner"]) == (True, "Org1MSP")
        told, _ = await official.submit(witness.chaincode, *anchor(log, 5))
        assert json.loads(told) == [{"origin": log.origin, "size": 5}]
        head = json.loads(await contract.evaluate("Head", log.origin))
        assert (head["size"], head["key"]) == (5, str(log.key))
        held = await contract.evaluate("Checkpoint", log.origin, "5")
        assert json.loads(held)["root"] == head["root"]
        heard = await taken(contract, Checkpoint(block_number=committed.block_number), 2)
        assert [event.name for event in heard] == ["LogRegistered", "CheckpointsAnchored"]


async def test_the_official_client_reads_what_ours_anchored_and_goes_on_from_there(witness: Place) -> None:
    log = fresh_log()
    async with witness.gateway() as gateway, witness.official() as official:
        contract = ours(gateway, witness)
        registered = await in_steps(contract, "RegisterLog", log.origin, str(log.key))
        await gateway.submit(registered)
        committed = await gateway.committed(registered)
        await contract.submit(*anchor(log, 5))
        for call in (("Head", log.origin), ("Checkpoint", log.origin, "5"), ("Origins", log.origin[:-1])):
            assert await official.evaluate(witness.chaincode, *call) == await contract.evaluate(*call)
        await official.submit(witness.chaincode, *anchor(log, 8, 5))
        await contract.submit(*anchor(log, 9, 8))
        theirs = await official.events(witness.chaincode, 4, block_number=committed.block_number)
        heard = await taken(contract, Checkpoint(block_number=committed.block_number), 4)
        assert theirs == [as_official(event) for event in heard]
        assert [[each["size"] for each in json.loads(event.payload)] for event in heard[1:]] == [[5], [8], [9]]


async def test_what_our_contract_refuses_the_official_client_shows_in_the_same_words(witness: Place) -> None:
    log = fresh_log()
    other = replace(log, seed=bytes([9]) * 32)
    async with witness.gateway() as gateway, witness.official() as official:
        contract = ours(gateway, witness)
        await contract.submit("RegisterLog", log.origin, str(log.key))
        for call in (("RegisterLog", log.origin, str(other.key)), ("RegisterLog", "no origin", str(log.key))):
            with pytest.raises(EndorseError) as refused:
                await contract.submit(*call)
            assert refused.value.contract is not None
            with pytest.raises(OfficialError) as shown:
                await official.submit(witness.chaincode, *call)
            assert (shown.value.name, shown.value.code) == ("EndorseError", ABORTED)
            assert shown.value.details == [one.message for one in refused.value.details]
        await assert_not_held(contract, official, witness, log.origin)


async def assert_not_held(contract: Contract, official: OfficialClient, witness: Place, origin: str) -> None:
    with pytest.raises(EvaluateError) as refused:
        await contract.evaluate("Head", origin)
    with pytest.raises(OfficialError) as shown:
        await official.evaluate(witness.chaincode, "Head", origin)
    assert shown.value.code == UNKNOWN
    assert refused.value.contract is not None
    assert refused.value.contract[1].startswith("not-held: ")
    assert refused.value.contract[1] in str(shown.value)


async def test_of_two_anchors_at_once_by_either_client_one_is_void(witness: Place) -> None:
    log = fresh_log()
    async with witness.gateway() as gateway, witness.official() as official:
        contract = ours(gateway, witness)
        await contract.submit("RegisterLog", log.origin, str(log.key))
        ours_late = await in_steps(contract, *anchor(log, 5))
        _, theirs = await official.submit(witness.chaincode, *anchor(log, 8))
        assert theirs.valid
        await gateway.submit(ours_late)
        assert (await gateway.committed(ours_late)).code == MVCC_READ_CONFLICT
        assert json.loads(await official.evaluate(witness.chaincode, "Head", log.origin))["size"] == 8
