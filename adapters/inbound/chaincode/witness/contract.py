"""The functions of the contract `witness`: read arguments and state, let the core decide, write what it says.

Everything depends on arguments, caller and state alone: no clock, no chance, no order but a sorted one.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from adapters.inbound.chaincode.policies import peers_of_all
from adapters.inbound.chaincode.stub import Answer, Stub
from adapters.inbound.chaincode.witness import state
from adapters.inbound.chaincode.witness.arguments import (
    MOST_ORIGINS,
    Item,
    bytes_of,
    item_of,
    items_of,
    note_of,
    organisation_of,
    origin_of,
    period_of,
    proof_of,
    size_of,
    text_of,
)
from adapters.inbound.chaincode.witness.refusals import refusal
from adapters.inbound.chaincode.witness.state import OwnedLog
from core.log.checkpoints import Checkpoint
from core.log.notes import SIGNATURE_SIZE, Verify
from core.log.pairs import Pair, Settled, Signed
from core.log.witness import (
    LedgerRejected,
    Presented,
    Reason,
    malformed,
    presented,
    registered,
    rejected,
    unknown_origin,
)
from shared.canonical import Json, b64url, dumps, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the caller is answered and, where something was written, what the event says."""

    answer: Json
    event: Json = None


@dataclass(frozen=True, slots=True)
class _Round:
    """One Anchor: its logs as the items so far leave them. Reads do not see own writes, so they are kept here."""

    stub: Stub
    logs: dict[str, OwnedLog]
    fresh: dict[tuple[str, int], Checkpoint] = field(default_factory=dict)

    async def held_root(self, origin: str, size: int) -> bytes | None:
        fresh = self.fresh.get((origin, size))
        return await state.held_root(self.stub, origin, size) if fresh is None else fresh.root

    def write(self) -> list[Json]:
        """The new checkpoints and heads; returns the former for the event."""
        for key in sorted(self.fresh):
            state.put_checkpoint(self.stub, self.fresh[key])
        for origin, size in dict(sorted(self.fresh)).items():
            state.put_head(self.stub, self.fresh[origin, size], self.logs[origin].log.keys)
        return [state.checkpoint_json(self.fresh[key]) for key in sorted(self.fresh)]


class Witness:
    """A Contract: one transaction calls one of FUNCTIONS. `verify` checks Ed25519 signatures."""

    def __init__(self, verify: Verify) -> None:
        self._verify = verify

    async def __call__(self, stub: Stub) -> Answer:
        try:
            function, arguments = _called(stub.arguments)
            outcome = await function.does(self, stub, **arguments)
        except LedgerRejected as refused:
            return refusal(refused)
        if outcome.event is not None:
            stub.emit(function.event, dumps(outcome.event))
        return Answer(payload=dumps(outcome.answer))

    async def register_log(self, stub: Stub, *, origin: str, key: str) -> Outcome:
        """Make a log known with its first key; the caller's organisation becomes its owner."""
        known = (await state.logs(stub, [origin_of(origin)])).get(origin)
        if known is not None:
            known.log.require_key(key)
            return Outcome(answer={"key": key, "origin": origin, "owner": known.owner})
        owned = OwnedLog(log=registered(origin, key), owner=stub.caller.msp_id)
        state.put_log(stub, owned)
        return _written({"key": key, "origin": origin, "owner": owned.owner})

    async def anchor(self, stub: Stub, *, items: str) -> Outcome:
        """Hold each checkpoint that is proven to extend the newest one of its log; anybody may bring them."""
        claims = [_claimed(value) for value in items_of(items)]
        origins = {each.origin for each in claims if isinstance(each, _Claim)}
        batch = _Round(stub, await state.logs(stub, sorted(origins)))
        answers = [await self._answer(each, batch) for each in claims]
        fresh = batch.write()
        return Outcome(answer=answers, event=fresh or None)

    async def report_fork(self, stub: Stub, *, older: str, newer: str, root: str, proof: str) -> Outcome:
        """Freeze a log of which two signed checkpoints exclude each other; anybody may report it."""
        first, second = presented(note_of(older, "older")), presented(note_of(newer, "newer"))
        owned = await _known(stub, first.checkpoint.origin)
        log = owned.log.forked(first, second, bytes_of(root, "root"), proof_of(proof), self._verify)
        origin = log.origin
        sizes: list[Json] = [first.checkpoint.size, second.checkpoint.size]
        if log == owned.log:
            return Outcome(answer={"origin": origin, "sizes": sizes})
        state.put_log(stub, replace(owned, log=log))
        return _written({"origin": origin, "sizes": sizes})

    async def rotate_key(
        self, stub: Stub, *, origin: str, size: str, key: str, old_signature: str, new_signature: str
    ) -> Outcome:
        """Let another key sign the log's checkpoints from a size on that is yet to come; the owner alone may."""
        first = size_of(size)
        signatures = _signatures(old_signature, new_signature)
        owned = await _known(stub, origin_of(origin))
        if stub.caller.msp_id != owned.owner:
            raise owned.log.rejected(Reason.NOT_ALLOWED)
        log = owned.log.rotated(first, key, signatures, self._verify)
        if log == owned.log:
            return Outcome(answer={"from": first, "key": key, "origin": origin})
        state.put_log(stub, replace(owned, log=log))
        return _written({"from": first, "key": key, "origin": origin})

    async def open_pair(
        self, stub: Stub, *, pair: str, organisation: str, other_organisation: str, key: str, other_key: str
    ) -> Outcome:
        """Open a blinded pair, which peers of both organisations must endorse from then on; one of them asks."""
        one, other = (
            organisation_of(organisation, "organisation"),
            organisation_of(other_organisation, "other_organisation"),
        )
        keys = bytes_of(key, "key"), bytes_of(other_key, "other_key")
        wanted = Pair(id=bytes_of(pair, "pair"), organisations=(one, other), keys=keys)
        if stub.caller.msp_id not in wanted.organisations:
            raise rejected(Reason.NOT_ALLOWED)
        known = await state.pair(stub, wanted.id)
        if known is not None:
            known.require_same(wanted)
            return Outcome(answer={"pair": pair})
        state.put_pair(stub, wanted)
        stub.require(state.pair_key(wanted.id), peers_of_all(wanted.organisations))
        return _written({"pair": pair})

    async def settle(
        self, stub: Stub, *, pair: str, period: str, commitment: str, signature: str, other_signature: str
    ) -> Outcome:
        """Hold what both of a pair committed to for a period, once and for all."""
        wanted = Settled(
            pair=bytes_of(pair, "pair"), period=period_of(period), commitment=bytes_of(commitment, "commitment")
        )
        signed = Signed(settled=wanted, signatures=_signatures(signature, other_signature))
        known = await _known_pair(stub, wanted.pair)
        known.require_signed(signed, self._verify)
        told: dict[str, Json] = {"commitment": commitment, "pair": pair, "period": period}
        if not known.require_new(wanted, await state.settled(stub, wanted.pair, period)):
            return Outcome(answer=told)
        state.put_pair(stub, known.with_another_period())
        state.put_settled(stub, wanted)
        return _written(told)

    async def head(self, stub: Stub, *, origin: str) -> Outcome:
        """The newest checkpoint of a log."""
        value = await stub.get(state.head_key(origin_of(origin)))
        if value is None:
            raise rejected(Reason.NOT_HELD)
        return Outcome(answer=state.head_json(origin, value))

    async def keys(self, stub: Stub, *, origin: str) -> Outcome:
        """The keys of a log with their ranges of sizes, oldest first."""
        owned = await _known(stub, origin_of(origin))
        ranges: list[Json] = [each.to_json() for each in owned.log.keys]
        return Outcome(answer={"keys": ranges, "origin": origin})

    async def origins(self, stub: Stub, *, after: str) -> Outcome:
        """The logs that are registered, in order: as many as fit an answer, of those that come after this name."""
        return Outcome(answer=list[Json](await state.origins(stub, after, MOST_ORIGINS)))

    async def checkpoint(self, stub: Stub, *, origin: str, size: str) -> Outcome:
        """The checkpoint of exactly this size, if it was anchored; it reads that key alone."""
        leaves = size_of(size)
        root = await state.held_root(stub, origin_of(origin), leaves)
        if root is None:
            raise rejected(Reason.NOT_HELD)
        return Outcome(answer={"origin": origin, "root": b64url(root), "size": leaves})

    async def owner(self, stub: Stub, *, origin: str) -> Outcome:
        """Which organisation registered a log."""
        return Outcome(answer={"origin": origin, "owner": (await _known(stub, origin_of(origin))).owner})

    async def pair(self, stub: Stub, *, pair: str) -> Outcome:
        """A pair as it was opened, and how many periods it settled."""
        known = await _known_pair(stub, bytes_of(pair, "pair"))
        return Outcome(answer={**state.pair_json(known), "pair": pair})

    async def settlement(self, stub: Stub, *, pair: str, period: str) -> Outcome:
        """What a pair settled for a period; it reads that key alone."""
        commitment = await state.settled(stub, bytes_of(pair, "pair"), period_of(period))
        if commitment is None:
            raise rejected(Reason.NOT_HELD)
        return Outcome(answer={"commitment": b64url(commitment), "pair": pair, "period": period})

    async def _answer(self, claim: "_Claim | LedgerRejected", batch: _Round) -> Json:
        try:
            if isinstance(claim, LedgerRejected):
                raise claim
            return await self._anchored(claim, batch)
        except LedgerRejected as refused:
            return plain(refused.parameters)

    async def _anchored(self, claim: "_Claim", batch: _Round) -> Json:
        owned = batch.logs.get(claim.origin)
        if owned is None:
            raise unknown_origin(claim.origin)
        checkpoint = owned.log.require_signed(claim.presented, self._verify)
        if owned.log.has_passed(checkpoint):
            owned.log.require_held(checkpoint, await batch.held_root(claim.origin, checkpoint.size))
        else:
            log = owned.log.extended(checkpoint, claim.item.old_size, claim.item.proof)
            batch.logs[claim.origin] = replace(owned, log=log)
            batch.fresh[claim.origin, checkpoint.size] = checkpoint
        return {"origin": claim.origin, "size": checkpoint.size}


@dataclass(frozen=True, slots=True)
class _Claim:
    """An item that could be read."""

    item: Item
    presented: Presented

    @property
    def origin(self) -> str:
        return self.presented.checkpoint.origin


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the contract, and the name of the event that it sets where it writes."""

    does: Callable[..., Awaitable[Outcome]]
    event: str = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.does).parameters)[2:]


FUNCTIONS: Mapping[str, Function] = {
    "RegisterLog": Function(Witness.register_log, "LogRegistered"),
    "Anchor": Function(Witness.anchor, "CheckpointsAnchored"),
    "ReportFork": Function(Witness.report_fork, "LogFrozen"),
    "RotateKey": Function(Witness.rotate_key, "KeyRotated"),
    "OpenPair": Function(Witness.open_pair, "PairOpened"),
    "Settle": Function(Witness.settle, "PeriodSettled"),
    "Head": Function(Witness.head),
    "Keys": Function(Witness.keys),
    "Origins": Function(Witness.origins),
    "Checkpoint": Function(Witness.checkpoint),
    "Owner": Function(Witness.owner),
    "Pair": Function(Witness.pair),
    "Settlement": Function(Witness.settlement),
}


def _called(arguments: tuple[bytes, ...]) -> tuple[Function, dict[str, str]]:
    """The function and its arguments as text, by name; raises LedgerRejected (malformed)."""
    name = arguments[0].decode(errors="replace") if arguments else ""
    function = FUNCTIONS.get(name)
    if function is None:
        raise malformed(f"the functions are {', '.join(FUNCTIONS)}")
    names = function.arguments
    if len(arguments) != len(names) + 1:
        raise malformed(f"{name} takes {len(names)} arguments: {', '.join(names)}")
    return function, {each: text_of(argument, each) for each, argument in zip(names, arguments[1:], strict=True)}


def _claimed(value: Json) -> _Claim | LedgerRejected:
    """One bad item is answered for itself, and does not sink the others."""
    try:
        item = item_of(value)
        return _Claim(item, presented(item.note))
    except LedgerRejected as refused:
        return refused


async def _known(stub: Stub, origin: str) -> OwnedLog:
    found = (await state.logs(stub, [origin])).get(origin)
    if found is None:
        raise unknown_origin(origin)
    return found


async def _known_pair(stub: Stub, pair: bytes) -> Pair:
    found = await state.pair(stub, pair)
    if found is None:
        raise rejected(Reason.UNKNOWN_PAIR)
    return found


def _signatures(one: str, other: str) -> tuple[bytes, bytes]:
    return bytes_of(one, "the first signature", SIGNATURE_SIZE), bytes_of(other, "the second", SIGNATURE_SIZE)


def _written(answer: Json) -> Outcome:
    return Outcome(answer=answer, event=answer)
