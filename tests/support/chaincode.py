"""A ledger's state in memory under chaincode, as a peer keeps it: what commits has versions, and reads see no more."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field

from adapters.inbound.chaincode.stub import REFUSED, Answer, Caller, Change, Contract
from ports.ledger import Submission
from shared.canonical import Json, b64url

CHANNEL = "clubs"


def item(submission: Submission) -> dict[str, Json]:
    """A submission as the contract `witness` takes it."""
    proof: list[Json] = [b64url(each) for each in submission.proof]
    return {"note": submission.checkpoint, "old_size": submission.old_size, "proof": proof}


class ReadConflict(Exception):
    """Something that the transaction read was changed since (MVCC_READ_CONFLICT)."""


@dataclass(slots=True)
class State:
    """Keys with values and versions (counted commits), policies, every change, and the events of all commits."""

    values: dict[str, bytes] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    policies: dict[str, bytes] = field(default_factory=dict)
    changes: list[tuple[str, Change]] = field(default_factory=list)
    events: list[tuple[str, bytes]] = field(default_factory=list)
    commits: int = 0

    async def submit(
        self, contract: Contract, *arguments: bytes | str, msp_id: str = "HarbourMSP", tx_id: str = ""
    ) -> Answer:
        """Endorse and commit; raises ReadConflict. Where nothing was written, nothing is committed."""
        stub = MemoryStub(self, arguments, msp_id=msp_id, tx_id=tx_id or f"tx{self.commits}")
        answer = await contract(stub)
        if answer.status < REFUSED:
            self.commit(stub)
        return answer

    def commit(self, stub: "MemoryStub") -> None:
        if any(self.versions.get(key, 0) != version for key, version in stub.reads.items()):
            raise ReadConflict
        for key, value in stub.writes.items():
            if value is None:
                self.values.pop(key, None)
                self.policies.pop(key, None)
                self.versions.pop(key, None)
            else:
                self.values[key] = value
                self.versions[key] = self.commits + 1
            self.changes.append((key, Change(tx_id=stub.tx_id, value=value)))
        self.policies.update(stub.policies)
        self.events += [] if stub.event is None else [stub.event]
        self.commits += 1 if stub.writes or stub.policies else 0


class MemoryStub:
    """Implements Stub over a State: what it reads and writes can be looked at afterwards."""

    def __init__(
        self, state: State, arguments: Sequence[bytes | str], *, msp_id: str = "HarbourMSP", tx_id: str = "tx"
    ) -> None:
        self.channel = CHANNEL
        self.tx_id = tx_id
        self.caller = Caller(msp_id=msp_id, certificate=b"")
        self.arguments = tuple(each.encode() if isinstance(each, str) else each for each in arguments)
        self.transient: Mapping[str, bytes] = {}
        self.reads: dict[str, int] = {}
        self.writes: dict[str, bytes | None] = {}
        self.policies: dict[str, bytes] = {}
        self.event: tuple[str, bytes] | None = None
        self._state = state

    async def get(self, key: str) -> bytes | None:
        assert key
        self.reads[key] = self._state.versions.get(key, 0)
        return self._state.values.get(key)

    async def get_many(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        return [await self.get(key) for key in keys]

    async def scan(self, start: str, end: str) -> AsyncGenerator[tuple[str, bytes], None]:
        for key in sorted(self._state.values, key=str.encode):
            if key.encode() >= start.encode() and (not end or key.encode() < end.encode()):
                yield key, self._state.values[key]

    async def history(self, key: str) -> AsyncGenerator[Change, None]:
        for changed, change in reversed(self._state.changes):
            if changed == key:
                yield change

    async def policy(self, key: str) -> bytes | None:
        return self._state.policies.get(key)

    def put(self, key: str, value: bytes) -> None:
        assert key
        assert value
        self.writes[key] = value

    def delete(self, key: str) -> None:
        self.writes[key] = None

    def require(self, key: str, policy: bytes) -> None:
        self.policies[key] = policy

    def emit(self, name: str, payload: bytes) -> None:
        assert self.event is None, "a transaction has one event"
        self.event = name, payload
