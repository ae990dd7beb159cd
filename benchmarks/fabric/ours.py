"""Our client under load, a process of its own: `python -m benchmarks.fabric.ours`, which says where it listens.

It speaks what tests/node/client.js and load.js speak, as far as load goes: a line that says who it is and where the
peer is, then requests of many calls each, and measures in the same places.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import uvloop

from adapters.outbound.fabric.gateway.gateway import Contract, Gateway
from adapters.outbound.fabric.gateway.identity import Identity, signer
from adapters.outbound.fabric.gateway.transport import Peer
from benchmarks.usage import own_megabytes

LARGEST_LINE = 64 << 20


async def run(contract: Contract, request: dict[str, Any]) -> dict[str, Any]:
    """`calls` holds the arguments of each call."""
    call, function = getattr(contract, request["kind"]), request["call"]
    waiting: Iterator[Sequence[str]] = iter(request["calls"])
    milliseconds: list[float] = []

    async def worker() -> None:
        for arguments in waiting:
            began = time.perf_counter()
            await call(function, *arguments)
            milliseconds.append((time.perf_counter() - began) * 1000)

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(request["in_flight"])))
    return {
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - used,
        "milliseconds": milliseconds,
        "megabytes": own_megabytes(),
    }


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection: one client of one peer."""
    told = json.loads(await reader.readline())
    identity = Identity(msp_id=told["msp_id"], certificate=told["certificate"].encode())
    peers = [Peer(address=told["address"], roots=told["roots"].encode())]
    async with Gateway.connect(peers, identity, signer(told["private_key"].encode())) as gateway:
        while line := await reader.readline():
            request = json.loads(line)
            outcome = await run(gateway.contract(told["channel"], request["chaincode"]), request)
            writer.write(json.dumps({"result": outcome}).encode() + b"\n")
            await writer.drain()
    writer.close()


async def _main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=LARGEST_LINE)
    print(f"listens on {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())
