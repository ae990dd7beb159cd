"""Agreements between two clubs: drafting, accepting the same terms, suspending, ending."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar
from uuid import UUID

from app.use_cases import UseCases, as_expected, show
from app.workers import in_turn, report, worker
from core.clubs.agreement import Agreement, AgreementState
from core.clubs.agreement_refusals import NotDue, WrongState
from core.clubs.terms import Terms, TermsVersion
from ports.caller import Caller
from ports.clubs import ClubsTx
from shared.events import Event
from shared.paging import Page, PageRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftAgreement:
    """`partner` is another club of the network; only the proposer sees a draft."""

    partner: UUID
    terms: Terms
    scope: str = "visits"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTerms:
    """The whole terms of a new version: to counter what was proposed, or to amend what is in force."""

    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptTerms:
    """The hash of the terms as both clubs see it (base64url): what is accepted is these terms and no others."""

    terms_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendAgreement:
    """A suspension holds at once. Its reason stands in clear in both clubs' logs for ever: name no person in it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementView:
    """An agreement as both parties see it; `in_force` is the number of the version that holds."""

    kind: ClassVar[str] = "agreement"

    id: UUID
    version: int
    proposer: UUID
    partner: UUID
    scope: str
    state: AgreementState
    versions: tuple[TermsVersion, ...]
    in_force: int | None
    activated_at: datetime | None
    suspended_by: UUID | None
    suspension_reason: str | None
    notice_by: UUID | None
    terminates_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Agreements(UseCases[ClubsTx]):
    """Every change is made by one party; what needs both waits for the other's acceptance of the identical terms."""

    async def draft(self, caller: Caller, command: DraftAgreement) -> AgreementView:
        """A draft that only its author sees."""
        self.allow(caller, "clubs.agreement.draft")
        async with self.begin(caller) as tx:
            await tx.clubs.entry(command.partner)
            agreement, events = Agreement.draft(
                id=self.new_id(),
                proposer=caller.of_club,
                partner=command.partner,
                scope=command.scope,
                terms=command.terms,
            )
            await tx.agreements.add(agreement)
            tx.emit(*events)
            return tx.answer(show(AgreementView, agreement))

    async def propose(self, caller: Caller, key: UUID) -> AgreementView:
        """Show the draft to the partner."""
        self.allow(caller, "clubs.agreement.negotiate")
        async with self.begin(caller) as tx:
            agreement = as_expected(caller, await tx.agreements.get(key))
            return await _saved(tx, *agreement.propose(by=caller.of_club))

    async def counter(self, caller: Caller, key: UUID, command: ChangeTerms) -> AgreementView:
        """Answer a proposal with other terms; acceptances of the former ones are void."""
        self.allow(caller, "clubs.agreement.negotiate")
        async with self.begin(caller) as tx:
            agreement = as_expected(caller, await tx.agreements.get(key))
            return await _saved(tx, *agreement.counter(by=caller.of_club, terms=command.terms))

    async def accept(self, caller: Caller, key: UUID, command: AcceptTerms) -> AgreementView:
        """Accept exactly the terms with this hash."""
        self.allow(caller, "clubs.agreement.accept")
        async with self.begin(caller) as tx:
            agreement = as_expected(caller, await tx.agreements.get(key))
            return await _saved(tx, *agreement.accept(by=caller.of_club, terms_hash=command.terms_hash))

    async def activate(self, caller: Caller, key: UUID) -> AgreementView:
        """Put the terms that both accepted into force."""
        self.allow(caller, "clubs.agreement.accept")
        async with self.begin(caller) as tx:
            agreement = as_expected(caller, await tx.agreements.get(key))
            return await _saved(tx, *agreement.activate(by=caller.of_club, at=self.now()))

    async def amend(self, caller: Caller, key: UUID, command: ChangeTerms) -> AgreementView:
        """Propose a new version of the terms in force; it holds once both have accepted it."""
        self.allow(caller, "clubs.agreement.negotiate")
        async with self.begin(caller) as tx:
            agreement = as_expected(caller, await tx.agreements.get(key))
            return await _saved(tx, *agreement.amend(by=caller.of_club, terms=command.terms))

    async def suspend(self, caller: Caller, key: UUID, command: SuspendAgreement) -> AgreementView:
        """Suspend it at once, by one side alone (rule agr5)."""
        self.allow(caller, "clubs.agreement.suspend")
        async with self.begin(caller) as tx:
            agreement = as_expected(caller, await tx.agreements.get(key))
            return await _saved(tx, *agreement.suspend(by=caller.of_club, reason=command.reason))

    async def lift(self, caller: Caller, key: UUID) -> AgreementView:
        """Lift the suspension; only the side that suspended may (rule agr5)."""
        self.allow(caller, "clubs.agreement.suspend")
        async with self.begin(caller) as tx:
            agreement = as_expected(caller, await tx.agreements.get(key))
            return await _saved(tx, *agreement.lift(by=caller.of_club))

    async def give_notice(self, caller: Caller, key: UUID) -> AgreementView:
        """Give notice; the agreement ends when the notice days of its terms are over (rule agr4)."""
        self.allow(caller, "clubs.agreement.end")
        async with self.begin(caller) as tx:
            agreement = as_expected(caller, await tx.agreements.get(key))
            return await _saved(tx, *agreement.give_notice(by=caller.of_club, at=self.now()))

    async def get(self, caller: Caller, key: UUID) -> AgreementView:
        self.allow(caller, "clubs.agreement.read")
        return await self.read.one(caller, AgreementView, key)

    async def list(self, caller: Caller, request: PageRequest) -> Page[AgreementView]:
        self.allow(caller, "clubs.agreement.read")
        return await self.read.page(caller, AgreementView, request)

    async def conclude(self, club: UUID) -> int:
        """End this club's agreements whose time has come; returns how many. A job's, so no permission guards it.

        Raises what failed, once every other one had its turn.
        """
        caller = worker("conclusion", club)
        async with self.look(caller) as tx:
            live = {agreement.id: agreement for agreement in await tx.agreements.live()}
            found, unclear = await in_turn(live, lambda key: self._end(tx, live[key]))
        due = [key for key, end in found.items() if end is not None]
        concluded, failed = await in_turn(due, partial(self._conclude, caller))
        report([*unclear, *failed])
        return sum(concluded.values())

    async def _conclude(self, caller: Caller, key: UUID) -> bool:
        """Whether time ended this agreement; it does not where somebody was quicker."""
        async with self.begin(caller) as tx:
            end = await self._end(tx, await tx.agreements.get(key))
            if end is None:
                return False
            await _saved(tx, *end)
            return True

    async def _end(self, tx: ClubsTx, agreement: Agreement) -> tuple[Agreement, tuple[Event, ...]] | None:
        """The agreement as time ends it now, if it does."""
        one, other = [(await tx.clubs.entry(party)).zone for party in agreement.parties]
        try:
            return agreement.conclude(at=self.now(), zones=(one, other))
        except (NotDue, WrongState):
            return None


async def _saved(tx: ClubsTx, agreement: Agreement, events: tuple[Event, ...]) -> AgreementView:
    await tx.agreements.save(agreement)
    tx.emit(*events)
    return tx.answer(show(AgreementView, agreement))
