"""How measurements are shown: a table for people, a JSON document for comparing runs."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.measures import Goal, Measured, Ratio, Spread, met

_HEAD = ("benchmark", "ours", "control", "result", "middle half", "goal", "")


def table(measured: Sequence[Measured]) -> str:
    """One line each; the notes below, since they say what a figure is worth."""
    rows = [_HEAD, *(_row(one) for one in measured)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    notes = [f"{one.name}: {_said(one.notes)}" for one in measured if one.notes]
    return "\n".join([*lines, "", *notes])


def document(measured: Sequence[Measured], machine: dict[str, object], *, quick: bool) -> dict[str, Any]:
    """Everything, every round included."""
    return {"machine": machine, "quick": quick, "results": [_entry(one) for one in measured]}


def _row(one: Measured) -> tuple[str, ...]:
    sides = ("", "")
    if isinstance(one, Ratio):
        sides = (_with_unit(median(one.subject), one.unit), _with_unit(median(one.control), one.unit))
    result = _number(one.value) if isinstance(one, Ratio) else _with_unit(one.value, one.unit)
    verdict = {None: "", True: "met", False: "MISSED"}[met(one)]
    return (one.name, *sides, result, _range(one.spread), _aim(one.goal), verdict)


def _entry(one: Measured) -> dict[str, Any]:
    common: dict[str, Any] = {
        "name": one.name,
        "unit": one.unit,
        "value": one.value,
        "middle_half": one.spread,
        "goal": None if one.goal is None else _aim(one.goal),
        "met": met(one),
        "notes": one.notes,
    }
    if isinstance(one, Ratio):
        return {**common, "kind": "ratio", "subject": one.subject, "control": one.control, "ratios": one.ratios}
    return {**common, "kind": "figure", "rounds": getattr(one, "rounds", ())}


def _range(spread: Spread) -> str:
    return f"{_number(spread[0])} to {_number(spread[1])}"


def _aim(goal: Goal | None) -> str:
    return "" if goal is None else f"{'at most' if goal.at_most else 'at least'} {_number(goal.value)}"


def _number(value: float) -> str:
    """Three digits that count, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _with_unit(value: float, unit: str) -> str:
    return f"{_number(value)}{'' if unit.startswith('/') else ' '}{unit}"


def _said(notes: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in notes.items())
