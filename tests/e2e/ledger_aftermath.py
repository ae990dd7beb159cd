"""What has to hold on a Fabric ledger after kills: its chain against what the database remembers and clubs publish."""

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.outbound.fabric.gateway.errors import VALID, EvaluateError
from adapters.outbound.fabric.gateway.events import Checkpoint, Event
from adapters.outbound.fabric.gateway.gateway import Gateway
from adapters.outbound.fabric.gateway.identity import Identity, signer
from adapters.outbound.fabric.gateway.transport import Peer
from shared.canonical import unb64url
from tests.e2e.aftermath import SETTLED_WITHIN_SECONDS, Rows
from tests.e2e.served import Installation, said
from tests.support.networks import Network

_QUIET_SECONDS = 0.5
"""After the last event: whatever was committed came long before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchoring:
    """A valid transaction on the chain: its id, and what it anchored, as (origin, size, root)."""

    tx_id: str
    held: Sequence[tuple[str, int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChain:
    """Every valid transaction by its id, what was ever anchored, both in the order of the blocks, and the ledger's head
    of each log (size, root)."""

    transactions: Sequence[str]
    anchorings: Sequence[Anchoring]
    heads: Mapping[str, tuple[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """By the database: attempts (id, outcome), and of each log its head (size, root) and the sizes of its anchors."""

    attempts: Sequence[tuple[str, int | None]]
    heads: Mapping[str, tuple[int, str]]
    anchors: Mapping[str, Sequence[int]]


def remembered(rows: Rows) -> Remembered:
    """Of Postgres, where bytes are shown in hex."""
    origins = dict(rows("SELECT club, origin FROM directory"))
    anchors: dict[str, list[int]] = defaultdict(list)
    for club, size in rows("SELECT club_id, size FROM anchor ORDER BY size"):
        anchors[origins[club]].append(int(size))
    return Remembered(
        attempts=[
            (tx_id, int(outcome) if outcome else None) for tx_id, outcome in rows("SELECT tx_id, outcome FROM attempt")
        ],
        heads={
            origins[club]: (int(size), root.removeprefix("\\x"))
            for club, size, root in rows("SELECT club_id, size, root FROM log")
        },
        anchors=anchors,
    )


def anchored(rows: Rows) -> list[str]:
    """Waits until every log is anchored as far as it goes; says which is not, if that never comes."""
    until = time.monotonic() + SETTLED_WITHIN_SECONDS
    while True:
        now = remembered(rows)
        newest = {origin: max(now.anchors.get(origin, [0])) for origin in now.heads}
        left = [(origin, size) for origin, (size, _) in now.heads.items() if size > newest[origin]]
        if not left or time.monotonic() > until:
            return [f"{origin} has {size} leaves and is anchored at {newest[origin]}" for origin, size in left]
        time.sleep(0.05)


async def on_chain(network: Network, origins: Sequence[str]) -> OnChain:
    """Read from the chain's first block on, through the last organisation's peer: not the worker's own."""
    peer, member = network.peers[-1], network.identity(network.peers[-1].msp_id)
    identity = Identity(msp_id=member.msp_id, certificate=member.certificate)
    peers = [Peer(address=peer.address, roots=peer.roots)]
    async with Gateway.connect(peers, identity, signer(member.private_key)) as gateway:
        contract = gateway.contract(network.channel, network.chaincode)
        heads = {}
        for origin in origins:
            # A log that the ledger does not hold is missed by whoever compares.
            with suppress(EvaluateError):
                head = json.loads(await contract.evaluate("Head", origin))
                heads[origin] = (head["size"], unb64url(head["root"]).hex())
        events: list[Event] = []
        stream = aiter(contract.events(Checkpoint(block_number=0)))
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(_QUIET_SECONDS):
                    events.append(await anext(stream))
    return OnChain(
        transactions=[event.transaction_id for event in events],
        anchorings=[_anchoring(event) for event in events if event.name == "CheckpointsAnchored"],
        heads=heads,
    )


def complaints(chain: OnChain, remembered: Remembered) -> Iterator[str]:
    """What is not exactly once on the chain, or not as the database has it; nothing if all is well."""
    sizes = defaultdict(list)
    for one in chain.anchorings:
        for origin, size, _ in one.held:
            sizes[origin].append(size)
    for origin, held in sizes.items():
        if held != sorted(set(held)):
            yield f"{origin} was anchored at {held}"
        yield from (f"the anchor of {origin} at {size} is not on the chain" for size in _lost(remembered, origin, held))
    for origin, head in remembered.heads.items():
        if chain.heads.get(origin) != head:
            yield f"the ledger's head of {origin} is {chain.heads.get(origin)}, and ours {head}"
    yield from _attempts(chain, remembered)


def _lost(remembered: Remembered, origin: str, held: Sequence[int]) -> list[int]:
    return sorted(set(remembered.anchors.get(origin, ())) - set(held))


def _attempts(chain: OnChain, remembered: Remembered) -> Iterator[str]:
    valid = Counter(tx_id for tx_id, outcome in remembered.attempts if outcome == VALID)
    for tx_id in Counter(chain.transactions) - valid:
        yield f"the transaction {tx_id} is on the chain, and no attempt that is settled as valid"
    for tx_id in valid - Counter(chain.transactions):
        yield f"the attempt {tx_id} is settled as valid, and not on the chain"
    yield from (f"the attempt {tx_id} is not settled" for tx_id, outcome in remembered.attempts if outcome is None)


def receipt_complaints(installation: Installation, saved: Mapping[str, Path], trust: Path) -> list[str]:
    """Each has to be valid, anchored, and vouched for by the consortium."""
    return [
        f"the receipt of {key} is {state}"
        for key, state in receipt_states(installation, saved, trust).items()
        if state != ("valid", "anchored", "consortium")
    ]


def receipt_states(installation: Installation, saved: Mapping[str, Path], trust: Path) -> dict[str, tuple[str, ...]]:
    """Validity, state and assurance, as whoever has nothing but the files and the bundle finds them."""
    done = installation.run("verify", "--json", "--trust", str(trust), *map(str, saved.values()))
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(verdicts) == len(saved), said(done)
    return {
        key: (verdict["validity"], verdict["state"], verdict["assurance"])
        for key, verdict in zip(saved, verdicts, strict=True)
    }


def _anchoring(event: Event) -> Anchoring:
    told = json.loads(event.payload)
    return Anchoring(
        tx_id=event.transaction_id, held=[(one["origin"], one["size"], unb64url(one["root"]).hex()) for one in told]
    )
