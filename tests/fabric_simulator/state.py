"""What one peer has committed: keys with versions and metadata, their history, and the chain of blocks."""

import asyncio
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256

from tests.fabric_simulator.messages import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A key's value, the transaction that wrote it, and its metadata."""

    value: bytes
    version: Version
    metadata: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A valid transaction's write to a key. The time is what the client claimed."""

    tx_id: str
    value: bytes
    seconds: int
    nanos: int
    is_delete: bool


class Changes:
    """Tells whoever waits for something that it may have come."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def until(self, true: Callable[[], bool]) -> None:
        while not true():
            await self._event.wait()


class State:
    """Keys by namespace, in bytewise order (which for UTF-8 is that of code points)."""

    def __init__(self) -> None:
        self._held: defaultdict[str, dict[str, Held]] = defaultdict(dict)
        self._keys: defaultdict[str, list[str]] = defaultdict(list)
        self._history: defaultdict[tuple[str, str], list[Past]] = defaultdict(list)
        self._simulating = 0
        self._committing = False
        self._changed = Changes()

    def get(self, namespace: str, key: str) -> Held | None:
        return self._held[namespace].get(key)

    def put(self, namespace: str, key: str, held: Held) -> None:
        if key not in self._held[namespace]:
            insort(self._keys[namespace], key)
        self._held[namespace][key] = held

    def delete(self, namespace: str, key: str) -> None:
        if self._held[namespace].pop(key, None) is not None:
            keys = self._keys[namespace]
            del keys[bisect_left(keys, key)]

    def range(self, namespace: str, start: str, end: str, *, with_end: bool = False) -> Iterator[tuple[str, Held]]:
        """From start (included) to end (excluded, unless `with_end`); an empty end is that of the namespace."""
        keys = self._keys[namespace]
        for place in range(bisect_left(keys, start), len(keys)):
            key = keys[place]
            if end and (key > end or (key == end and not with_end)):
                return
            yield key, self._held[namespace][key]

    def remember(self, namespace: str, key: str, past: Past) -> None:
        self._history[namespace, key].append(past)

    def history(self, namespace: str, key: str) -> list[Past]:
        """The newest first."""
        return self._history[namespace, key][::-1]

    @asynccontextmanager
    async def simulating(self) -> AsyncIterator[None]:
        """While a proposal runs, nothing is committed; a commit that waits goes before newer proposals."""
        await self._changed.until(lambda: not self._committing)
        self._simulating += 1
        try:
            yield
        finally:
            self._simulating -= 1
            self._changed.tell()

    @asynccontextmanager
    async def committing(self) -> AsyncIterator[None]:
        """Waits for the proposals that run."""
        self._committing = True
        try:
            await self._changed.until(lambda: self._simulating == 0)
            yield
        finally:
            self._committing = False
            self._changed.tell()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Envelopes in order. `codes` are a peer's own judgement, one for each: metadata 2, TRANSACTIONS_FILTER."""

    number: int
    previous_hash: bytes
    envelopes: tuple[bytes, ...]
    codes: bytes = b""

    @property
    def data_hash(self) -> bytes:
        return sha256(b"".join(self.envelopes)).digest()

    @property
    def hash(self) -> bytes:
        """Of the header: SHA-256 of a DER sequence of number, previous hash and data hash."""
        return sha256(
            _der(0x30, _der_integer(self.number), _octets(self.previous_hash), _octets(self.data_hash))
        ).digest()

    def judged(self, codes: bytes) -> "Block":
        return replace(self, codes=codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a transaction id where it came first."""

    code: int
    block_number: int


class Ledger:
    """A peer's blocks, and where each transaction id first stood."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._outcomes: dict[str, Outcome] = {}
        self._grown = Changes()

    @property
    def height(self) -> int:
        return len(self.blocks)

    def outcome(self, tx_id: str) -> Outcome | None:
        return self._outcomes.get(tx_id)

    def append(self, block: Block, tx_ids: Sequence[str]) -> None:
        """Raises ValueError for a block that does not follow."""
        expected = self.blocks[-1].hash if self.blocks else b""
        if block.number != self.height or block.previous_hash != expected:
            raise ValueError(f"block {block.number} does not follow block {self.height - 1}")
        self.blocks.append(block)
        for tx_id, code in zip(tx_ids, block.codes, strict=True):
            if tx_id:
                self._outcomes.setdefault(tx_id, Outcome(code=code, block_number=block.number))
        self._grown.tell()

    async def committed(self, tx_id: str) -> Outcome:
        """Waits for ever for what is never committed."""
        await self._grown.until(lambda: tx_id in self._outcomes)
        return self._outcomes[tx_id]

    async def block(self, number: int) -> Block:
        """Waits until there is one."""
        await self._grown.until(lambda: self.height > number)
        return self.blocks[number]


class Replica:
    """Everything that one peer has stored."""

    def __init__(self) -> None:
        self.state = State()
        self.ledger = Ledger()


def _der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x81, size])
    return bytes([tag]) + length + content


def _der_integer(value: int) -> bytes:
    return _der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _octets(value: bytes) -> bytes:
    return _der(4, value)
