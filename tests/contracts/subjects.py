"""What every implementation of the keys of subjects, of their erasure and of verdicts in ports.clubs must do."""

import json
from uuid import UUID

import pytest

from app.clubs.visits import CheckIn, ConfirmVisit, EndVisit
from core.log.disclosures import disclose, open_sealed
from core.log.records import parse_record
from ports.caller import Caller
from ports.clubs import ErasedSubject
from ports.unit_of_work import Missing, Replayed
from tests.contracts.worlds import InWorlds
from tests.support.scenes import Scene, enrol, found
from tests.support.world import World, caller

KEY = bytes(range(32))


async def disclosed(world: World, caller: Caller) -> dict[str, object]:
    """Every personal value that is left in the club's log, with the digest that it opens checked."""
    left: dict[str, object] = {}
    async with world.begin_log(caller) as tx:
        for pending in await tx.log.take("log", 1000):
            stored = await tx.log.record(pending.event_id)
            sealed = parse_record(stored.data).sealed
            for one in await tx.log.disclosures(pending.event_id):
                key = await tx.log.subject_key(one.subject)
                assert key is not None
                event_id = str(stored.event_id)
                opened = disclose(
                    key=key, origin=stored.leading_origin, event_id=event_id, pointer=one.pointer, value=one.value
                )
                assert open_sealed(sealed, [opened]).opened == {one.pointer: one.value}
                left[f"{stored.event_id}{one.pointer}"] = one.value
    return left


async def replayed(world: World, caller: Caller) -> object:
    with pytest.raises(Replayed) as replay:
        async with world.begin(caller):
            raise AssertionError("a replay never enters the block")
    return json.loads(replay.value.answer)


class SubjectsContract(InWorlds):
    """A backend brings `make`: the URL of a migrated database."""

    def make(self, request: pytest.FixtureRequest) -> str:
        raise NotImplementedError

    async def test_a_key_is_read_by_its_club_and_whom_it_is_shared_with(self, scene: Scene) -> None:
        world, own, shared = scene.world, scene.world.new_id(), scene.world.new_id()
        async with world.begin(scene.home) as tx:
            await tx.subjects.add(own, KEY)
            await tx.subjects.add(shared, KEY, person=own, shared_with=scene.host.of_club)
        stranger = caller((await found(world, "meadow")).id)
        readable = {
            (club.of_club, subject)
            for club in (scene.home, scene.host, stranger)
            for subject in (own, shared)
            if await self._reads(world, club, subject)
        }
        assert readable == {(scene.home.of_club, own), (scene.home.of_club, shared), (scene.host.of_club, shared)}

    async def _reads(self, world: World, club: Caller, subject: UUID) -> bool:
        async with world.begin(club) as tx:
            try:
                return await tx.subjects.key(subject) == KEY
            except Missing as missing:
                assert missing.parameters == {"kind": "subject"}
                return False

    async def test_erasing_destroys_the_person_s_keys_and_says_which(self, scene: Scene) -> None:
        world, member = scene.world, await scene.member()
        visit = await scene.requested(member.id)
        async with world.begin(scene.home) as tx:
            erased = await tx.subjects.erase(member.id)
        assert sorted(erased, key=str) == sorted(
            [
                ErasedSubject(id=member.id, shared_with=None),
                ErasedSubject(id=visit.id, shared_with=scene.host.of_club),
            ],
            key=str,
        )
        for club, subject in ((scene.home, member.id), (scene.home, visit.id), (scene.host, visit.id)):
            assert not await self._reads(world, club, subject)
        async with world.begin(scene.home) as tx:
            assert not await tx.subjects.erase(member.id)

    async def test_a_key_that_was_read_before_the_erasure_seals_nothing_after_it(self, scene: Scene) -> None:
        world, enrolled = scene.world, await scene.member()
        with pytest.raises(Missing) as missing:
            async with world.begin(scene.home) as tx:
                member = await tx.members.get(enrolled.id)
                assert await tx.subjects.key(member.id)
                await tx.subjects.erase(member.id)
                changed, events = member.amend(name="Ada Relict", category="full", residence=None)
                await tx.members.save(changed)
                tx.emit(*events)
        assert missing.value.parameters == {"kind": "subject"}

    async def test_erasing_leaves_nothing_of_the_person_in_either_club_s_log(self, scene: Scene) -> None:
        world, member = scene.world, await scene.member()
        other = await enrol(world, scene.home, "Bea")
        kept = await disclosed(world, scene.home)
        visit = await scene.confirmed(member.id)
        assert len(await disclosed(world, scene.host)) == 4
        await world.clubs.members.erase(scene.home, member.id)
        assert await disclosed(world, scene.host) == {}
        left = await disclosed(world, scene.home)
        assert left and left.items() <= kept.items()
        assert "Bea" in left.values() and "Ada Canary" not in str(left)
        assert (await world.clubs.members.get(scene.home, other.id)).name == "Bea"
        assert (await world.clubs.visits.get(scene.host, visit.id)).erased

    async def test_nobody_but_the_own_club_erases_a_person(self, scene: Scene) -> None:
        world, member = scene.world, await scene.member()
        await scene.confirmed(member.id)
        before = [await disclosed(world, club) for club in (scene.home, scene.host)]
        async with world.begin(scene.host) as tx:
            assert not await tx.subjects.erase(member.id)
        assert [await disclosed(world, club) for club in (scene.home, scene.host)] == before

    async def test_erasing_takes_the_stored_answers_that_show_the_person_in_both_clubs(self, scene: Scene) -> None:
        world, visits = scene.world, scene.world.clubs.visits
        member, other = await scene.member(), await scene.member()
        booked, others = await scene.requested(member.id), await scene.requested(other.id)
        denied, kept = scene.host.under("deny", "k1"), scene.host.under("deny", "k2")
        for visit, once in ((booked, denied), (others, kept)):
            await visits.confirm(scene.host, visit.id, ConfirmVisit())
            await visits.deny(once, visit.id, EndVisit(reason="Shorts"))
        answer = await replayed(world, denied)
        assert isinstance(answer, dict) and answer["reason"] == "Shorts"
        await world.clubs.members.erase(scene.home, member.id)
        now = await visits.get(scene.host, booked.id)
        async with world.begin(denied) as tx:
            tx.answer(now)
        assert now.reason is None
        assert await replayed(world, kept)

    async def test_an_answer_about_two_persons_is_a_defect_since_erasing_one_of_them_would_leave_it(
        self, scene: Scene
    ) -> None:
        enrolled = [await scene.member(), await scene.member()]
        with pytest.raises(RuntimeError, match="more than one subject"):
            async with scene.world.begin(scene.home.under("amend", "k1")) as tx:
                for each in enrolled:
                    changed, events = (await tx.members.get(each.id)).amend(
                        name="Ada Relict", category="full", residence=None
                    )
                    await tx.members.save(changed)
                    tx.emit(*events)
                tx.answer(enrolled[0])

    async def test_what_a_refused_request_left_is_erased_too(self, scene: Scene) -> None:
        world = scene.world
        refused = await world.clubs.members.get(scene.home, (await scene.member()).id)
        await world.clubs.agreements.give_notice(scene.home, scene.agreement.id)
        world.clock.forward(days=31)
        decision = await scene.request(refused.id, world.clock().date())
        assert (decision.eligible, decision.visit) == (False, None)
        assert len(await disclosed(world, scene.host)) == 2
        await world.clubs.members.erase(scene.home, refused.id)
        assert await disclosed(world, scene.host) == {}
        async with world.begin(scene.host) as tx:
            assert not (await tx.verdicts.get(decision.receipt)).disclosed

    async def test_a_verdict_is_read_out_of_either_club_s_record(self, scene: Scene) -> None:
        world = scene.world
        visit = await scene.confirmed((await scene.member()).id)
        decision = await world.clubs.visits.check_in(scene.host, visit.id, CheckIn())
        stranger = caller((await found(world, "meadow")).id)
        logs = set()
        for club in (scene.home, scene.host):
            async with world.begin(club) as tx:
                verdict = await tx.verdicts.get(decision.receipt)
            assert verdict.disclosed.keys() == {"inputs", "failed"}
            logs.add(parse_record(verdict.record).log)
        assert len(logs) == 2
        async with world.begin(stranger) as tx:
            with pytest.raises(Missing) as missing:
                await tx.verdicts.get(decision.receipt)
        assert missing.value.parameters == {"kind": "verdict"}
