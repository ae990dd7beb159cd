"""The key of a log is exchanged: under running workers, after any crash, before and after a restore; by `stage`."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from adapters.outbound.ed25519 import Signer, verify
from adapters.outbound.local.ledger import LocalLedger
from adapters.outbound.sql import schema
from adapters.outbound.sql.database import mine
from app.log.keys import ROTATION, SIGNING, KeysDisputed, ranges_of, secret_of
from app.log.rotation import NoKeyYet, RotationRefused, SigningUnderWay
from concordat.commands.rotate_key import asked
from core.log.checkpoints import open_checkpoint
from core.log.notes import VerifierKey
from core.log.receipts import Receipt, Validity, verify_receipt
from core.log.rotation import KeyRotated
from core.log.trust import KeyRange, TrustBundle
from core.log.witness import rotation_message
from ports.caller import Caller
from ports.ledger import LedgerRejected, LedgerUnavailable
from ports.log import LogKey
from tests.contracts.worlds import renamed
from tests.integration.log.crashes import Crash, Fuse, started
from tests.integration.log.restoring import Stage, grown
from tests.integration.log.set_back import event_at, rebuilt, whole
from tests.support.logs import verified
from tests.support.scenes import found
from tests.support.world import World, caller

FIRST_ROTATION = {
    "before rotation.add_key",
    "before rotation.drop",
    "before rotation commits",
    "after rotation has committed",
    "before ledger.rotate",
    "after ledger.rotate",
}


async def rotated(world: World, club: Caller) -> LogKey:
    """The new key of a log, after one turn of every worker."""
    number = await world.pipeline.rotation.ask(club.of_club)
    await world.pipeline.rotate()
    for trouble in world.pipeline.rotation.turns.troubled.values():
        raise trouble.error
    key = await world.pipeline.rotation.done(club.of_club, number)
    assert key is not None
    await world.settle()
    return key


async def keys_of(world: World, club: Caller) -> tuple[KeyRange, ...]:
    async with world.look(club) as tx:
        return ranges_of(await tx.log.keys())


async def origin_of(world: World, club: Caller) -> str:
    async with world.look(club) as tx:
        return (await tx.log.head()).origin


async def signed_within_ranges(world: World, club: Caller) -> list[int]:
    """Of each checkpoint, which key signed it: the one that is good for its size, and no other one."""
    keys, numbers = await keys_of(world, club), []
    async with world.look(club) as tx:
        for size in range(1, (await tx.log.head()).size + 1):
            stored = await tx.log.checkpoint_of(size)
            if stored is not None:
                (number,) = [number for number, each in enumerate(keys, 1) if each.covers(size)]
                open_checkpoint(stored.note, [keys[number - 1].key], verify)
                numbers.append(number)
    return numbers


async def receipt_at(world: World, club: Caller, index: int) -> Receipt:
    return await world.log.receipts.get(club, await event_at(world, club, index))


def is_good(world: World, receipt: Receipt, bundle: TrustBundle) -> bool:
    return verify_receipt(receipt, bundle, world.system.infrastructure.signatures).validity is Validity.VALID


class Refusing:
    """A ledger that refuses every new key for a reason, or does not answer to that."""

    def __init__(self, real: LocalLedger, error: Exception) -> None:
        self.real, self.error = real, error

    def __getattr__(self, name: str) -> Any:
        return self._refused if name == "rotate" else getattr(self.real, name)

    async def _refused(self, *_: object) -> None:
        raise self.error


@asynccontextmanager
async def one_log(stage: Stage) -> AsyncIterator[tuple[World, Caller]]:
    """Of three leaves, signed and anchored."""
    async with stage.world() as world:
        club = caller((await found(world)).id)
        await grown(world, club, "One", "Two")
        yield world, club


class Rotating:
    """`stage` is a fixture."""

    async def test_checkpoints_from_the_next_one_on_need_the_new_key_and_all_receipts_verify(
        self, stage: Stage
    ) -> None:
        async with one_log(stage) as (world, club):
            old_bundle = await world.log.trust.exported()
            old = await receipt_at(world, club, 1)
            new = await rotated(world, club)
            await grown(world, club, "Three")
            bundle = await world.log.trust.exported()
            assert bundle == await world.log.trust.bundle()
            origin = await origin_of(world, club)
            assert [(each.from_size, each.until_size) for each in bundle.logs[origin]] == [(0, 4), (4, None)]
            assert (str(bundle.logs[origin][1].key), new.from_size) == (new.verifier_key, 4)
            assert await signed_within_ranges(world, club) == [1, 2, 2]
            assert await verified(world, club) == 5
            late, old_again = await receipt_at(world, club, 4), await receipt_at(world, club, 1)
            assert all(is_good(world, each, bundle) for each in (old, late, old_again))
            assert is_good(world, old, old_bundle) and not is_good(world, late, old_bundle)
            note = await world.log.published.checkpoint(origin)
            open_checkpoint(note, [bundle.logs[origin][1].key], verify)

    async def test_the_exchange_is_a_record_of_the_log(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            new, keys = await rotated(world, club), await keys_of(world, club)
            record, _ = await world.log.receipts.record(club, await event_at(world, club, 3))
            assert record.type == KeyRotated.type
            told = {name: record.object[name] for name in ("number", "from_size", "key", "before")}
            assert told == {"number": 2, "from_size": 4, "key": new.verifier_key, "before": str(keys[0].key)}

    async def test_keys_may_be_exchanged_again_and_again(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            for _again in range(3):
                await rotated(world, club)
            assert [each.from_size for each in await keys_of(world, club)] == [0, 4, 5, 6]
            assert await signed_within_ranges(world, club) == [1, 2, 3, 4]
            assert await verified(world, club) == 6
        async with stage.world() as world:
            await grown(world, club, "Four")
            assert (await signed_within_ranges(world, club))[-1] == 4

    async def test_a_key_may_be_exchanged_before_it_signed_anything(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            for number in (2, 3):
                assert await world.pipeline.rotation.ask(club.of_club) == number
                await world.pipeline.rotate()
            assert [each.from_size for each in await keys_of(world, club)] == [0, 4, 5]
            await world.settle()
            await grown(world, club, "Three")
            assert await signed_within_ranges(world, club) == [1, 3, 3]

    async def test_to_ask_twice_exchanges_one_key(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            rotation = world.pipeline.rotation
            assert [await rotation.ask(club.of_club) for _twice in range(2)] == [2, 2]
            await world.pipeline.rotate()
            await world.pipeline.rotate()
            assert len(await keys_of(world, club)) == 2

    async def test_a_wish_waits_while_the_log_is_being_signed(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            if world.database.dialect.name == "sqlite":
                # There a transaction that writes is alone anyway.
                return
            async with world.begin_log(club) as tx:
                assert await tx.log.lock(SIGNING)
                with pytest.raises(SigningUnderWay):
                    await world.pipeline.rotation.ask(club.of_club)
                command = asyncio.create_task(asked(world.pipeline.rotation, club.of_club))
                await asyncio.sleep(0.3)
                assert not command.done()
            assert await command == 2

    async def test_a_log_that_was_never_signed_has_no_key_to_exchange(self, stage: Stage) -> None:
        async with stage.world() as world:
            club = caller((await found(world)).id)
            with pytest.raises(NoKeyYet):
                await world.pipeline.rotation.ask(club.of_club)

    async def test_after_a_crash_at_any_step_of_a_rotation_there_is_one_new_key_and_nothing_is_lost(
        self, stage: Stage
    ) -> None:
        async with one_log(stage) as (world, club):
            burnt, fuse, number = set(), Fuse(), 0
            cast(LocalLedger, world.ledger).close()
            while fuse.burnt or not number:
                number += 1
                await renamed(world, club, f"Name {number}")
                await world.pipeline.rotation.ask(club.of_club)
                fuse = Fuse(number)
                try:
                    await (await started(world, fuse)).settle(club)
                except Crash:
                    burnt.add(fuse.burnt)
                await (await started(world, Fuse())).settle(club)
                await verified(world, club)
                assert len(await keys_of(world, club)) == number + 1
                assert await keys_of(world, club) == tuple(await world.ledger.keys(await origin_of(world, club)))
                await signed_within_ranges(world, club)
            assert burnt >= FIRST_ROTATION

    async def test_a_refusal_of_the_ledger_leaves_the_present_key_in_force(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            refused = LedgerRejected(reason="not-allowed", origin="x", stored_size=3)
            self._break(world, refused)
            number = await world.pipeline.rotation.ask(club.of_club)
            with capture_logs() as lines:
                await world.pipeline.rotate()
            assert world.pipeline.rotation.turns.troubled[club.of_club].error is refused
            assert [line["reason"] for line in lines if line["event"] == "new key refused"] == ["not-allowed"]
            with pytest.raises(RotationRefused):
                await world.pipeline.rotation.done(club.of_club, number)
            await grown(world, club, "Three")
            assert len(await keys_of(world, club)) == 1
            assert await verified(world, club) == 4

    async def test_a_ledger_that_does_not_answer_is_asked_until_it_does(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            whole_ledger = world.pipeline.guard.keys.ledger
            self._break(world, LedgerUnavailable(fault="unavailable"))
            await world.pipeline.rotation.ask(club.of_club)
            await world.pipeline.rotate()
            await grown(world, club, "Three")
            async with world.look(club) as tx:
                assert await tx.log.take(ROTATION, 1)
            object.__setattr__(world.pipeline.guard.keys, "ledger", whole_ledger)
            world.clock.forward(minutes=1)
            await world.pipeline.rotate()
            await world.settle()
            assert await signed_within_ranges(world, club) == [1, 1, 2]
            assert await verified(world, club) == 5

    def _break(self, world: World, error: Exception) -> None:
        """From now on the ledger takes no new key."""
        keys = world.pipeline.guard.keys
        object.__setattr__(keys, "ledger", Refusing(cast(LocalLedger, keys.ledger), error))

    async def test_a_log_that_a_restore_set_back_before_its_rotation_is_rebuilt_with_both_keys(
        self, stage: Stage
    ) -> None:
        async with one_log(stage) as (world, club):
            pass
        stage.back_up()
        async with stage.world() as world:
            await rotated(world, club)
            await grown(world, club, "Lost", "Lost too")
            late = await receipt_at(world, club, 4)
            bundle = await world.log.trust.exported()
        stage.restore()
        async with stage.world() as world:
            await world.settle()
            assert world.pipeline.guard.frozen[club.of_club].parameters["reason"] in (
                "the log's keys are not those that the ledger has",
                "the log is behind the ledger",
            )
            (one,) = await rebuilt(world)
            assert (one.refused, one.after, [str(each) for each in one.lost]) == (None, 6, ["3 to 5"])
        async with stage.world() as world:
            await world.settle()
            assert await whole(world, club) == 8
            assert await world.log.trust.exported() == bundle
            assert (await signed_within_ranges(world, club))[-1] == 2
            assert is_good(world, late, await world.log.trust.exported())

    async def test_another_ledger_is_told_of_every_key(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            await rotated(world, club)
            origin = await origin_of(world, club)
        shutil.move(stage.folder / "ledger", stage.folder / "ledger of before")
        async with stage.world() as world:
            await grown(world, club, "Three")
            assert tuple(await world.ledger.keys(origin)) == await keys_of(world, club)
            assert await verified(world, club) == 5

    async def test_another_ledger_is_told_of_no_key_whose_predecessor_is_gone(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            await rotated(world, club)
            origin = await origin_of(world, club)
        shutil.move(stage.folder / "ledger", stage.folder / "ledger of before")
        self._secret(stage, secret_of(origin)).unlink()
        async with stage.world() as world:
            with pytest.raises(KeysDisputed, match="key 1 of the log is not among the secrets"):
                await grown(world, club, "Three")

    @pytest.mark.parametrize(
        ("at", "changes", "reason"),
        [
            (4, {"verifier_key": "stranger"}, "key 2 in the database is not the one among the secrets"),
            (4, {"verifier_key": "nonsense"}, "a key in the database is none"),
            (0, {"until_size": 3}, "the ledger verifies the log with other keys, or for other sizes"),
            (4, {"until_size": 9}, "the ledger verifies the log with other keys, or for other sizes"),
        ],
    )
    async def test_a_key_that_was_changed_in_the_database_is_not_exported(
        self, stage: Stage, at: int, changes: dict[str, Any], reason: str
    ) -> None:
        async with one_log(stage) as (world, club):
            await rotated(world, club)
            origin = await origin_of(world, club)
            if changes.get("verifier_key") == "stranger":
                changes = {"verifier_key": str(VerifierKey(name=origin, public=Signer(bytes(32)).key))}
            statement = update(schema.log_key).where(mine(schema.log_key), schema.log_key.c.from_size == at)
            async with world.begin_log(club) as tx:
                assert await tx.session.change(statement.values(**changes)) == 1
            with pytest.raises(KeysDisputed) as refusal:
                await world.log.trust.exported()
            assert refusal.value.parameters["origin"] == origin
            assert reason in str(refusal.value.parameters["reason"])

    async def test_what_the_ledger_was_told_counts_before_the_database_follows(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            number = await world.pipeline.rotation.ask(club.of_club)
            origin, guard = await origin_of(world, club), world.pipeline.guard
            new = await guard.keys.held(origin, number)
            assert new is not None
            await guard.keys.introduce(origin, [*await keys_of(world, club), KeyRange(key=new[0], from_size=4)])
            exported = (await world.log.trust.exported()).logs[origin]
            assert [each.from_size for each in exported] == [0, 4]
            assert len(await keys_of(world, club)) == 1
            await guard.compare(club.of_club)
            await world.pipeline.rotate()
            assert await keys_of(world, club) == exported

    async def test_a_key_on_the_ledger_that_is_not_ours_stops_the_log(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            await world.pipeline.rotation.ask(club.of_club)
            origin, (own,) = await origin_of(world, club), await keys_of(world, club)
            pair, thief = await world.pipeline.guard.keys.held(origin, 1), Signer(bytes(32))
            foreign = VerifierKey(name=origin, public=thief.key)
            assert pair is not None
            message = rotation_message(origin, 4, own.key, foreign)
            await world.ledger.rotate(origin, 4, str(foreign), (pair[1](message), thief(message)))
            await world.pipeline.rotate()
            frozen = world.pipeline.guard.frozen[club.of_club]
            assert frozen.parameters["reason"] == "the ledger has a key of the log that is not ours"
            await grown(world, club, "Three")
            assert await signed_within_ranges(world, club) == [1]

    def _secret(self, stage: Stage, name: str) -> Path:
        return stage.folder / "secrets" / name.replace("/", "+")
