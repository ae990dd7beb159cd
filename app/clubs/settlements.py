"""Settling visits: what both logs of a pair have of a month goes to the ledger; where they differ, both are told."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import partial
from typing import Any, cast
from uuid import UUID

from app.clubs.pair_keys import Keys, PairKeys
from app.log.guard import Guard
from app.log.trust import Trust
from app.use_cases import UseCases
from app.workers import in_turn, report, worker
from core.clubs.settlement import (
    CheckIn,
    SettlementState,
    Unmatched,
    check_in_of,
    difference,
    newest_closed,
    of_pair,
    span_of,
)
from core.log.errors import LogInvalid
from core.log.evidence import Signatures, check_settled
from core.log.records import parse_record
from core.log.settlements import SettlementProof, check_proof, prove, write_proof
from core.log.trust import LedgerTrust
from core.log.witness import Reason
from ports.bus import Message
from ports.caller import Caller
from ports.clubs import ClubsTx, Settlement
from ports.log import Backlog
from ports.pairs import LedgerRejected, Pairs, Settled, Signed
from shared.canonical import Json
from shared.errors import Conflict, NotFound

CONSUMER = "clubs.settlements"

Key = tuple[UUID, UUID, str]


class NotSettled(NotFound):
    """The visit is not among what is settled yet. Parameters: period, state."""

    code = "settlement/not-settled"
    title = "This visit is not settled yet."


class OpeningLost(Conflict):
    """Records or secrets are not those that the period was settled with. Parameters: period, reason."""

    code = "settlement/opening-lost"
    title = "What was settled cannot be opened any more."


class EvidenceNotBelieved(Conflict):
    """The month was settled on a ledger, or is vouched for by peers, that this process does not trust (any more).

    Parameters: period, reason, remedy.
    """

    code = "settlement/evidence-not-believed"
    title = "What a ledger said of this settlement is not believed here."


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementView:
    """A pair's month as both clubs see it: `only_first` and `only_second` are what keeps them from settling."""

    first_club: UUID
    second_club: UUID
    period: str
    state: SettlementState
    at: datetime
    pair: bytes | None
    commitment: bytes | None
    reason: str | None
    only_first: tuple[Unmatched, ...]
    only_second: tuple[Unmatched, ...]


@dataclass(frozen=True, kw_only=True)
class Settlements(UseCases[ClubsTx]):
    """`standing` has every closed period that is not settled, as the last turn left it.

    `keys` has each pair's secrets. The ledger is waited for in no transaction, and nobody waits for it. `believed` has
    the clubs of which every settlement is vouched for as this process asks for it: what it trusts, it reads once.
    """

    pairs: Pairs
    keys: PairKeys
    trust: Trust
    signatures: Signatures
    guard: Guard
    backlog: Backlog
    standing: dict[Key, SettlementState] = field(default_factory=dict)
    believed: set[UUID] = field(default_factory=set)

    async def on_checked_in(self, message: Message) -> None:
        """Note that its pair has something to settle for the month; the host acted, so it stands first."""
        host, _home = message.clubs
        async with self.begin(worker(CONSUMER, host)) as tx:
            if await tx.first_time(CONSUMER, message.id):
                found = _check_in((await tx.verdicts.get(message.id)).record)
                first, second = found.pair
                await tx.settlements.add(
                    Settlement(
                        first_club=first,
                        second_club=second,
                        period=found.period,
                        state=SettlementState.OPEN,
                        at=self.now(),
                    )
                )

    async def list(self, caller: Caller) -> list[SettlementView]:
        """Every month that the caller's club had visits in, with each club, newest first."""
        self.allow(caller, "clubs.settlement.read")
        names = [each.name for each in fields(SettlementView)]
        async with self.look(caller) as tx:
            return [
                SettlementView(**{name: getattr(row, name) for name in names}) for row in await tx.settlements.of_club()
            ]

    async def prove(self, caller: Caller, visit_id: UUID) -> bytes:
        """Proof for both clubs that a visit is among what was settled, out of the caller's own records.

        Raises Missing, NeverCheckedIn, NotSettled, OpeningLost, EvidenceNotBelieved.
        """
        self.allow(caller, "clubs.settlement.read")
        async with self.look(caller) as tx:
            visit = _check_in((await tx.verdicts.get(await tx.visits.admission(visit_id))).record)
            rows = {_key(row): row for row in await tx.settlements.of_club()}
        row = rows.get((*visit.pair, visit.period))
        if row is None or row.state is not SettlementState.SETTLED:
            state = SettlementState.OPEN if row is None else row.state
            raise NotSettled(period=visit.period, state=state.value)
        proof = write_proof(await self._proof(caller.of_club, row, visit.commitment))
        checked = check_proof(proof, (await self.trust.of(caller.of_club)).ledger, self.signatures)
        if checked.step == "evidence":
            remedy = "the worker asks the ledger anew within a minute of its start; it has to be the same one as here"
            raise EvidenceNotBelieved(period=row.period, reason=checked.reason, remedy=remedy)
        if checked.step is not None:
            raise OpeningLost(period=row.period, reason=f"{checked.step}: {checked.reason}")
        return proof

    async def settle(self, club: UUID) -> int:
        """Bring to the ledger what is due of the pairs whose first club this is; returns how many periods were settled.

        A job's: no permission guards it. Raises what failed, once every other one had its turn.
        """
        async with self.look(worker(CONSUMER, club)) as tx:
            rows = {_key(row): row for row in await tx.settlements.due(newest_closed(self.now()))}
        for gone in [key for key in self.standing if key[0] == club and key not in rows]:
            del self.standing[gone]
        self.standing.update({key: row.state for key, row in rows.items()})
        done, failed = await in_turn(rows, lambda key: self._settle(rows[key]))
        doubted = await self._doubted(club)
        _asked, failed_again = await in_turn(doubted, lambda key: self._vouched_anew(doubted[key]))
        report(failed + failed_again)
        return sum(done.values())

    async def _doubted(self, club: UUID) -> dict[Key, Settlement]:
        """What is settled, and not vouched for as this process asks for it: another ledger, revoked or fewer peers."""
        if club in self.believed:
            return {}
        async with self.look(worker(CONSUMER, club)) as tx:
            rows = [row for row in await tx.settlements.of_club() if row.first_club == club]
        trust, doubted = (await self.trust.of(club)).ledger, {}
        for row in rows:
            if not self._is_believed(row, trust):
                doubted[_key(row)] = row
            # Each takes a millisecond, and others want their turn between them.
            await asyncio.sleep(0)
        if not doubted:
            self.believed.add(club)
        return doubted

    def _is_believed(self, row: Settlement, trust: LedgerTrust) -> bool:
        settled = _settled(row)
        if settled is None:
            return True
        try:
            check_settled(row.evidence or {}, settled, trust, self.signatures)
        except LogInvalid:
            return False
        return True

    async def _vouched_anew(self, row: Settlement) -> bool:
        """Ask the ledger of today for its word on what was settled, which it gets to hold if it never did."""
        keys, settled = await self.keys.known(row.clubs), _settled(row)
        if keys is None or settled is None:
            return False
        try:
            return await self._note(row, await self._held(row, keys, settled))
        except LedgerRejected as refused:
            if not _is_early(refused):
                raise
            return False

    async def _settle(self, row: Settlement) -> bool:
        first, second = [await self._side(club, row) for club in row.clubs]
        if first is None or second is None or not (first or second):
            # That there are visits was heard: a month that has none in either log is not settled as an empty one.
            return False
        unequal = difference(first, second)
        if unequal is not None:
            differs = partial(replace, row, state=SettlementState.DIFFERS, reason=None)
            return await self._note(row, differs(only_first=unequal.only_first, only_second=unequal.only_second))
        try:
            return await self._note(row, await self._anchored(row, first))
        except LedgerRejected as refused:
            if _is_early(refused):
                return await self._note(row, _agreed(row, state=SettlementState.OPEN))
            return await self._note(row, _agreed(row, state=SettlementState.REFUSED, reason=_words(refused)))

    async def _anchored(self, row: Settlement, commitments: Iterable[bytes]) -> Settlement:
        """The row as settled with these visits; as it was where that is not certain yet."""
        await self._require_whole(row.clubs)
        keys = await self.keys.made(row.clubs)
        return await self._held(row, keys, keys.blinding.opening(row.period, commitments).settled)

    async def _require_whole(self, clubs: Iterable[UUID]) -> None:
        """Raises LogFrozen: a log that was set back to a backup has lost visits, and may get them back.

        Every log is compared, once, and not these two alone: whoever answers for the ledger would learn whose pair it
        is that is asked for next.
        """
        for entry in await self.backlog.directory():
            if entry.club not in self.guard.known:
                await self.guard.work(entry.club, self.guard.compare, None)
        for club in clubs:
            if club in self.guard.frozen:
                raise self.guard.frozen[club]

    async def _held(self, row: Settlement, keys: Keys, settled: Settled) -> Settlement:
        """The row with what the ledger holds of this, now if not before."""
        async with self.look(worker(CONSUMER, row.first_club)) as tx:
            one, other = [(await tx.clubs.entry(club)).origin for club in row.clubs]
        await self.pairs.open(settled.pair, keys.public, (one, other))
        await self.pairs.settle(Signed(settled=settled, signatures=keys.signatures(settled)))
        evidence = await self.pairs.evidence(settled)
        if evidence is None:
            return row
        return _agreed(
            row,
            state=SettlementState.SETTLED,
            pair=settled.pair,
            commitment=settled.commitment,
            evidence=cast("dict[str, Json]", evidence),
        )

    async def _note(self, old: Settlement, new: Settlement) -> bool:
        """Keep where it stands now, if that is new, and say whether it is settled."""
        if new != old:
            async with self.begin(worker(CONSUMER, old.first_club)) as tx:
                await tx.settlements.save(replace(new, at=self.now()))
        settled = new.state is SettlementState.SETTLED
        if settled:
            self.standing.pop(_key(new), None)
        else:
            self.standing[_key(new)] = new.state
        return settled

    async def _side(self, club: UUID, row: Settlement) -> dict[bytes, UUID] | None:
        """The pair's visits as this club's own log has them; None while some check-in has no place in it yet."""
        async with self.look(worker(CONSUMER, club)) as tx:
            stored = await tx.settlements.check_ins(*span_of(row.period))
        if not all(each.placed for each in stored):
            return None
        # Reading a record takes a hundred times as long as seeing that it does not name the other club.
        other = str(row.clubs[row.clubs[0] == club]).encode()
        return of_pair((_check_in(each.record) for each in stored if other in each.record), row.clubs, row.period)

    async def _proof(self, club: UUID, row: Settlement, visit: bytes) -> SettlementProof:
        keys, side = await self.keys.known(row.clubs), await self._side(club, row)
        if keys is None or row.evidence is None:
            raise OpeningLost(period=row.period, reason="this process has not the secrets of the pair")
        opening = keys.blinding.opening(row.period, side or {})
        if side is None or opening.commitment != row.commitment:
            raise OpeningLost(period=row.period, reason="the records of the club's log have changed since")
        return prove(
            opening,
            side,
            visit,
            keys=keys.public,
            signatures=keys.signatures(opening.settled),
            evidence=row.evidence,
        )


def _agreed(row: Settlement, **changes: Any) -> Settlement:
    """The row without what was said of it while it differed or was refused."""
    usual: dict[str, Any] = {"reason": None, "only_first": (), "only_second": ()}
    return replace(row, **{**usual, **changes})


def _check_in(record: bytes) -> CheckIn:
    parsed = parse_record(record)
    state = parsed.after[0]
    return check_in_of(parsed.object, state.fields, state.id)


def _settled(row: Settlement) -> Settled | None:
    if row.state is not SettlementState.SETTLED or row.pair is None or row.commitment is None:
        return None
    return Settled(pair=row.pair, period=row.period, commitment=row.commitment)


def _key(row: Settlement) -> Key:
    return row.first_club, row.second_club, row.period


def _is_early(refused: LedgerRejected) -> bool:
    """A ledger that does not know a log yet knows it with its next anchor."""
    return refused.parameters["reason"] == Reason.UNKNOWN_ORIGIN


def _words(refused: LedgerRejected) -> str:
    """The reason, and what is malformed where that is it."""
    told = refused.parameters
    return ": ".join(str(told[name]) for name in ("reason", "detail") if told.get(name))
