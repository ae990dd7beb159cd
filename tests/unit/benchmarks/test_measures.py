"""The statistics: paired ratios, medians, quartiles, goals, and rounds that alternate."""

import pytest

from benchmarks.measures import Figure, Goal, Ratio, met, quartiles
from benchmarks.rounds import alternate


def ratio(subject: list[float], control: list[float], goal: float = 0.8) -> Ratio:
    return Ratio(name="r", unit="/s", subject=subject, control=control, goal=Goal(value=goal))


def test_a_ratio_is_the_median_of_each_round_s_own_ratio() -> None:
    # The machine slowed down to a tenth half-way: rates differ wildly, and each round still says nine tenths.
    measured = ratio([900, 905, 90, 90.5], [1000, 1000, 100, 100])
    assert measured.value == pytest.approx(0.9025)
    assert [*measured.spread] == pytest.approx([0.9, 0.905], rel=0.001)


def test_one_wild_round_moves_nothing() -> None:
    assert ratio([90, 90, 90, 90, 1], [100, 100, 100, 100, 100]).value == pytest.approx(0.9)


def test_every_round_has_both_sides() -> None:
    with pytest.raises(ValueError, match="each round"):
        ratio([1, 2], [1])
    with pytest.raises(ValueError, match="each round"):
        ratio([], [])
    with pytest.raises(ValueError, match="needs a round"):
        Figure(name="f", unit="s", rounds=[])


@pytest.mark.parametrize(
    ("goal", "value", "reached"),
    [
        (Goal(value=0.8), 0.8, True),
        (Goal(value=0.8), 0.79, False),
        (Goal(value=2.0, at_most=True), 2.0, True),
        (Goal(value=2.0, at_most=True), 2.01, False),
        (None, 1.0, None),
    ],
)
def test_a_goal_is_met_from_its_own_side(goal: Goal | None, value: float, reached: bool | None) -> None:
    assert met(Figure(name="f", unit="s", rounds=[value], goal=goal)) is reached


def test_quartiles_hold_the_middle_half() -> None:
    assert quartiles([1, 2, 3, 4, 5]) == (2, 4)
    assert quartiles([7]) == (7, 7)


async def test_rounds_alternate_and_the_first_pair_only_warms_up() -> None:
    order: list[str] = []

    async def side(name: str) -> float:
        order.append(name)
        return float(len(order))

    rates = await alternate(lambda: side("ours"), lambda: side("theirs"), 3)
    assert order == ["theirs", "ours", "ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert [*rates.subject] == [3, 6, 7]
    assert [*rates.control] == [4, 5, 8]


async def test_a_machine_that_gets_slower_and_slower_favours_nobody() -> None:
    speeds = [1000.0]

    async def rate(share: float) -> float:
        speeds.append(speeds[-1] * 0.9)
        return speeds[-1] * share

    rates = await alternate(lambda: rate(0.5), lambda: rate(1.0), 20)
    assert ratio([*rates.subject], [*rates.control]).value == pytest.approx(0.5, rel=0.02)
