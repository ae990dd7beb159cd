"""Blocks by count, by bytes and by time; and what they look like."""

import asyncio
from hashlib import sha256

import pytest

from adapters.outbound.fabric.gateway.errors import Fault, SubmitError
from adapters.outbound.fabric.gateway.gateway import Committed, Contract
from adapters.outbound.fabric.gateway.signables import Endorsed
from tests.fabric_simulator.channel import Limits
from tests.fabric_simulator.makers import assets, contract_of, functions
from tests.fabric_simulator.network import MemoryNetwork, Shape
from tests.fabric_simulator.virtual_time import run_virtual, virtual_now


def _network(limits: Limits) -> MemoryNetwork:
    return MemoryNetwork(functions(assets), Shape(limits=limits), virtual_now)


async def _endorsed(contract: Contract, count: int, size: int = 1) -> list[Endorsed]:
    gateway = contract.gateway
    return [
        gateway.signed(await gateway.endorse(contract.propose("put", f"k{number}", "v" * size)))
        for number in range(count)
    ]


async def _committed(contract: Contract, transactions: list[Endorsed]) -> list[Committed]:
    for transaction in transactions:
        await contract.gateway.submit(transaction)
    return list(await asyncio.gather(*(contract.gateway.committed(one) for one in transactions)))


def test_blocks_are_cut_by_count_and_the_rest_by_time() -> None:
    async def main() -> None:
        async with _network(Limits(max_message_count=3)) as network:
            contract = contract_of(network)
            transactions = await _endorsed(contract, 7)
            begun = asyncio.get_running_loop().time()
            blocks = [one.block_number for one in await _committed(contract, transactions)]
            first = blocks[0]
            assert blocks == [first, first, first, first + 1, first + 1, first + 1, first + 2]
            assert 2.0 < asyncio.get_running_loop().time() - begun < 2.2

    run_virtual(main())


def test_what_would_not_fit_cuts_and_what_is_larger_stands_alone() -> None:
    async def main() -> None:
        async with _network(Limits(preferred_max_bytes=60_000)) as network:
            contract = contract_of(network)
            small, medium = await _endorsed(contract, 3), await _endorsed(contract, 2, 12_000)
            large = await _endorsed(contract, 1, 60_000)
            blocks = [one.block_number for one in await _committed(contract, [*small, *medium, *large])]
            first = blocks[0]
            assert blocks == [first, first, first, first, first + 1, first + 2]

    run_virtual(main())


def test_each_block_names_the_hash_of_the_one_before() -> None:
    async def main() -> None:
        async with _network(Limits(max_message_count=1)) as network:
            await contract_of(network).submit("put", "a", "1")
            blocks = network.nodes[0].replica.ledger.blocks
            assert [block.previous_hash for block in blocks[1:]] == [block.hash for block in blocks[:-1]]
            last = blocks[-1]
            assert last.data_hash == sha256(b"".join(last.envelopes)).digest()
            header = b"\x30\x47\x02\x01\x04\x04\x20" + last.previous_hash + b"\x04\x20" + last.data_hash
            assert last.number == 4
            assert last.hash == sha256(header).digest()
            assert last.codes == b"\0"

    run_virtual(main())


def test_what_the_orderer_never_takes_is_said_to_be_too_large() -> None:
    async def main() -> None:
        async with _network(Limits(absolute_max_bytes=50_000)) as network:
            contract = contract_of(network)
            (large,) = await _endorsed(contract, 1, 60_000)
            with pytest.raises(SubmitError) as raised:
                await contract.gateway.submit(large)
            assert raised.value.fault is Fault.TOO_LARGE
            size = len(large.data) + len(large.signature)
            assert raised.value.message == (
                "received unsuccessful response from orderer: status=BAD_REQUEST, info=message payload is "
                f"{size} bytes and exceeds maximum allowed 50000 bytes"
            )

    run_virtual(main())
