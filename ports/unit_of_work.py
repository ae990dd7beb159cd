"""One transaction: what a use case loads, saves and emits is committed whole on clean exit, or not at all."""

import json
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar
from uuid import UUID

from ports.caller import Caller
from shared.canonical import plain
from shared.errors import Busy, Invalid, NotFound, Unavailable
from shared.events import Event

V = TypeVar("V")
TxT_co = TypeVar("TxT_co", covariant=True)


class Tx(Protocol):
    """An open transaction of one caller.

    MUST commit on clean exit of the block that opened it and roll back on any error; there is no public commit.
    MUST see nothing, and change nothing, that the caller's club is not a party of.
    """

    def emit(self, *events: Event) -> None:
        """Record facts that this transaction establishes.

        MUST write, in the same transaction, one immutable row per event, one record per party's log and one pending row
        per consumer. MUST NOT let two versions of one aggregate reach any consumer in inverted order.
        """

    def answer(self, view: V) -> V:
        """Keep `view` as the answer of the caller's idempotency key, in this transaction, and hand it back.

        A transaction whose caller brought a key MUST NOT commit without an answer: that is a defect (RuntimeError).
        """

    async def first_time(self, consumer: str, event_id: UUID) -> bool:
        """Whether `consumer` has not handled this event yet; noted in the same transaction as the effect."""


class Begin(Protocol[TxT_co]):
    """Opens transactions.

    With `caller.once` set, it MUST first take the key: raise InFlight while another transaction holds it, Replayed when
    it was answered within the last 24 hours under the same fingerprint, KeyReused when under another. An error raised
    inside the block stores nothing under the key. A store that does not answer, or whose connection is lost
    during COMMIT, MUST raise StoreUnavailable.
    """

    def __call__(self, caller: Caller) -> AbstractAsyncContextManager[TxT_co]: ...


class Leftovers(Protocol):
    """What transactions leave behind for a while, and nobody needs for ever; each call deletes `limit` rows at most.

    MUST NOT disturb whoever uses a key again, or delivers again, at the same time.
    """

    async def drop_answers(self, club: UUID, limit: int) -> int:
        """Delete the club's oldest answers of which none is replayed any more; returns how many that were."""

    async def drop_handled(self, limit: int) -> int:
        """Delete the oldest notes of `first_time`, of all clubs, that nothing can ask for any more; returns how many.

        MUST keep a note for 7 days, and while its event is pending for the relay or parked for its consumer: then it
        may be delivered at any age. Beyond these, only a bus delivers again by itself: the embedded one within
        seconds, a distributed one until a consumer that was down is back. A week is longer than either.
        """


class StoreUnavailable(Unavailable):
    """The database does not answer, or the outcome of a commit is unknown; the same Idempotency-Key settles it.

    Parameter: reason.
    """

    code = "database/unavailable"
    title = "The database does not answer."


def kept(view: object) -> bytes:
    """A view as it is kept under an idempotency key: plain JSON, its fields in their order, byte by byte as on REST."""
    return json.dumps(plain(view), ensure_ascii=False, separators=(",", ":")).encode()


class Replayed(Exception):
    """Not an error: this key was answered before; `answer` is what was `kept` of the view that it got."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("answered before")
        self.answer = answer


class InFlight(Busy):
    """The same key is being worked on right now."""

    code = "idempotency/in-flight"
    title = "A request with this Idempotency-Key is still being worked on."


class KeyReused(Invalid):
    """The key was used before with other inputs."""

    code = "idempotency/mismatch"
    title = "This Idempotency-Key was used with another request."


class Missing(NotFound):
    """No such row for this caller. Parameter: kind."""

    code = "request/not-found"
    title = "There is no such object."
