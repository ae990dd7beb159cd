"""The table and the document: what a person reads, and what a later run is compared with."""

import json

from benchmarks.measures import Figure, Goal, Ratio
from benchmarks.report import document, table

READ = Ratio(
    name="single read",
    unit="/s",
    subject=[850.0, 860.0],
    control=[1000.0, 1000.0],
    goal=Goal(value=0.8),
    notes={"connections": 8},
)
START = Figure(name="start-up", unit="s", rounds=[1.7, 1.8, 1.9], goal=Goal(value=1.5, at_most=True))
MEMORY = Figure(name="memory", unit="MB", rounds=[134.4])


def words(line: str) -> str:
    return " ".join(line.split())


def test_the_table_says_for_each_whether_its_goal_is_met() -> None:
    lines = {line.partition("  ")[0]: line for line in table([READ, START, MEMORY]).splitlines()}
    assert words(lines["single read"]) == "single read 855/s 1,000/s 0.85 0.85 to 0.86 at least 0.80 met"
    assert words(lines["start-up"]) == "start-up 1.80 s 1.75 to 1.85 at most 1.50 MISSED"
    assert words(lines["memory"]) == "memory 134 MB 134 to 134"
    assert "single read: connections 8" in lines


def test_the_document_holds_every_round_and_the_machine() -> None:
    told = json.loads(json.dumps(document([READ, START, MEMORY], {"cores": 2}, quick=True)))
    assert told["machine"] == {"cores": 2}
    assert told["quick"] is True
    read, start, memory = told["results"]
    assert (read["kind"], read["subject"], read["control"], read["met"]) == ("ratio", [850, 860], [1000, 1000], True)
    assert (start["kind"], start["rounds"], start["met"]) == ("figure", [1.7, 1.8, 1.9], False)
    assert (memory["goal"], memory["met"]) == (None, None)
