"""Turns of clubs: each failure is told, the pauses grow, and the others have their turns as ever."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from adapters.inbound.jobs.trouble import teller
from app.workers import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, Trouble, Turns, in_turn
from ports.ledger import LedgerUnavailable
from ports.unit_of_work import StoreUnavailable

START = datetime(2026, 3, 12, tzinfo=UTC)
GOOD, BAD = UUID(int=1), UUID(int=2)


class Work:
    """Fails for one club as long as it is told to."""

    def __init__(self) -> None:
        self.now = START
        self.failing = True
        self.turns: list[UUID] = []

    async def __call__(self, club: UUID) -> int:
        self.turns.append(club)
        if club == BAD and self.failing:
            raise RuntimeError("no")
        return 1


async def test_only_the_club_in_trouble_waits_and_its_recovery_is_told() -> None:
    work, told = Work(), list[tuple[UUID, Trouble | None]]()
    turns = Turns(now=lambda: work.now, tell=lambda club, trouble: told.append((club, trouble)))
    for _ in range(5):
        assert await turns.each([BAD, GOOD], work) == {GOOD: 1}
    assert work.turns.count(BAD) == 1 and work.turns.count(GOOD) == 5
    work.now += timedelta(seconds=FIRST_WAIT_SECONDS)
    await turns.each([BAD, GOOD], work)
    assert [trouble.times for club, trouble in told if trouble is not None and club == BAD] == [1, 2]
    work.now += timedelta(seconds=2 * FIRST_WAIT_SECONDS)
    work.failing = False
    assert await turns.each([BAD, GOOD], work) == {GOOD: 1, BAD: 1}
    assert told[-1] == (BAD, None) and turns.troubled == {}


class Outage:
    """A store that is away, for these clubs or for all."""

    def __init__(self, *clubs: UUID) -> None:
        self.now = START
        self.clubs = clubs
        self.turns: list[UUID] = []

    async def __call__(self, club: UUID) -> int:
        self.turns.append(club)
        if not self.clubs or club in self.clubs:
            raise StoreUnavailable
        return 1


async def test_a_store_that_is_away_is_the_trouble_of_the_job_and_not_of_each_club() -> None:
    """Two hundred clubs were two hundred errors with their tracebacks, of a job that was said to be well."""
    outage, told = Outage(), list[object]()
    turns = Turns(now=lambda: START, tell=lambda _club, trouble: told.append(trouble))
    with pytest.raises(StoreUnavailable):
        await turns.each([UUID(int=number) for number in range(200)], outage)
    assert len(outage.turns) == 1 and told == []


async def test_a_club_that_alone_cannot_reach_the_store_lets_the_others_have_their_turns() -> None:
    outage = Outage(BAD)
    turns = Turns(now=lambda: outage.now, tell=lambda _club, _trouble: None)
    with pytest.raises(StoreUnavailable):
        await turns.each([BAD, GOOD], outage)
    assert await turns.each([BAD, GOOD], outage) == {GOOD: 1}
    outage.now += timedelta(seconds=FIRST_WAIT_SECONDS)
    with pytest.raises(StoreUnavailable):
        await turns.each([BAD, GOOD], outage)


async def test_nobody_s_cancellation_counts_as_trouble() -> None:
    async def stopped(_club: UUID) -> None:
        raise KeyboardInterrupt

    turns = Turns(now=lambda: START, tell=teller("a"))
    with pytest.raises(KeyboardInterrupt):
        await turns.each([BAD], stopped)
    assert turns.troubled == {}


@pytest.mark.parametrize(("times", "seconds"), [(1, 1), (2, 2), (5, 16), (6, 30), (1000, LONGEST_WAIT_SECONDS)])
def test_the_wait_doubles_up_to_an_end(times: int, seconds: float) -> None:
    trouble = Trouble(error=RuntimeError(), times=times, at=START)
    assert not trouble.is_over(START + timedelta(seconds=seconds - 0.001))
    assert trouble.is_over(START + timedelta(seconds=seconds))


def test_trouble_that_lasts_is_logged_more_and_more_rarely() -> None:
    with capture_logs() as lines:
        for times in range(1, 1001):
            teller("log.sign")(BAD, Trouble(error=RuntimeError("no"), times=times, at=START))
    assert [line["times"] for line in lines] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]


def test_the_first_failure_is_logged_whole_and_the_others_in_a_line() -> None:
    with capture_logs() as lines:
        for times in (1, 2):
            teller("log.sign")(BAD, Trouble(error=RuntimeError("no"), times=times, at=START))
        teller("log.sign")(BAD, None)
    assert [(line["event"], line["job"], line["club"]) for line in lines] == [
        ("turn failed", "log.sign", str(BAD)),
        ("turn failed", "log.sign", str(BAD)),
        ("turn recovered", "log.sign", str(BAD)),
    ]
    assert [line.get("exc_info") is None for line in lines] == [False, True, True]


async def test_what_fails_for_one_key_is_collected_and_what_does_not_answer_ends_the_turn() -> None:
    asked: list[str] = []

    async def work(key: str) -> int:
        asked.append(key)
        if key == "bad":
            raise RuntimeError("no")
        if key == "away":
            raise LedgerUnavailable
        return 1

    done, failed = await in_turn(["one", "bad", "two"], work)
    assert (done, [str(error) for error in failed]) == ({"one": 1, "two": 1}, ["no"])
    asked.clear()
    with pytest.raises(LedgerUnavailable):
        await in_turn(["one", "away", "two"], work)
    assert asked == ["one", "away"]
