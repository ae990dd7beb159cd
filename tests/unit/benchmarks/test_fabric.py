"""Benchmarks on Fabric say what they lack, and measure nothing in its place."""

from typing import Any, cast

import pytest

from benchmarks.fabric import course


async def test_without_fabrics_programs_nothing_is_measured_and_where_to_get_them_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(course, "versions", tuple)
    assert await course.measure(cast(Any, None), quick=True) == []
    said = capsys.readouterr().err
    assert said == "fabric: not measured, no peer and orderer found (see docs/how-to/fabric-programs.md)\n"
