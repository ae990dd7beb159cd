"""What a client sees of a network, as plain data for comparing two: ids, keys, times and ports are masked."""

import re
from collections.abc import Awaitable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from adapters.outbound.fabric.gateway.errors import CommitError, GatewayError
from adapters.outbound.fabric.gateway.gateway import Committed
from adapters.outbound.fabric.gateway.messages import Response
from shared.protowire import encode
from tests.fabric_simulator.messages import KVRead, KVRWSet, Version
from tests.fabric_simulator.rwset import decoded
from tests.fabric_simulator.tampering import parts_of

_HEX = re.compile(r"\b[0-9a-f]{64}\b")
_CREATOR = re.compile(r"\b[0-9a-f]{200,}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_LOST = re.compile(r"(?<=desc = )(?:connection error: desc = \"transport: [^\"]*\"|error reading from server: .*)")
"""Whether a dead peer refuses a new connection or the old one is found broken is a race."""

_ADDRESS = re.compile(r"\b(?:localhost|127\.0\.0\.1):\d+\b")


@dataclass(slots=True)
class Mask:
    """Takes out of texts what differs from run to run; the same id is the same everywhere."""

    addresses: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)

    def text(self, text: str) -> str:
        text = _LOST.sub("<connection lost>", text)
        text = _CREATOR.sub("<creator>", text)
        text = _HEX.sub(lambda found: self.id(found[0]), text)
        text = _TIME.sub("<time>", text)
        return _ADDRESS.sub(lambda found: self.addresses.get(_port(found[0]), "<address>"), text)

    def id(self, value: str) -> str:
        return self.ids.setdefault(value, f"<id {len(self.ids) + 1}>")


def _port(address: str) -> str:
    return address.rpartition(":")[2]


async def seen(mask: Mask, call: Awaitable[Any]) -> Any:
    """An answer or an error of the client, as plain data."""
    try:
        answer = await call
    except GatewayError as error:
        return {
            "stage": error.stage,
            "code": error.code,
            # Whether client or peer ends a call whose time is over is a race, and each has words of its own.
            "message": "" if error.code == "DEADLINE_EXCEEDED" else mask.text(error.message),
            "details": [[mask.text(one.address), one.msp_id, mask.text(one.message)] for one in error.details],
        }
    except CommitError as error:
        return {"code": error.code}
    return answered(mask, answer)


def answered(mask: Mask, answer: Any) -> Any:
    """What came back, as plain data."""
    if isinstance(answer, Response):
        return [answer.status, answer.message, mask.text(answer.payload.decode())]
    if isinstance(answer, Committed):
        return {"code": answer.code, "block": answer.block_number}
    if isinstance(answer, bytes):
        return mask.text(answer.decode())
    return answer


def transaction(mask: Mask, data: bytes) -> dict[str, Any]:
    """What the endorsers of a transaction agreed on."""
    parts = parts_of(data)
    action = parts.action
    named = action.chaincode_id
    return {
        "response": answered(mask, action.response),
        "chaincode": None if named is None else [named.name, named.version],
        "event": mask.text(action.events.decode(errors="replace")),
        "endorsements": len(parts.endorsed.endorsements),
        "sets": {space.namespace: _set(space.rwset) for space in decoded(action.results)},
    }


def _set(rwset: KVRWSet) -> dict[str, Any]:
    found = {
        "reads": [_read(read) for read in rwset.reads],
        "ranges": [
            {
                "start": info.start_key,
                "end": info.end_key,
                "exhausted": info.itr_exhausted,
                "reads": [_read(read) for read in (info.raw_reads.kv_reads if info.raw_reads else ())],
                "merkle": None if info.reads_merkle_hashes is None else _digest(info.reads_merkle_hashes),
            }
            for info in rwset.range_queries_info
        ],
        "writes": [[write.key, write.is_delete, write.value.decode()] for write in rwset.writes],
        "metadata": [
            [write.key, [[entry.name, _digest(entry)] for entry in write.entries]] for write in rwset.metadata_writes
        ],
    }
    return {name: value for name, value in found.items() if value}


def _read(read: KVRead) -> list[Any]:
    return [read.key, _version(read.version)]


def _version(version: Version | None) -> list[int] | None:
    return None if version is None else [version.block_num, version.tx_num]


def _digest(message: object) -> str:
    return sha256(encode(message)).hexdigest()[:16]
