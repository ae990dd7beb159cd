"""The rates of one process keep the promises of the port, in bounded memory; and planted bugs are reported."""

import asyncio
from collections import OrderedDict
from typing import cast

import pytest

from adapters.outbound.inprocess.rates import InProcessRates
from ports.rates import Policy, Rates, Taken
from shared.clock import Ticks
from tests.contracts.rates import SECOND, TEN, RatesContract, Watch

REPORTED = AssertionError


def kept(rates: InProcessRates) -> "OrderedDict[str, int]":
    return cast("dict[str, OrderedDict[str, int]]", vars(rates)["_whole_at"])[TEN.name]


class TestInProcessRates(RatesContract):
    def make(self, ticks: Ticks) -> Rates:
        return InProcessRates(ticks)

    async def test_no_more_keys_are_kept_than_the_most_and_those_longest_unasked_go_first(self) -> None:
        rates = InProcessRates(Watch(), most_keys=100)
        await rates.take(TEN, "hammer", 10)
        for number in range(10_000):
            await rates.take(TEN, f"key-{number}")
            if number % 50 == 0:
                assert not (await rates.take(TEN, "hammer")).allowed, "whoever goes on asking is not forgotten"
            assert len(kept(rates)) <= 100
        for number in range(9_950, 10_000):
            assert (await rates.take(TEN, f"key-{number}")).remaining == 8

    async def test_keys_that_have_all_their_units_back_make_room(self) -> None:
        watch = Watch()
        rates = InProcessRates(watch)
        for number in range(1_000):
            await rates.take(TEN, f"key-{number}")
        watch.now += 6 * SECOND
        for number in range(1_000):
            await rates.take(TEN, f"new-{number}")
        assert len(kept(rates)) == 1_000


class Windows:
    """Planted bug: counts anew in every window, so twice the quota fits around its border; pays for refusals too."""

    def __init__(self, ticks: Ticks) -> None:
        self._ticks = ticks
        self._counts: dict[tuple[str, str, int], int] = {}

    async def take(self, policy: Policy, key: str, cost: int = 1) -> Taken:
        if not 1 <= cost <= policy.quota:
            raise ValueError(cost)
        window = policy.window_seconds * SECOND
        number, into = divmod(self._ticks(), window)
        count = self._counts.get((policy.name, key, number), 0) + cost
        self._counts[policy.name, key, number] = count
        left = (window - into) / SECOND
        remaining = max(policy.quota - count, 0)
        retry = 0.0 if count <= policy.quota else left
        return Taken(policy=policy, allowed=not retry, remaining=remaining, reset_seconds=left, retry_seconds=retry)


class Hesitant(InProcessRates):
    """Planted bug: looks, waits, and then writes what was true before it waited."""

    async def take(self, policy: Policy, key: str, cost: int = 1) -> Taken:
        before = dict(self._whole_at.get(policy.name, {}))
        taken = await super().take(policy, key, cost)
        after = self._whole_at[policy.name][key]
        self._whole_at[policy.name][key] = before.get(key, 0)
        await asyncio.sleep(0)
        self._whole_at[policy.name][key] = after
        return taken


class Drifting(InProcessRates):
    """Planted bug: a unit comes back after a whole number of microseconds."""

    async def take(self, policy: Policy, key: str, cost: int = 1) -> Taken:
        taken = await super().take(policy, key, cost)
        step = policy.quota
        self._whole_at[policy.name][key] = self._whole_at[policy.name][key] // step * step
        return taken


class WindowsSuite(TestInProcessRates):
    __test__ = False

    def make(self, ticks: Ticks) -> Rates:
        return Windows(ticks)


class HesitantSuite(TestInProcessRates):
    __test__ = False

    def make(self, ticks: Ticks) -> Rates:
        return Hesitant(ticks)


class DriftingSuite(TestInProcessRates):
    __test__ = False

    def make(self, ticks: Ticks) -> Rates:
        return Drifting(ticks)


async def test_rates_that_count_by_windows_are_reported() -> None:
    suite = WindowsSuite()
    for test in (
        suite.test_a_unit_is_back_to_the_microsecond_when_the_answer_said_and_not_before,
        suite.test_who_is_refused_pays_nothing_for_it,
    ):
        with pytest.raises(REPORTED):
            await test()


async def test_rates_that_give_twice_the_quota_around_a_border_are_reported() -> None:
    with pytest.raises(REPORTED):
        await WindowsSuite().test_no_border_of_a_window_is_one_around_which_more_is_given()


async def test_rates_that_let_others_in_between_are_reported() -> None:
    with pytest.raises(REPORTED):
        await HesitantSuite().test_however_many_ask_at_once_no_more_is_given_than_there_is()


async def test_rates_that_drift_are_reported() -> None:
    with pytest.raises(REPORTED):
        await DriftingSuite().test_units_that_come_back_between_two_microseconds_are_neither_early_nor_lost()
