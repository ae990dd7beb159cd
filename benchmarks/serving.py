"""Start-up and memory of `concordat serve` as most people first meet it: everything in one process, on SQLite."""

import time
from collections.abc import Sequence

from benchmarks.measures import Figure, Goal, Measured
from benchmarks.stage import Stage
from benchmarks.usage import resident_megabytes

GOAL = Goal(value=1.5, at_most=True)


def measure(stage: Stage, *, quick: bool) -> Sequence[Measured]:
    """Seconds from the command to its announcement, when every port answers, with a database that is there already."""
    installation = stage.installation(None, name="embedded")
    seconds, memory = [], []
    for _ in range((2 if quick else 5) + 1):
        began = time.perf_counter()
        with installation.serve() as process:
            seconds.append(time.perf_counter() - began)
            memory.append(resident_megabytes(process.pid))
            process.terminate()
    return [
        Figure(name="start-up, on SQLite", unit="s", rounds=seconds[1:], goal=GOAL),
        Figure(name="memory when started, on SQLite", unit="MB", rounds=memory[1:]),
    ]
