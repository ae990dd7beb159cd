"""Read and write sets: how a proposal that runs gathers one, and what of it a later state contradicts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from shared.protowire import decode, encode
from tests.fabric_simulator.messages import (
    KV,
    KVMetadataWrite,
    KVRead,
    KVRWSet,
    KVWrite,
    MerkleSummary,
    MetadataEntry,
    NsReadWriteSet,
    QueryReads,
    RangeQueryInfo,
    TxReadWriteSet,
)
from tests.fabric_simulator.state import Held, State

MERKLE_DEGREE = 50
"""Results of a range beyond this many are hashed."""

LIFECYCLE = "_lifecycle"


class Forbidden(Exception):
    """What a peer refuses to do in a proposal; the text is its own."""


def definition_key(chaincode: str) -> str:
    """Where the lifecycle keeps a definition's sequence: every proposal reads it."""
    return f"namespaces/fields/{chaincode}/Sequence"


class Range:
    """A range that is being read: gives results, and remembers as far as it was asked."""

    def __init__(self, state: State, namespace: str, start: str, end: str, limit: int | None) -> None:
        self.namespace, self.start, self.end = namespace, start, end
        self._results = list(state.range(namespace, start, end))
        self._limit = len(self._results) if limit is None else min(limit, len(self._results))
        self._reads: list[KVRead] = []
        self._exhausted = False

    def next(self) -> bytes | None:
        """A result, encoded; None, and the range counts as exhausted, after the last one."""
        place = len(self._reads)
        if place == self._limit:
            self._exhausted = True
            return None
        key, held = self._results[place]
        self._reads.append(KVRead(key=key, version=held.version))
        return encode(KV(namespace=self.namespace, key=key, value=held.value))

    @property
    def bookmark(self) -> str:
        """Where a next page begins."""
        place = len(self._reads)
        return self._results[place][0] if place < len(self._results) else ""

    @property
    def info(self) -> RangeQueryInfo:
        end = self.end if self._exhausted or not self._reads else self._reads[-1].key
        raw, merkle = summarised(self._reads)
        return RangeQueryInfo(
            start_key=self.start,
            end_key=end if self._reads or self._exhausted else "",
            itr_exhausted=self._exhausted,
            raw_reads=raw,
            reads_merkle_hashes=merkle,
        )


@dataclass(slots=True)
class _Namespace:
    reads: dict[str, KVRead] = field(default_factory=dict)
    ranges: list[Range] = field(default_factory=list)
    writes: dict[str, KVWrite] = field(default_factory=dict)
    metadata: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def encoded(self) -> bytes:
        ranges: dict[tuple[str, str, bool], RangeQueryInfo] = {}
        for info in (each.info for each in self.ranges):
            ranges.setdefault((info.start_key, info.end_key, info.itr_exhausted), info)
        metadata = (
            KVMetadataWrite(
                key=key, entries=tuple(MetadataEntry(name=name, value=entries[name]) for name in sorted(entries))
            )
            for key, entries in sorted(self.metadata.items())
        )
        return encode(
            KVRWSet(
                reads=tuple(self.reads[key] for key in sorted(self.reads)),
                range_queries_info=tuple(ranges.values()),
                writes=tuple(self.writes[key] for key in sorted(self.writes)),
                metadata_writes=tuple(metadata),
            )
        )


class Simulation:
    """A proposal that runs on committed state: it never sees its own writes."""

    def __init__(self, state: State, tx_id: str) -> None:
        self.state = state
        self.tx_id = tx_id
        self._namespaces: dict[str, _Namespace] = {}
        self._paged = False

    def get(self, namespace: str, key: str) -> bytes:
        """Empty where the key is absent."""
        held = self._read(namespace, key)
        return b"" if held is None else held.value

    def metadata(self, namespace: str, key: str) -> dict[str, bytes]:
        held = self._read(namespace, key)
        return {} if held is None else dict(held.metadata)

    def put(self, namespace: str, key: str, value: bytes) -> None:
        """An empty value deletes. Raises Forbidden."""
        self._require_no_page()
        self._space(namespace).writes[key] = KVWrite(key=key, is_delete=not value, value=value)

    def put_metadata(self, namespace: str, key: str, name: str, value: bytes) -> None:
        """Takes the place of all metadata of the key. Raises Forbidden."""
        self._require_no_page()
        self._space(namespace).metadata[key] = {name: value}

    def range(self, namespace: str, start: str, end: str, page: int | None = None) -> Range:
        """Raises Forbidden for a page after a write."""
        space = self._space(namespace)
        if page is not None:
            if any(one.writes or one.metadata for one in self._namespaces.values()):
                raise Forbidden(
                    f"txid [{self.tx_id}]: unsuppored transaction. "
                    "Paginated queries are supported only in a read-only transaction"
                )
            self._paged = True
        found = Range(self.state, namespace, start, end, page)
        space.ranges.append(found)
        return found

    def encoded(self) -> bytes:
        """The TxReadWriteSet."""
        spaces = tuple(
            NsReadWriteSet(namespace=name, rwset=self._namespaces[name].encoded()) for name in sorted(self._namespaces)
        )
        return encode(TxReadWriteSet(ns_rwset=spaces))

    def written(self) -> Iterator[tuple[str, str]]:
        """Namespace and key of everything that is written, metadata too."""
        for name, space in self._namespaces.items():
            for key in sorted({*space.writes, *space.metadata}):
                yield name, key

    def namespaces(self) -> list[str]:
        return sorted(self._namespaces)

    def _read(self, namespace: str, key: str) -> Held | None:
        held = self.state.get(namespace, key)
        read = KVRead(key=key, version=None if held is None else held.version)
        self._space(namespace).reads.setdefault(key, read)
        return held

    def _space(self, namespace: str) -> _Namespace:
        return self._namespaces.setdefault(namespace, _Namespace())

    def _require_no_page(self) -> None:
        if self._paged:
            raise Forbidden(
                f"txid [{self.tx_id}]: unsuppored transaction. "
                "Transaction has already performed a paginated query. Writes are not allowed"
            )


def summarised(reads: Sequence[KVRead]) -> tuple[QueryReads | None, MerkleSummary | None]:
    """A range's results as they are up to 50, as hashes above; neither where there are none."""
    if len(reads) <= MERKLE_DEGREE:
        return (QueryReads(kv_reads=tuple(reads)) if reads else None), None
    group = MERKLE_DEGREE + 1
    hashes = [
        sha256(encode(QueryReads(kv_reads=tuple(reads[start : start + group])))).digest()
        for start in range(0, len(reads), group)
    ]
    level = 1
    while len(hashes) > MERKLE_DEGREE:
        level += 1
        hashes = [_combined(hashes[start : start + group]) for start in range(0, len(hashes), group)]
    return None, MerkleSummary(max_degree=MERKLE_DEGREE, max_level=level, max_level_hashes=tuple(hashes))


def _combined(hashes: Sequence[bytes]) -> bytes:
    """One that is left over rises as it is."""
    return hashes[0] if len(hashes) == 1 else sha256(b"".join(hashes)).digest()


@dataclass(frozen=True, slots=True)
class ReadWrites:
    """A namespace's set, decoded."""

    namespace: str
    rwset: KVRWSet

    def written(self) -> list[str]:
        values, metadata = self.rwset.writes, self.rwset.metadata_writes
        return sorted({*(one.key for one in values), *(one.key for one in metadata)})


def decoded(results: bytes) -> list[ReadWrites]:
    """By namespace; raises NotProtobuf."""
    spaces = decode(TxReadWriteSet, results).ns_rwset
    return [ReadWrites(one.namespace, decode(KVRWSet, one.rwset)) for one in spaces]


def stale_read(state: State, space: ReadWrites, touched: Iterable[tuple[str, str]]) -> bool:
    """Whether a key was written since it was read, be it in `touched`, by the same block, or before."""
    for read in space.rwset.reads:
        held = state.get(space.namespace, read.key)
        if (space.namespace, read.key) in touched or read.version != (None if held is None else held.version):
            return True
    return False


def phantom(state: State, space: ReadWrites) -> bool:
    """Whether a range would have other results now."""
    for info in space.rwset.range_queries_info:
        found = state.range(space.namespace, info.start_key, info.end_key, with_end=not info.itr_exhausted)
        now = summarised([KVRead(key=key, version=held.version) for key, held in found])
        if now != (info.raw_reads, info.reads_merkle_hashes):
            return True
    return False
