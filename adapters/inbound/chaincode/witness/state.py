"""The contract's keys, and its values as canonical JSON: what it wrote itself, and nobody else can."""

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from adapters.inbound.chaincode.stub import Stub
from core.log.checkpoints import Checkpoint
from core.log.pairs import Pair, Settled
from core.log.trust import KeyRange, parse_range
from core.log.witness import WitnessedLog
from shared.canonical import Json, b64url, dumps, loads, unb64url


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedLog:
    """A log, and the organisation (MSP id) that registered it."""

    log: WitnessedLog
    owner: str


_AFTER_LOGS = "log0"
"""The first key that does not begin with `log/`: 0 comes after the slash."""


def log_key(origin: str) -> str:
    return f"log/{origin}"


def head_key(origin: str) -> str:
    return f"head/{origin}"


def checkpoint_key(origin: str, size: int) -> str:
    return f"cp/{origin}/{size}"


def pair_key(pair: bytes) -> str:
    return f"pair/{b64url(pair)}"


async def logs(stub: Stub, origins: Sequence[str]) -> dict[str, OwnedLog]:
    """Those of these logs that are registered, read at once."""
    keys = [key for origin in origins for key in (log_key(origin), head_key(origin))]
    values = await stub.get_many(keys)
    found = {}
    for origin, log, head in zip(origins, values[::2], values[1::2], strict=True):
        if log is not None:
            found[origin] = _log(origin, log, head)
    return found


async def origins(stub: Stub, after: str, most: int) -> list[str]:
    """Of the logs after this name, so many, in order."""
    found: list[str] = []
    async with aclosing(stub.scan(log_key(after), _AFTER_LOGS)) as keys:
        async for key, _value in keys:
            if len(found) == most:
                break
            if key != log_key(after):
                found.append(key.removeprefix(log_key("")))
    return found


def put_log(stub: Stub, owned: OwnedLog) -> None:
    keys: list[Json] = [each.to_json() for each in owned.log.keys]
    value: dict[str, Json] = {"frozen": owned.log.frozen, "keys": keys, "owner": owned.owner}
    stub.put(log_key(owned.log.origin), dumps(value))


def put_checkpoint(stub: Stub, checkpoint: Checkpoint) -> None:
    stub.put(checkpoint_key(checkpoint.origin, checkpoint.size), dumps(checkpoint_json(checkpoint)))


def put_head(stub: Stub, head: Checkpoint, keys: Iterable[KeyRange]) -> None:
    """The newest checkpoint, with the key that it is signed with."""
    key = next(each.key for each in keys if each.covers(head.size))
    stub.put(head_key(head.origin), dumps({"key": str(key), "root": b64url(head.root), "size": head.size}))


async def held_root(stub: Stub, origin: str, size: int) -> bytes | None:
    value = await stub.get(checkpoint_key(origin, size))
    return None if value is None else unb64url(_object(value)["root"])


def checkpoint_json(checkpoint: Checkpoint) -> dict[str, Json]:
    return {"origin": checkpoint.origin, "root": b64url(checkpoint.root), "size": checkpoint.size}


def head_json(origin: str, value: bytes) -> dict[str, Json]:
    """What `head/<origin>` says, in the form of a checkpoint, with the key that it is signed with."""
    head = _object(value)
    return {"key": head["key"], "origin": origin, "root": head["root"], "size": head["size"]}


async def pair(stub: Stub, pair_id: bytes) -> Pair | None:
    value = await stub.get(pair_key(pair_id))
    if value is None:
        return None
    found = _object(value)
    one, other = found["organisations"]
    keys = unb64url(found["keys"][0]), unb64url(found["keys"][1])
    return Pair(id=pair_id, organisations=(one, other), keys=keys, settled=found["settled"])


def put_pair(stub: Stub, opened: Pair) -> None:
    stub.put(pair_key(opened.id), dumps(pair_json(opened)))


def pair_json(opened: Pair) -> dict[str, Json]:
    keys: list[Json] = [b64url(key) for key in opened.keys]
    return {"keys": keys, "organisations": list[Json](opened.organisations), "settled": opened.settled}


async def settled(stub: Stub, pair_id: bytes, period: str) -> bytes | None:
    """The commitment that was settled for the period."""
    value = await stub.get(f"{pair_key(pair_id)}/{period}")
    return None if value is None else unb64url(_object(value)["commitment"])


def put_settled(stub: Stub, settled: Settled) -> None:
    stub.put(settled.key, dumps({"commitment": b64url(settled.commitment)}))


def _log(origin: str, value: bytes, head: bytes | None) -> OwnedLog:
    found = _object(value)
    keys = tuple(parse_range(each) for each in found["keys"])
    log = WitnessedLog(origin=origin, keys=keys, frozen=found["frozen"])
    if head is not None:
        newest = _object(head)
        checkpoint = Checkpoint(origin=origin, size=newest["size"], root=unb64url(newest["root"]))
        log = replace(log, head=checkpoint)
    return OwnedLog(log=log, owner=found["owner"])


def _object(value: bytes) -> Any:
    return loads(value)
