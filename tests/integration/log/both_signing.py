"""While the key of a log is exchanged, both keys sign: whatever becomes of the exchange, no receipt waits for it."""

from typing import Any

from concordat.checks import State
from concordat.checks.logs import examine_exchanges
from core.log.trust import KeyRange
from ports.ledger import Ledger, LedgerBusy, LedgerRejected
from tests.contracts.worlds import renamed
from tests.integration.audit.bank import audited
from tests.integration.log.at_odds import Silent, with_ledger
from tests.integration.log.restoring import Stage, grown
from tests.integration.log.rotating import (
    is_good,
    keys_of,
    one_log,
    origin_of,
    receipt_at,
    signed_within_ranges,
)
from tests.support.logs import verified
from tests.support.world import World


class Overtaken:
    """A ledger that takes longer for a new key than the log takes to be anchored further, once."""

    def __init__(self, real: Ledger, meanwhile: Any) -> None:
        self.real, self.meanwhile = real, meanwhile

    def __getattr__(self, name: str) -> Any:
        return self._rotate if name == "rotate" else getattr(self.real, name)

    async def _rotate(self, *told: Any) -> None:
        await self.meanwhile()
        await self.real.rotate(*told)


async def findings(world: World) -> list[str]:
    found, _ = await audited(world.database, world.ledger)
    return [each.detail for each in found]


class BothSigning:
    """`stage` is a fixture."""

    async def test_from_the_wish_to_its_end_receipts_are_made_and_anchored_as_ever(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            old_bundle = await world.log.trust.exported()
            number = await world.pipeline.rotation.ask(club.of_club)
            await grown(world, club, "Three", "Four")
            receipt = await receipt_at(world, club, 4)
            assert receipt.evidence is not None and is_good(world, receipt, old_bundle)
            assert await world.pipeline.rotation.done(club.of_club, number) is None
            (told,) = await examine_exchanges(world.system)
            assert told.state is State.WARNING and await origin_of(world, club) in told.found
            await world.pipeline.rotate()
            await world.settle()
            assert await examine_exchanges(world.system) == []
            assert [each.from_size for each in await keys_of(world, club)] == [0, 6]
            assert await signed_within_ranges(world, club) == [1, 1, 2]
            assert await verified(world, club) == 6
            assert is_good(world, receipt, await world.log.trust.exported())
            assert not is_good(world, await receipt_at(world, club, 5), old_bundle)

    async def test_what_both_keys_signed_is_good_on_either_side_of_the_size_that_the_ledger_took(
        self, stage: Stage
    ) -> None:
        async with one_log(stage) as (world, club):
            old_bundle = await world.log.trust.exported()
            await world.pipeline.rotation.ask(club.of_club)
            origin, guard = await origin_of(world, club), world.pipeline.guard
            new = await guard.keys.held(origin, 2)
            assert new is not None
            await grown(world, club, "Three")
            # A transaction whose outcome nobody knew is committed late.
            await guard.keys.introduce(origin, [*await keys_of(world, club), KeyRange(key=new[0], from_size=5)])
            await grown(world, club, "Four", "Five")
            assert await findings(world) == []
            receipts = [await receipt_at(world, club, index) for index in (3, 5)]
            assert all(is_good(world, each, old_bundle) for each in receipts)
            await world.pipeline.rotate()
            assert [each.from_size for each in await keys_of(world, club)] == [0, 5]
            bundle = await world.log.trust.exported()
            assert all(is_good(world, each, bundle) for each in receipts)
            await world.settle()
            assert await signed_within_ranges(world, club) == [1, 1, 2, 2]
            assert await verified(world, club) == 7
            assert await findings(world) == []

    async def test_a_size_that_was_anchored_meanwhile_is_followed_by_a_larger_one(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            number, ledger = await world.pipeline.rotation.ask(club.of_club), world.pipeline.guard.ledger

            async def meanwhile() -> None:
                with_ledger(world, ledger)
                await grown(world, club, "Three", "Four")

            with_ledger(world, Overtaken(ledger, meanwhile))
            await world.pipeline.rotate()
            assert isinstance(world.pipeline.rotation.turns.troubled[club.of_club].error, LedgerBusy)
            world.clock.forward(minutes=1)
            await world.pipeline.rotate()
            new = await world.pipeline.rotation.done(club.of_club, number)
            assert new is not None and new.from_size == 6
            await world.settle()
            assert await signed_within_ranges(world, club) == [1, 1, 2]
            assert await verified(world, club) == 6

    async def test_an_earlier_attempt_with_another_size_that_took_effect_meanwhile_counts(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            number = await world.pipeline.rotation.ask(club.of_club)
            origin, guard = await origin_of(world, club), world.pipeline.guard
            new, ledger = await guard.keys.held(origin, 2), guard.ledger
            assert new is not None

            async def meanwhile() -> None:
                with_ledger(world, ledger)
                earlier = KeyRange(key=new[0], from_size=5)
                await guard.keys.introduce(origin, [*await keys_of(world, club), earlier])

            with_ledger(world, Overtaken(ledger, meanwhile))
            await world.pipeline.rotate()
            taken = await world.pipeline.rotation.done(club.of_club, number)
            assert taken is not None and taken.from_size == 5
            await grown(world, club, "Three")
            assert await signed_within_ranges(world, club) == [1, 2]

    async def test_a_log_that_the_present_key_signed_alone_beyond_the_size_that_the_ledger_has_is_frozen(
        self, stage: Stage
    ) -> None:
        async with one_log(stage) as (world, club):
            origin, keys = await origin_of(world, club), world.pipeline.guard.keys
            new, _ = await keys.made(origin, 2, bytes(32))
            await keys.introduce(origin, [*await keys_of(world, club), KeyRange(key=new, from_size=4)])
            await renamed(world, club, "Three")
            await world.pipeline.integrate()
            await world.pipeline.sign()
            await world.pipeline.rotation.ask(club.of_club)
            await world.pipeline.rotate()
            assert club.of_club in world.pipeline.guard.frozen
            assert len(await keys_of(world, club)) == 1

    async def test_a_key_that_was_refused_leaves_checkpoints_that_the_present_one_signed_too(
        self, stage: Stage
    ) -> None:
        async with one_log(stage) as (world, club):
            ledger = world.pipeline.guard.ledger
            await world.pipeline.rotation.ask(club.of_club)

            async def meanwhile() -> None:
                await grown(world, club, "Three")
                raise LedgerRejected(reason="not-allowed", origin="x", stored_size=4)

            with_ledger(world, Overtaken(ledger, meanwhile))
            await world.pipeline.rotate()
            with_ledger(world, ledger)
            await grown(world, club, "Four")
            assert len(await keys_of(world, club)) == 1
            assert await signed_within_ranges(world, club) == [1, 1, 1]
            assert await verified(world, club) == 5
            assert await findings(world) == []

    async def test_a_worker_that_starts_without_the_ledger_signs_on_while_a_key_is_exchanged(
        self, stage: Stage
    ) -> None:
        async with one_log(stage) as (world, club):
            await world.pipeline.rotation.ask(club.of_club)
        async with stage.world() as world:
            ledger = world.pipeline.guard.ledger
            with_ledger(world, Silent())
            await renamed(world, club, "Three")
            await world.pipeline.integrate()
            await world.pipeline.sign()
            assert (await receipt_at(world, club, 3)).checkpoint.size == 4
            with_ledger(world, ledger)
            await world.pipeline.rotate()
            await world.settle()
            assert await signed_within_ranges(world, club) == [1, 1, 2]
            assert await verified(world, club) == 5

    async def test_a_key_that_the_log_had_before_is_refused_before_anybody_is_asked(self, stage: Stage) -> None:
        async with one_log(stage) as (world, club):
            origin, secrets = await origin_of(world, club), stage.folder / "secrets"
            first = secrets / f"log/{origin}".replace("/", "+")
            second = secrets / f"{first.name}+2"
            second.write_bytes(first.read_bytes())
            second.chmod(0o600)
            await world.pipeline.rotation.ask(club.of_club)
            await world.pipeline.rotate()
            error = world.pipeline.rotation.turns.troubled[club.of_club].error
            assert "one that the log had before" in str(error)
            await grown(world, club, "Three")
            assert len(await keys_of(world, club)) == 1 and await verified(world, club) == 4
