"""Rule vis12: two clubs hold the same of one visit where they compare it, and nothing alike where the world looks."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest

from app.clubs.verdicts import Replay
from app.clubs.visits import Decision, VisitView
from core.clubs.commitments import member_commitment, visit_commitment
from core.clubs.eligibility import Verdict, replay, verdict_hash
from core.log.disclosures import digest_of, disclose, open_sealed
from core.log.receipts import State, Validity, receipt_text, verify_bytes
from core.log.records import Record, leaf_of, parse_record
from ports.caller import Caller
from ports.log import StoredDisclosure, StoredRecord
from shared.canonical import Json, b64url, unb64url
from shared.clock import parse_utc
from tests.support.databases import MEMORY
from tests.support.scenes import Scene, two_clubs
from tests.support.world import World, world_at


@dataclass(frozen=True, kw_only=True)
class Held:
    """What one club holds of an event, and the key of the visit as far as it is left."""

    stored: StoredRecord
    record: Record
    disclosures: list[StoredDisclosure]
    key: bytes | None
    leaves: frozenset[bytes]

    @property
    def verdict(self) -> dict[str, Json]:
        return cast("dict[str, Json]", self.record.object["verdict"])

    @property
    def visit(self) -> dict[str, Json]:
        """The visit as the event left it."""
        return cast("dict[str, Json]", self.record.after[0].fields)


@dataclass(frozen=True, kw_only=True)
class CheckedIn:
    """A check-in that is recorded, signed and anchored in both logs."""

    scene: Scene
    member: UUID
    decision: Decision
    visit: VisitView

    @property
    def world(self) -> World:
        return self.scene.world

    async def held(self) -> tuple[Held, Held]:
        """By the home club and by the host."""
        return await self._held(self.scene.home), await self._held(self.scene.host)

    async def _held(self, club: Caller) -> Held:
        event = self.decision.receipt
        async with self.world.begin_log(club) as tx:
            stored, head = await tx.log.record(event), await tx.log.head()
            return Held(
                stored=stored,
                record=parse_record(stored.data),
                disclosures=list(await tx.log.disclosures(event)),
                key=await tx.log.subject_key(self.visit.id),
                leaves=frozenset(leaf_of(entry) for entry in await tx.log.entries(0, head.size)),
            )

    async def erase(self) -> None:
        await self.world.clubs.members.erase(self.scene.home, self.member)
        await self.world.settle()


@pytest.fixture
async def checked_in(tmp_path: Path) -> AsyncIterator[CheckedIn]:
    async with world_at(MEMORY, tmp_path) as world:
        scene = await two_clubs(world)
        member = await scene.member()
        decision = await scene.checked_in(member.id)
        assert decision.visit is not None
        await world.settle()
        yield CheckedIn(scene=scene, member=member.id, decision=decision, visit=decision.visit)


async def test_vis12_both_records_hold_the_same_commitment_which_the_desk_was_told(checked_in: CheckedIn) -> None:
    home, host = await checked_in.held()
    assert checked_in.visit.commitment is not None
    told = b64url(checked_in.visit.commitment)
    for held in (home, host):
        assert held.record.object["visit_commitment"] == held.visit["commitment"] == told
    assert home.record.log != host.record.log


async def test_vis12_the_commitment_follows_from_what_each_club_holds(checked_in: CheckedIn) -> None:
    for held in await checked_in.held():
        assert held.key is not None
        visit = held.visit
        assert held.record.object["visit_commitment"] == b64url(
            visit_commitment(
                visit_id=checked_in.visit.id,
                terms_hash=unb64url(str(visit["terms_hash"])),
                verdict_hash=unb64url(str(visit["verdict_hash"])),
                checked_in_at=parse_utc(str(visit["checked_in_at"])),
                host_club=UUID(str(visit["host_club"])),
                home_club=UUID(str(visit["home_club"])),
                member=member_commitment(held.key, UUID(str(visit["member_ref"]))),
            )
        )


async def test_aud7_no_leaf_and_no_salt_is_in_both_logs(checked_in: CheckedIn) -> None:
    home, host = await checked_in.held()
    assert home.stored.salt != host.stored.salt
    assert home.stored.commitment != host.stored.commitment
    assert len(home.leaves) > 2 and len(host.leaves) > 2
    assert not home.leaves & host.leaves


async def test_vis1_the_verdict_is_hashed_opened_and_replayed_from_either_log(checked_in: CheckedIn) -> None:
    version = checked_in.scene.agreement.versions[0]
    for held in await checked_in.held():
        assert held.key is not None
        assert b64url(verdict_hash(held.verdict)) == held.visit["verdict_hash"]
        origin, event = held.stored.leading_origin, str(held.stored.event_id)
        opened = [
            disclose(key=held.key, origin=origin, event_id=event, pointer=each.pointer, value=each.value)
            for each in held.disclosures
        ]
        assert set(held.record.sealed.values()) == {digest_of(each.encoded) for each in opened}
        values = open_sealed(held.record.sealed, opened).opened
        inputs, failed = values["/object/verdict/inputs"], values["/object/verdict/failed"]
        verdict = Verdict.from_plain({**held.verdict, "inputs": inputs, "failed": failed})
        assert replay(version, verdict)
        assert verdict.eligible


async def test_aud6_after_erasure_the_verdict_still_hashes_and_nothing_opens_it(checked_in: CheckedIn) -> None:
    before = await checked_in.held()
    await checked_in.erase()
    for held, was in zip(await checked_in.held(), before, strict=True):
        assert (held.key, held.disclosures) == (None, [])
        assert held.record == was.record
        assert b64url(verdict_hash(held.verdict)) == held.visit["verdict_hash"]
        assert held.visit["commitment"] == was.visit["commitment"]
    for club in (checked_in.scene.home, checked_in.scene.host):
        view = await checked_in.world.clubs.verdicts.get(club, checked_in.decision.receipt)
        assert view.replay is Replay.INPUTS_ERASED


async def test_aud6_erasure_is_recorded_in_both_logs(checked_in: CheckedIn) -> None:
    await checked_in.erase()
    for club in (checked_in.scene.home, checked_in.scene.host):
        async with checked_in.world.begin_log(club) as tx:
            head = await tx.log.head()
            assert head.size > 0
            events = [one.event_id for one in await tx.log.take("relay", 1000)]
            types = [message.type for message in (await tx.log.messages(events)).values()]
        # The queue of the relay is the leading club's: the host's for visits.
        expected = "clubs.visit_erased" if club == checked_in.scene.host else "clubs.member_erased"
        assert types.count(expected) == 1


async def test_aud6_receipts_that_were_saved_stay_valid_and_new_ones_are_redacted(checked_in: CheckedIn) -> None:
    world, signatures = checked_in.world, checked_in.world.system.infrastructure.signatures
    clubs = (checked_in.scene.home, checked_in.scene.host)
    event = checked_in.decision.receipt
    saved = [receipt_text(await world.log.receipts.get(club, event)).encode() for club in clubs]
    await checked_in.erase()
    bundle = await world.log.trust.bundle()
    for text in saved:
        verification = verify_bytes(text, bundle, signatures)
        assert (verification.validity, verification.state) == (Validity.VALID, State.ANCHORED)
    for club in clubs:
        anew = receipt_text(await world.log.receipts.get(club, event)).encode()
        verification = verify_bytes(anew, bundle, signatures)
        assert verification.validity is Validity.REDACTED
        assert verification.redacted == ("/object/verdict/failed", "/object/verdict/inputs")


async def test_vis12_a_receipt_s_state_follows_from_what_the_ledger_holds(tmp_path: Path) -> None:
    async with world_at(MEMORY, tmp_path) as world:
        scene = await two_clubs(world)
        decision = await scene.checked_in((await scene.member()).id)
        await world.pipeline.integrate()
        await world.pipeline.sign()
        states = []
        for _ in range(2):
            receipt = receipt_text(await world.log.receipts.get(scene.host, decision.receipt)).encode()
            bundle = await world.log.trust.bundle()
            states.append(verify_bytes(receipt, bundle, world.system.infrastructure.signatures).state)
            await world.pipeline.anchor()
        assert states == [State.PROVISIONAL, State.ANCHORED]
