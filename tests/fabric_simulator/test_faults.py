"""What nodes that die, stand still, lag, lie or forget do to a client; in memory and in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from adapters.outbound.fabric.gateway.errors import CommitStatusError, EndorseError, EvaluateError, Fault, SubmitError
from adapters.outbound.fabric.gateway.events import Checkpoint
from adapters.outbound.fabric.gateway.gateway import Contract
from adapters.outbound.fabric.gateway.gateway import Limits as ClientLimits
from adapters.outbound.fabric.gateway.messages import Response
from adapters.outbound.fabric.gateway.signables import Endorsed
from tests.fabric_simulator.chaincode_side import Stub
from tests.fabric_simulator.channel import Limits
from tests.fabric_simulator.makers import assets, contract_of, functions
from tests.fabric_simulator.network import MemoryNetwork, Shape
from tests.fabric_simulator.virtual_time import Deadlock, run_virtual, virtual_now

AT_ONCE = Limits(max_message_count=1)


def _play(
    scene: Callable[[MemoryNetwork, Contract], Awaitable[None]], limits: Limits = AT_ONCE, organizations: int = 2
) -> None:
    """A network in virtual time, and a client at its first peer."""

    async def main() -> None:
        shape = Shape(limits=limits, organizations=organizations)
        async with MemoryNetwork(functions(assets), shape, virtual_now) as network:
            await scene(network, contract_of(network, limits=ClientLimits(commit_seconds=30)))

    run_virtual(main())


async def _endorsed(contract: Contract, key: str = "a", *organizations: str) -> Endorsed:
    proposal = contract.propose("append", key, "x", organizations=organizations)
    return contract.gateway.signed(await contract.gateway.endorse(proposal))


def test_an_acknowledged_transaction_can_be_lost_and_sent_again() -> None:
    async def scene(network: MemoryNetwork, contract: Contract) -> None:
        transaction = await _endorsed(contract)
        network.lose_acknowledged()
        await contract.gateway.submit(transaction)
        await network.kill("orderer")
        await network.restart("orderer")
        with pytest.raises(CommitStatusError) as raised:
            await contract.gateway.committed(transaction)
        assert raised.value.fault is Fault.OUTCOME_UNKNOWN
        await contract.gateway.submit(transaction)
        assert (await contract.gateway.committed(transaction)).valid
        assert await contract.evaluate("get", "a") == b"x"

    _play(scene)


def test_what_waits_for_its_block_dies_with_the_orderer() -> None:
    async def scene(network: MemoryNetwork, contract: Contract) -> None:
        transaction = await _endorsed(contract)
        await contract.gateway.submit(transaction)
        await network.kill("orderer")
        await network.restart("orderer")
        with pytest.raises(CommitStatusError):
            await contract.gateway.committed(transaction)

    _play(scene, Limits(batch_timeout_seconds=5))


def test_an_orderer_that_stood_still_has_what_it_was_sent_or_not_and_takes_it_again() -> None:
    found: list[bool] = []

    async def scene(network: MemoryNetwork, contract: Contract) -> None:
        for number in range(10):
            transaction = await _endorsed(contract, f"key{number}")
            await network.freeze("orderer")
            with pytest.raises(SubmitError) as raised:
                await contract.gateway.submit(transaction)
            assert (raised.value.code, raised.value.fault) == ("DEADLINE_EXCEEDED", Fault.OUTCOME_UNKNOWN)
            await network.thaw("orderer")
            try:
                found.append((await contract.gateway.committed(transaction)).valid)
            except CommitStatusError:
                found.append(False)
            await contract.gateway.submit(transaction)
            assert (await contract.gateway.committed(transaction)).valid
            assert await contract.evaluate("get", f"key{number}") == b"x"

    _play(scene)
    assert set(found) == {True, False}


def test_a_dead_orderer_is_named_and_nothing_is_submitted() -> None:
    async def scene(network: MemoryNetwork, contract: Contract) -> None:
        transaction = await _endorsed(contract)
        await network.kill("orderer")
        with pytest.raises(SubmitError) as raised:
            await contract.gateway.submit(transaction)
        assert raised.value.message == "no orderers could successfully process transaction"
        assert [one.msp_id for one in raised.value.details] == ["OrdererMSP"]

    _play(scene)


def test_a_dead_peer_is_missed_until_gossip_forgets_it_and_used_again_when_it_is_back() -> None:
    async def scene(network: MemoryNetwork, contract: Contract) -> None:
        await network.kill("org2.peer")
        with pytest.raises(EndorseError) as missed:
            await _endorsed(contract)
        assert (missed.value.code, [one.msp_id for one in missed.value.details]) == ("ABORTED", ["Org2MSP"])
        await asyncio.sleep(6)
        with pytest.raises(EndorseError) as forgotten:
            await _endorsed(contract)
        assert (forgotten.value.code, forgotten.value.fault) == ("FAILED_PRECONDITION", Fault.NOT_READY)
        assert forgotten.value.message == (
            "no combination of peers can be derived which satisfy the endorsement policy: "
            "no peer combination can satisfy the endorsement policy"
        )
        with pytest.raises(EndorseError) as named:
            await _endorsed(contract, "a", "Org2MSP")
        assert named.value.message == "failed to find any endorsing peers for org(s): Org2MSP"
        await network.restart("org2.peer")
        await _endorsed(contract)

    _play(scene)


def test_with_a_peer_to_spare_a_dead_one_is_done_without() -> None:
    async def scene(network: MemoryNetwork, contract: Contract) -> None:
        await network.kill("org2.peer")
        await contract.submit("put", "a", "1")
        await network.kill("org3.peer")
        await network.restart("org2.peer")
        await contract.submit("put", "a", "2")

    _play(scene, organizations=3)


def test_a_peer_that_stands_still_answers_late_and_another_one_that_lags_differs() -> None:
    async def scene(network: MemoryNetwork, contract: Contract) -> None:
        await contract.submit("put", "a", "1")
        await network.freeze("org1.peer")
        with pytest.raises(EvaluateError) as raised:
            await contract.evaluate("get", "a")
        assert raised.value.code == "DEADLINE_EXCEEDED"
        await network.thaw("org1.peer")
        assert await contract.evaluate("get", "a") == b"1"
        network.lag("org2.peer")
        await contract.submit("put", "a", "2")
        with pytest.raises(EndorseError) as differs:
            await _endorsed(contract, "a", "Org1MSP", "Org2MSP")
        assert differs.value.fault is Fault.MISMATCH
        network.catch_up("org2.peer")
        await asyncio.sleep(0.1)
        await _endorsed(contract, "a", "Org1MSP", "Org2MSP")

    _play(scene)


def test_a_peer_that_lies_alone_changes_nothing() -> None:
    async def scene(network: MemoryNetwork, contract: Contract) -> None:
        network.lie("org2.peer", lambda action: replace(action, response=Response(status=200, payload=b"a lie")))
        with pytest.raises(EndorseError) as raised:
            await _endorsed(contract)
        assert [(one.msp_id, one.message) for one in raised.value.details] == [
            ("Org2MSP", "ProposalResponsePayloads do not match")
        ]
        lied = await _endorsed(contract, "a", "Org2MSP")
        assert lied.response.payload == b"a lie"
        await contract.gateway.submit(lied)
        assert (await contract.gateway.committed(lied)).code == 10
        network.lie("org2.peer", None)
        await contract.submit("put", "a", "1")

    _play(scene)


def test_events_that_break_off_go_on_where_they_were() -> None:
    async def scene(network: MemoryNetwork, contract: Contract) -> None:
        heard: list[bytes] = []

        async def listen() -> None:
            async for event in contract.follow(Checkpoint(block_number=0)):
                heard.append(event.payload)
                if len(heard) == 4:
                    return

        listening = asyncio.create_task(listen())
        await contract.submit("put", "a", "1")
        await network.cut_streams("org1.peer")
        await contract.submit("put", "a", "2")
        await asyncio.sleep(1)
        await network.kill("org1.peer")
        other = contract_of(network, peer="org2.peer")
        await network.restart("org1.peer")
        await other.submit("put", "a", "3")
        await other.submit("put", "a", "4")
        await listening
        assert heard == [b"1", b"2", b"3", b"4"]

    _play(scene)


def test_chaincode_that_is_down_is_no_answer_of_its_own() -> None:
    async def scene(network: MemoryNetwork, contract: Contract) -> None:
        await network.kill("org1.chaincode")
        with pytest.raises(EndorseError) as raised:
            await _endorsed(contract)
        assert raised.value.fault is Fault.NOT_READY
        assert "could not launch chaincode" in raised.value.details[0].message
        assert await contract.evaluate("get", "a") == b""
        await network.freeze("org2.chaincode")
        await network.restart("org1.chaincode")
        with pytest.raises(EndorseError) as slow:
            await _endorsed(contract)
        assert slow.value.details[0].message == "rpc error: code = DeadlineExceeded desc = context deadline exceeded"

    _play(scene)


def test_chaincode_that_never_answers_is_given_up_after_half_a_minute() -> None:
    async def never(stub: Stub) -> Response:
        await asyncio.sleep(3600)
        return Response(status=200)

    async def main() -> None:
        async with MemoryNetwork(functions(never), Shape(limits=AT_ONCE), virtual_now) as network:
            patient = ClientLimits(endorse_seconds=60)
            contract = contract_of(network, limits=patient)
            with pytest.raises(EndorseError) as raised:
                await _endorsed(contract)
            assert raised.value.details[0].message.endswith(
                "error sending: timeout expired while executing transaction"
            )
            assert asyncio.get_running_loop().time() > 30

    run_virtual(main())


def test_more_calls_at_once_than_the_peer_allows_are_refused_open_streams_counted() -> None:
    async def scene(network: MemoryNetwork, contract: Contract) -> None:
        stream = aiter(contract.events(Checkpoint(block_number=0)))
        await contract.submit("put", "a", "1")
        await anext(stream)
        waiting = [asyncio.create_task(_status_of_nothing(contract)) for _ in range(3)]
        await asyncio.sleep(0.5)
        with pytest.raises(EvaluateError) as raised:
            await contract.evaluate("get", "a")
        assert (raised.value.code, raised.value.fault) == ("UNKNOWN", Fault.OVERLOADED)
        assert raised.value.message == "too many requests for /gateway.Gateway, exceeding concurrency limit (4)"
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert await contract.evaluate("get", "a") == b"1"

    _play(scene, Limits(max_message_count=1, concurrent_calls=4))


async def _status_of_nothing(contract: Contract) -> None:
    transaction = Endorsed(channel=contract.channel, transaction_id="0" * 64, data=b"")
    await contract.gateway.committed(transaction)


def test_virtual_time_says_when_nothing_can_happen_any_more() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        run_virtual(main())
