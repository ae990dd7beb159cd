"""What chaincode may ask of its peer while a proposal runs, and what the peer answers."""

from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.outbound.fabric.gateway.messages import SignedProposal, Timestamp
from shared.protowire import NotProtobuf, decode, encode
from tests.fabric_simulator.messages import (
    GetState,
    GetStateByRange,
    GetStateMultiple,
    GetStateMultipleResult,
    KeyModification,
    Kind,
    PutState,
    PutStateMetadata,
    QueryId,
    QueryMetadata,
    QueryResponse,
    QueryResponseMetadata,
    QueryResultBytes,
    StateMetadata,
    StateMetadataResult,
    WriteBatchState,
)
from tests.fabric_simulator.rwset import Forbidden, Range, Simulation

BATCH = 100
TOTAL_QUERY_LIMIT = 10_000
"""Results of a query beyond these are cut off without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A proposal, as chaincode sees it."""

    simulation: Simulation
    namespace: str
    channel: str
    tx_id: str
    input: bytes
    """ChaincodeInput, encoded."""

    proposal: SignedProposal


@dataclass(slots=True)
class _Query:
    source: Callable[[], bytes | None]
    range: Range | None = None
    paged: bool = False
    limit: int = TOTAL_QUERY_LIMIT
    count: int = 0
    pending: list[bytes] = field(default_factory=list)


class Requests:
    """Answers one call's requests."""

    def __init__(self, call: Call) -> None:
        self._simulation, self._namespace, self._tx_id = call.simulation, call.namespace, call.tx_id
        self._queries: dict[str, _Query] = {}
        self._made = 0

    def answer(self, kind: Kind, payload: bytes) -> bytes:
        """A RESPONSE's payload; raises Forbidden with the cause that goes into the ERROR."""
        try:
            return _ANSWERS[kind](self, payload)
        except KeyError:
            raise Forbidden(f"{kind.name} is not simulated") from None
        except NotProtobuf as error:
            raise Forbidden(f"unmarshal failed: {error.reason}") from error

    def _get(self, payload: bytes) -> bytes:
        asked = decode(GetState, payload)
        self._require_public(asked.collection)
        return self._simulation.get(self._namespace, asked.key)

    def _get_multiple(self, payload: bytes) -> bytes:
        asked = decode(GetStateMultiple, payload)
        self._require_public(asked.collection)
        values = tuple(self._simulation.get(self._namespace, key) for key in asked.keys)
        return encode(GetStateMultipleResult(values=values))

    def _put(self, payload: bytes) -> bytes:
        asked = decode(PutState, payload)
        self._write(Kind.PUT_STATE, asked.key, asked.value, asked.collection, None)
        return b""

    def _delete(self, payload: bytes) -> bytes:
        asked = decode(GetState, payload)
        self._write(Kind.DEL_STATE, asked.key, b"", asked.collection, None)
        return b""

    def _put_metadata(self, payload: bytes) -> bytes:
        asked = decode(PutStateMetadata, payload)
        self._write(Kind.PUT_STATE_METADATA, asked.key, b"", asked.collection, asked.metadata)
        return b""

    def _batch(self, payload: bytes) -> bytes:
        for one in decode(WriteBatchState, payload).rec:
            self._write(Kind(one.type), one.key, one.value, one.collection, one.metadata)
        return b""

    def _write(self, kind: Kind, key: str, value: bytes, collection: str, metadata: StateMetadata | None) -> None:
        self._require_public(collection)
        if kind is Kind.PUT_STATE_METADATA:
            entry = metadata or StateMetadata()
            self._simulation.put_metadata(self._namespace, key, entry.metakey, entry.value)
        elif kind is Kind.PUT_STATE:
            self._simulation.put(self._namespace, key, value)
        elif kind is Kind.DEL_STATE:
            self._simulation.put(self._namespace, key, b"")
        else:
            raise Forbidden(f"{kind.name} in a batch of writes")

    def _metadata(self, payload: bytes) -> bytes:
        asked = decode(GetState, payload)
        self._require_public(asked.collection)
        found = self._simulation.metadata(self._namespace, asked.key)
        entries = tuple(StateMetadata(metakey=name, value=found[name]) for name in sorted(found))
        return encode(StateMetadataResult(entries=entries))

    def _range(self, payload: bytes) -> bytes:
        asked = decode(GetStateByRange, payload)
        self._require_public(asked.collection)
        page = decode(QueryMetadata, asked.metadata)
        if not page.page_size:
            found = self._simulation.range(self._namespace, asked.start_key, asked.end_key)
            return self._begun(_Query(found.next, found))
        start = page.bookmark or asked.start_key
        found = self._simulation.range(self._namespace, start, asked.end_key, page.page_size)
        return self._begun(_Query(found.next, found, paged=True, limit=min(page.page_size, TOTAL_QUERY_LIMIT)))

    def _history(self, payload: bytes) -> bytes:
        past = iter(self._simulation.state.history(self._namespace, decode(GetState, payload).key))

        def source() -> bytes | None:
            one = next(past, None)
            if one is None:
                return None
            when = Timestamp(seconds=one.seconds, nanos=one.nanos)
            return encode(KeyModification(tx_id=one.tx_id, value=one.value, timestamp=when, is_delete=one.is_delete))

        return self._begun(_Query(source))

    def _begun(self, query: _Query) -> bytes:
        self._made += 1
        name = f"{self._tx_id}-{self._made}"
        self._queries[name] = query
        return self._results(name, query)

    def _next(self, payload: bytes) -> bytes:
        name = decode(QueryId, payload).id
        query = self._queries.get(name)
        if query is None:
            raise Forbidden("query iterator not found")
        return self._results(name, query)

    def _close(self, payload: bytes) -> bytes:
        name = decode(QueryId, payload).id
        self._queries.pop(name, None)
        return encode(QueryResponse(id=name))

    def _results(self, name: str, query: _Query) -> bytes:
        """Up to 100 at a time; whether there are more is known by having fetched one more."""
        while query.count < query.limit:
            result = query.source()
            if result is None:
                break
            query.count += 1
            full = not query.paged and len(query.pending) == BATCH
            batch = query.pending
            if full:
                query.pending = [result]
                return encode(QueryResponse(results=_wrapped(batch), has_more=True, id=name))
            batch.append(result)
        del self._queries[name]
        metadata = b""
        if query.paged and query.range is not None:
            page = QueryResponseMetadata(fetched_records_count=query.count, bookmark=query.range.bookmark)
            metadata = encode(page)
        return encode(QueryResponse(results=_wrapped(query.pending), id=name, metadata=metadata))

    def _require_public(self, collection: str) -> None:
        if collection:
            raise Forbidden(f"collection {collection}: private data is not simulated")


def _wrapped(results: list[bytes]) -> tuple[QueryResultBytes, ...]:
    return tuple(QueryResultBytes(result_bytes=one) for one in results)


_ANSWERS: dict[Kind, Callable[[Requests, bytes], bytes]] = {
    Kind.GET_STATE: Requests._get,
    Kind.GET_STATE_MULTIPLE: Requests._get_multiple,
    Kind.PUT_STATE: Requests._put,
    Kind.DEL_STATE: Requests._delete,
    Kind.WRITE_BATCH_STATE: Requests._batch,
    Kind.GET_STATE_METADATA: Requests._metadata,
    Kind.PUT_STATE_METADATA: Requests._put_metadata,
    Kind.GET_STATE_BY_RANGE: Requests._range,
    Kind.GET_HISTORY_FOR_KEY: Requests._history,
    Kind.QUERY_STATE_NEXT: Requests._next,
    Kind.QUERY_STATE_CLOSE: Requests._close,
}
