"""What every implementation of ports.rates must do; time is the test's own, to the microsecond."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ports.rates import Policy, Rates, Taken
from shared.clock import Ticks

SECOND = 1_000_000
TEN = Policy(name="ten", quota=10, window_seconds=60)
UNEVEN = Policy(name="uneven", quota=7, window_seconds=60)
"""A unit comes back every 8,571,428 and 4/7 microseconds."""


class Watch:
    """Microseconds that go on when told; not from zero, as clocks do not."""

    def __init__(self) -> None:
        self.now = 1_700_000_000 * SECOND + 1

    def __call__(self) -> int:
        return self.now


def shown(taken: Taken) -> tuple[bool, int, float, float]:
    return taken.allowed, taken.remaining, taken.reset_seconds, taken.retry_seconds


class RatesContract:
    """A backend brings `make`; it keeps at least a thousand keys."""

    def make(self, ticks: Ticks) -> Rates:
        raise NotImplementedError

    async def test_the_whole_quota_may_be_taken_at_once_and_no_unit_more(self) -> None:
        rates = self.make(Watch())
        taken = [await rates.take(TEN, "ann") for _ in range(12)]
        assert [each.allowed for each in taken] == [True] * 10 + [False] * 2
        assert [each.remaining for each in taken] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
        assert shown(taken[0]) == (True, 9, 6, 0)
        assert shown(taken[-1]) == (False, 0, 60, 6)
        assert {each.policy for each in taken} == {TEN}

    async def test_a_unit_is_back_to_the_microsecond_when_the_answer_said_and_not_before(self) -> None:
        watch = Watch()
        rates = self.make(watch)
        for _ in range(10):
            await rates.take(TEN, "ann")
        watch.now += 6 * SECOND - 1
        early = await rates.take(TEN, "ann")
        assert not early.allowed and early.retry_seconds == pytest.approx(0.000001)
        watch.now += 1
        assert shown(await rates.take(TEN, "ann")) == (True, 0, 60, 0)
        assert not (await rates.take(TEN, "ann")).allowed

    async def test_units_that_come_back_between_two_microseconds_are_neither_early_nor_lost(self) -> None:
        watch = Watch()
        rates, start = self.make(watch), watch.now
        for _ in range(7):
            await rates.take(UNEVEN, "ann")
        for number in range(1, 701):
            back = start + -(-number * 60 * SECOND // 7)
            watch.now = back - 1
            assert not (await rates.take(UNEVEN, "ann")).allowed, number
            watch.now = back
            assert (await rates.take(UNEVEN, "ann")).allowed, number

    async def test_after_a_window_of_rest_the_quota_is_whole_and_never_more_than_whole(self) -> None:
        watch = Watch()
        rates = self.make(watch)
        for rest in (60, 3_600, 86_400 * 365):
            for _ in range(10):
                assert (await rates.take(TEN, "ann")).allowed
            assert not (await rates.take(TEN, "ann")).allowed
            watch.now += rest * SECOND

    async def test_who_is_refused_pays_nothing_for_it(self) -> None:
        watch = Watch()
        rates = self.make(watch)
        for _ in range(10):
            await rates.take(TEN, "ann")
        for _ in range(100):
            assert shown(await rates.take(TEN, "ann")) == (False, 0, 60, 6)
        watch.now += 6 * SECOND
        assert (await rates.take(TEN, "ann")).allowed

    async def test_a_wish_costs_what_it_says_and_is_granted_whole_or_not_at_all(self) -> None:
        watch = Watch()
        rates = self.make(watch)
        assert shown(await rates.take(TEN, "ann", 7)) == (True, 3, 42, 0)
        assert shown(await rates.take(TEN, "ann", 4)) == (False, 3, 42, 6)
        assert shown(await rates.take(TEN, "ann", 3)) == (True, 0, 60, 0)
        watch.now += 60 * SECOND
        assert (await rates.take(TEN, "ann", 10)).allowed

    @pytest.mark.parametrize("cost", [0, -1, 11])
    async def test_a_cost_that_could_never_be_paid_is_a_mistake(self, cost: int) -> None:
        rates = self.make(Watch())
        with pytest.raises(ValueError, match=str(cost)):
            await rates.take(TEN, "ann", cost)
        assert (await rates.take(TEN, "ann", 10)).allowed

    async def test_keys_and_policies_do_not_touch_each_other(self) -> None:
        rates, other = self.make(Watch()), replace(TEN, name="other", quota=3)
        await rates.take(TEN, "ann", 10)
        for policy, key, left in ((TEN, "bob", 9), (other, "ann", 2), (TEN, "ann ", 9), (TEN, "", 9)):
            assert (await rates.take(policy, key)).remaining == left

    async def test_however_many_ask_at_once_no_more_is_given_than_there_is(self) -> None:
        rates, begin = self.make(Watch()), asyncio.Event()

        async def ask(number: int) -> bool:
            await begin.wait()
            await asyncio.sleep(0.001 * (number % 3))
            return (await rates.take(TEN, "ann")).allowed

        asking = [asyncio.create_task(ask(number)) for number in range(200)]
        await asyncio.sleep(0)
        begin.set()
        assert sum(await asyncio.gather(*asking)) == 10

    async def test_a_thousand_keys_are_each_counted_by_themselves(self) -> None:
        rates = self.make(Watch())
        for left in (9, 8):
            for number in range(1_000):
                assert (await rates.take(TEN, f"key-{number}")).remaining == left

    @given(
        quota=st.integers(1, 20),
        window=st.integers(1, 90),
        wishes=st.lists(st.tuples(st.integers(0, 20 * SECOND), st.integers(1, 20)), max_size=40),
    )
    def test_no_stretch_of_time_is_given_more_than_the_quota_and_what_comes_back_in_it(
        self, quota: int, window: int, wishes: list[tuple[int, int]]
    ) -> None:
        asyncio.run(self.hold_to_its_word(Policy(name="any", quota=quota, window_seconds=window), wishes))

    async def test_no_border_of_a_window_is_one_around_which_more_is_given(self) -> None:
        for second in range(60):
            await self.hold_to_its_word(TEN, [(second * SECOND, 10), (2 * SECOND, 10)])

    async def hold_to_its_word(self, policy: Policy, wishes: Sequence[tuple[int, int]]) -> None:
        """Wishes are a pause in microseconds and a cost."""
        watch, granted = Watch(), []
        rates = self.make(watch)
        for pause, cost in wishes:
            watch.now += pause
            if cost <= policy.quota and (await rates.take(policy, "ann", cost)).allowed:
                granted.append((watch.now, cost))
        window = policy.window_seconds * SECOND
        for place, (start, _) in enumerate(granted):
            units = 0
            for stop, cost in granted[place:]:
                units += cost
                assert units * window <= policy.quota * (window + stop - start)
