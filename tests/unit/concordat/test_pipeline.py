"""Between the log's workers nothing is forgotten, whichever of them fails at whichever moment."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import pytest

from adapters.inbound.jobs.pipeline import Pipeline
from ports.ledger import LedgerRejected
from shared.errors import Unavailable

A, B = UUID(int=1), UUID(int=2)


@dataclass
class Entry:
    club: UUID


@dataclass
class Stages:
    """Stands for integrator, signer, anchorer and backlog; `down` names those that fail after half of their work."""

    clubs: tuple[UUID, ...] = (A, B)
    grown: set[UUID] = field(default_factory=set)
    down: set[str] = field(default_factory=set)
    seen: list[tuple[str, frozenset[UUID]]] = field(default_factory=list)
    frozen: dict[UUID, Unavailable] = field(default_factory=dict)
    rejected: dict[UUID, LedgerRejected] = field(default_factory=dict)

    async def directory(self) -> list[Entry]:
        return [Entry(club) for club in self.clubs]


class Integrator:
    def __init__(self, stages: Stages) -> None:
        self.stages = stages

    async def tick(self) -> set[UUID]:
        grown, self.stages.grown = self.stages.grown, set()
        if "integrator" in self.stages.down:
            raise Unavailable
        return grown


class Signer:
    def __init__(self, stages: Stages) -> None:
        self.stages = stages
        self.frozen = stages.frozen

    async def tick(self, clubs: Iterable[UUID]) -> set[UUID]:
        self.stages.seen.append(("sign", frozenset(clubs)))
        if "signer" in self.stages.down:
            raise Unavailable
        return set(clubs) - self.frozen.keys()


class Anchorer:
    def __init__(self, stages: Stages) -> None:
        self.stages = stages
        self.rejected = stages.rejected

    async def tick(self, clubs: Iterable[UUID]) -> set[UUID]:
        self.stages.seen.append(("anchor", frozenset(clubs)))
        if "anchorer" in self.stages.down:
            raise Unavailable
        return set(clubs) - self.rejected.keys()


def pipeline_of(stages: Stages) -> Pipeline:
    parts: dict[str, Any] = {"integrator": Integrator(stages), "signer": Signer(stages), "anchorer": Anchorer(stages)}
    return Pipeline(**parts, backlog=cast(Any, stages))


async def settled(stages: Stages) -> Pipeline:
    """A pipeline after its start, with nothing left to do."""
    pipeline = pipeline_of(stages)
    await pipeline.integrate()
    await pipeline.sign()
    await pipeline.anchor()
    stages.seen.clear()
    return pipeline


async def test_after_a_start_every_log_is_signed_and_anchored_whatever_the_crash_left_undone() -> None:
    stages = Stages()
    pipeline = pipeline_of(stages)
    await pipeline.integrate()
    await pipeline.sign()
    await pipeline.anchor()
    assert stages.seen == [("sign", frozenset({A, B})), ("anchor", frozenset({A, B}))]
    assert not pipeline.unsigned | pipeline.unanchored


async def test_only_logs_that_grew_are_signed_and_only_logs_that_were_signed_are_anchored() -> None:
    stages = Stages()
    pipeline = await settled(stages)
    stages.grown = {B}
    await pipeline.integrate()
    await pipeline.sign()
    await pipeline.anchor()
    await pipeline.sign()
    await pipeline.anchor()
    one, none = frozenset({B}), frozenset[UUID]()
    assert stages.seen == [("sign", one), ("anchor", one), ("sign", none), ("anchor", none)]


@pytest.mark.parametrize("failing", ["integrator", "signer", "anchorer"])
async def test_log_that_grew_is_anchored_after_any_stage_failed_half_way(failing: str) -> None:
    stages = Stages()
    pipeline = await settled(stages)
    stages.grown, stages.down = {B}, {failing}
    for stage in (pipeline.integrate, pipeline.sign, pipeline.anchor):
        try:
            await stage()
        except Unavailable:
            continue
    stages.down = set()
    stages.seen.clear()
    await pipeline.integrate()
    await pipeline.sign()
    await pipeline.anchor()
    assert B in dict(stages.seen)["anchor"]


async def test_failure_is_told_to_whoever_runs_the_stage() -> None:
    stages = Stages(down={"signer"})
    pipeline = pipeline_of(stages)
    await pipeline.integrate()
    with pytest.raises(Unavailable):
        await pipeline.sign()


async def test_checkpoint_that_the_ledger_rejects_is_offered_again() -> None:
    stages = Stages()
    pipeline = await settled(stages)
    stages.grown, stages.rejected[B] = {B}, LedgerRejected(reason="fork")
    await pipeline.integrate()
    await pipeline.sign()
    await pipeline.anchor()
    assert pipeline.unanchored == {B}
    stages.rejected.clear()
    await pipeline.anchor()
    assert not pipeline.unanchored


async def test_whoever_is_in_a_hurry_has_what_is_recorded_now_anchored_in_one_turn() -> None:
    stages = Stages()
    pipeline = await settled(stages)
    stages.grown = {A}
    pipeline.hurry()
    assert pipeline.wanted.is_set()
    await pipeline.anchor()
    assert stages.seen == [("sign", frozenset({A})), ("anchor", frozenset({A}))]
