"""What a contract sees of the ledger: the stub of one transaction, and what the contract answers."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

OK, REFUSED = 200, 400
"""From REFUSED on nothing is written: the peer does not endorse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whose signed proposal this is, as the peer has checked: MSP id of the organisation, certificate as PEM."""

    msp_id: str
    certificate: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A contract's result; `message` says why, where `status` is REFUSED or more."""

    status: int = OK
    message: str = ""
    payload: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One state that a key had: by which transaction; None where that deleted it."""

    tx_id: str
    value: bytes | None


class Stub(Protocol):
    """One transaction's view of the contract's keys.

    Reads MUST see committed state only, never the transaction's own writes. Writes, policies and the event MUST have
    no effect unless the contract's answer is below REFUSED. Keys and values are never empty: an empty value is none.
    """

    @property
    def channel(self) -> str: ...
    @property
    def tx_id(self) -> str: ...
    @property
    def caller(self) -> Caller: ...
    @property
    def arguments(self) -> tuple[bytes, ...]:
        """The function's name, and what it is called with."""

    @property
    def transient(self) -> Mapping[str, bytes]:
        """What only the endorsers see, and the ledger never."""

    async def get(self, key: str) -> bytes | None: ...
    async def get_many(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """The value of each key, in order; one question where the peer offers that."""

    def scan(self, start: str, end: str) -> AsyncGenerator[tuple[str, bytes], None]:
        """Keys with values from `start` up to, not including, `end`, by bytes; "" is the first or beyond the last.

        Whoever leaves it before its end closes it (`contextlib.aclosing`).
        """

    def history(self, key: str) -> AsyncGenerator[Change, None]:
        """The states that a key had, newest first; nothing of this is checked again when the transaction commits."""

    async def policy(self, key: str) -> bytes | None:
        """The key's own endorsement policy, a SignaturePolicyEnvelope."""

    def put(self, key: str, value: bytes) -> None: ...
    def delete(self, key: str) -> None: ...
    def require(self, key: str, policy: bytes) -> None:
        """Let this policy decide who must endorse writes of the key, from the next transaction on."""

    def emit(self, name: str, payload: bytes) -> None:
        """The transaction's event; a transaction has at most one."""


Contract = Callable[[Stub], Awaitable[Answer]]
"""Deterministic: the same state and arguments give the same answer, reads, writes and event at every peer."""


class StateUnavailable(Exception):
    """The peer refused a read or a write, or no longer waits for the transaction. Not for contracts to catch."""
