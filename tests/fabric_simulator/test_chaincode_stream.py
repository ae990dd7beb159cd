"""The peers' half of the chaincode stream: a served chaincode, manners, interleaving, broken streams."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from adapters.outbound.fabric.gateway.errors import EvaluateError
from adapters.outbound.fabric.gateway.gateway import Contract
from adapters.outbound.fabric.gateway.messages import ChaincodeID
from shared.protowire import encode
from tests.fabric_simulator.assets import AssetsServer, served
from tests.fabric_simulator.chaincode_side import Connect, StreamedChaincode, dialled
from tests.fabric_simulator.channel import Limits
from tests.fabric_simulator.makers import PACKAGE_ID, contract_of, streamed
from tests.fabric_simulator.messages import ChaincodeMessage, Kind
from tests.fabric_simulator.network import MemoryNetwork, Shape

ONE = Shape(organizations=1, limits=Limits(max_message_count=1))


def _said(kind: int, payload: bytes = b"") -> bytes:
    return encode(ChaincodeMessage(type=kind, payload=payload))


_REGISTER = _said(Kind.REGISTER, encode(ChaincodeID(name=PACKAGE_ID)))


async def test_a_chaincode_server_is_dialled_and_dialled_again_after_it_was_away() -> None:
    server, port = await served(AssetsServer(PACKAGE_ID))
    connect = dialled(f"127.0.0.1:{port}", PACKAGE_ID)
    async with MemoryNetwork(lambda _: StreamedChaincode(connect, PACKAGE_ID, batches=True), ONE) as network:
        contract = contract_of(network)
        await contract.submit("put", "a", "1")
        await server.stop(None)
        with pytest.raises(EvaluateError):
            # Whether the peer notices before it asks, or by asking, is chance.
            await contract.evaluate("get", "a")
        with pytest.raises(EvaluateError) as raised:
            await contract.evaluate("get", "a")
        assert "could not launch chaincode witness:1: connection to witness:1 failed" in raised.value.details[0].message
        server, _ = await served(AssetsServer(PACKAGE_ID), f"127.0.0.1:{port}")
        assert await contract.evaluate("get", "a") == b"1"
    await server.stop(None)


async def test_a_second_request_before_the_answer_to_the_first_is_dropped() -> None:
    async with MemoryNetwork(streamed("v3.1.5"), ONE) as network:
        assert await contract_of(network).evaluate("hurried", "a") == b"dropped"


async def test_many_transactions_interleave_on_one_stream() -> None:
    async with MemoryNetwork(streamed("v3.1.5"), ONE) as network:
        contract = contract_of(network)
        await contract.submit("fill", "k", "250")
        slow = asyncio.create_task(contract.evaluate("slow", "20"))
        found = await asyncio.gather(
            *(contract.evaluate("range", "k", f"k{number:04}") for number in range(0, 250, 25))
        )
        assert [len(json.loads(keys)) for keys in found] == list(range(0, 250, 25))
        assert not slow.done()
        slow.cancel()


async def test_one_broken_stream_fails_what_runs_on_it_and_nothing_after() -> None:
    async with MemoryNetwork(streamed("v3.1.5"), ONE) as network:
        contract = contract_of(network)
        slow = asyncio.create_task(contract.evaluate("slow", "5"))
        # Answered after the slow one was begun: else that might come to run on the next stream.
        assert await contract.evaluate("get", "a") == b""
        results = await asyncio.gather(slow, contract.evaluate("unknown-kind"), return_exceptions=True)
        for result in results:
            assert isinstance(result, EvaluateError)
            assert result.details[0].message.endswith("error sending: chaincode stream terminated")
        assert await contract.evaluate("get", "a") == b""


@pytest.mark.parametrize(
    ("first_words", "what"),
    [
        ([_said(Kind.GET_STATE)], "a request before REGISTER"),
        ([_said(Kind.REGISTER)], "a REGISTER without a name"),
        ([b"\xff"], "what is no message"),
        ([], "nothing at all"),
    ],
)
async def test_a_stream_that_begins_badly_is_ended(first_words: list[bytes], what: str) -> None:
    with pytest.raises(EvaluateError) as raised:
        await _evaluated(_scripted(first_words))
    assert "chaincode registration failed: connection to witness:1 terminated" in raised.value.details[0].message, what


async def test_keepalives_are_ignored_also_before_registering() -> None:
    words = [_said(Kind.KEEPALIVE), _REGISTER, _said(Kind.KEEPALIVE)]
    with pytest.raises(EvaluateError) as raised:
        await _evaluated(_scripted(words))
    assert raised.value.details[0].message.endswith("error sending: chaincode stream terminated")


async def _evaluated(connect: Connect) -> bytes:
    async with MemoryNetwork(lambda _: StreamedChaincode(connect, PACKAGE_ID, batches=True), ONE) as network:
        contract: Contract = contract_of(network)
        return await contract.evaluate("get", "a")


def _scripted(words: list[bytes]) -> Connect:
    """A chaincode that says these words, hears one transaction if it was let in, and is gone."""

    async def connect(messages: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        async def stream() -> AsyncGenerator[bytes, None]:
            for word in words:
                yield word
            if _REGISTER in words:
                for _ in range(3):
                    await anext(messages)

        return stream()

    return connect
