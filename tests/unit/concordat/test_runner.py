"""Jobs run side by side, none in the way of another; the waiting between turns is injected and takes no time here."""

import asyncio

from adapters.inbound.jobs.runner import LONGEST_BACKOFF_SECONDS, Job, Runner, pause


class Pauses:
    """Notes how long each job wanted to wait, and stops the runner after so many waits."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.asked: list[float] = []
        self.runner: Runner | None = None

    async def __call__(self, seconds: float, until: asyncio.Event) -> None:
        self.asked.append(seconds)
        if len(self.asked) >= self.most and self.runner is not None:
            self.runner.stop()
        await asyncio.sleep(0)


class Work:
    """Counts its turns, and fails in those that are named."""

    def __init__(self, *fails: int) -> None:
        self.turns = 0
        self.fails = fails

    async def tick(self) -> None:
        self.turns += 1
        if self.turns in self.fails:
            raise RuntimeError(f"turn {self.turns}")


async def run(pauses: Pauses, *jobs: Job) -> Runner:
    pauses.runner = Runner(jobs, pause=pauses)
    await pauses.runner.run()
    return pauses.runner


async def test_job_has_its_first_turn_at_once_and_waits_between_turns() -> None:
    work, pauses = Work(), Pauses(3)
    await run(pauses, Job(name="a", every_seconds=7, tick=work.tick))
    assert work.turns == 3
    assert pauses.asked == [7, 7, 7]


async def test_job_that_always_fails_does_not_keep_another_from_its_turns() -> None:
    bad, good = Work(*range(100)), Work()
    pauses = Pauses(10)
    runner = await run(
        pauses, Job(name="bad", every_seconds=1, tick=bad.tick), Job(name="good", every_seconds=0.5, tick=good.tick)
    )
    assert good.turns == 5
    assert runner.failing == {"bad": bad.turns}


async def test_job_that_fails_waits_twice_as_long_each_time_and_recovers() -> None:
    pauses = Pauses(5)
    runner = await run(pauses, Job(name="a", every_seconds=1, tick=Work(1, 2, 3).tick))
    assert pauses.asked == [2, 4, 8, 1, 1]
    assert runner.failing == {}


async def test_wait_after_failures_has_an_end_and_is_never_below_the_usual_one() -> None:
    often, seldom = Pauses(12), Pauses(3)
    await run(often, Job(name="a", every_seconds=0.2, tick=Work(*range(100)).tick))
    await run(seldom, Job(name="a", every_seconds=600, tick=Work(*range(100)).tick))
    assert max(often.asked) == LONGEST_BACKOFF_SECONDS
    assert seldom.asked == [600, 600, 600]


async def test_job_that_is_woken_has_its_next_turn_at_once() -> None:
    woken, turns = asyncio.Event(), asyncio.Queue[str]()
    runner = Runner([Job(name="a", every_seconds=3600, tick=lambda: turns.put("turn"), wake=woken)])
    running = asyncio.create_task(runner.run())
    await turns.get()
    woken.set()
    await turns.get()
    runner.stop()
    await running


async def test_wake_that_comes_during_a_turn_is_not_lost() -> None:
    woken, turns = asyncio.Event(), 0
    runner: Runner | None = None

    async def tick() -> None:
        nonlocal turns
        turns += 1
        woken.set()
        if turns == 3 and runner is not None:
            runner.stop()

    runner = Runner([Job(name="a", every_seconds=3600, tick=tick, wake=woken)])
    await runner.run()
    assert turns == 3


async def test_nothing_has_a_turn_while_the_lock_is_lost() -> None:
    held, work, pauses = False, Work(), Pauses(6)

    async def wait(seconds: float, until: asyncio.Event) -> None:
        nonlocal held
        held = len(pauses.asked) >= 3
        await pauses(seconds, until)

    pauses.runner = Runner([Job(name="a", every_seconds=1, tick=work.tick)], may_run=lambda: held, pause=wait)
    await pauses.runner.run()
    assert work.turns == 2


async def test_stop_lets_the_turn_end_and_begins_no_other() -> None:
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), 0

    async def tick() -> None:
        nonlocal ended
        begun.set()
        await go_on.wait()
        ended += 1

    runner = Runner([Job(name="a", every_seconds=0, tick=tick)])
    running = asyncio.create_task(runner.run())
    await begun.wait()
    runner.stop()
    go_on.set()
    await running
    assert ended == 1


async def test_pause_ends_when_the_time_is_over_or_when_it_is_woken() -> None:
    woken = asyncio.Event()
    await pause(0, woken)
    woken.set()
    await pause(3600, woken)
