"""Lost leaves: those that a rebuild declared are no findings, and nobody without the log's key can make others."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from adapters.outbound.ed25519 import Signer
from core.log.audit.findings import Code, Finding
from core.log.notes import VerifierKey
from core.log.rebuilding import Stretch, declare, stretches
from tests.integration.audit.bank import audited
from tests.integration.log.restoring import Stage
from tests.integration.log.set_back import Lost, rebuilt, set_back
from tests.integration.log.test_restoring_sqlite import SqliteStage
from tests.support.world import World

DECLARED = (Stretch(first=4, last=5),)
VICTIM = 1
"""A leaf whose record nobody lost."""

_BY_HAND = (
    'DELETE FROM pending WHERE event_id = (SELECT event_id FROM leaf WHERE "index" = ?)',
    """INSERT INTO lost_leaf SELECT l.club_id, l."index", r.commitment FROM leaf l
        JOIN record r ON r.club_id = l.club_id AND r.event_id = l.event_id WHERE l."index" = ?""",
    'DELETE FROM record WHERE event_id = (SELECT event_id FROM leaf WHERE "index" = ?)',
    'DELETE FROM event WHERE id = (SELECT event_id FROM leaf WHERE "index" = ?)',
    'DELETE FROM leaf WHERE "index" = ?',
)
_WIDENED = """UPDATE record SET data = CAST(replace(CAST(data AS TEXT), '"first":3', '"first":1') AS BLOB)
    WHERE event_id = (SELECT event_id FROM leaf WHERE "index" = ?)"""

Edit = Callable[..., Any]


@asynccontextmanager
async def after_a_rebuild(stage: Stage) -> AsyncIterator[tuple[World, Lost]]:
    """A log of eight leaves: 4 and 5 are lost, 6 and 7 are the declarations."""
    told = await set_back(stage)
    async with stage.world() as world:
        await rebuilt(world)
    async with stage.world() as world:
        await world.settle()
        findings, logs = await found_in(world)
        assert findings == [] and [log.lost for log in logs] == [DECLARED]
        yield world, told


async def found_in(world: World) -> Any:
    return await audited(world.database, world.ledger, publication=world.system.infrastructure.publication)


@pytest.fixture
async def scene(sqlite_url: str, tmp_path: Path) -> AsyncIterator[tuple[World, Lost]]:
    async with after_a_rebuild(SqliteStage(sqlite_url, tmp_path / "world")) as scene:
        yield scene


@pytest.fixture
def edit(sqlite_url: str) -> Edit:
    """Changes a row as somebody does who has the file in an editor."""

    def edit(statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute(statement, values)

    return edit


def declared_by_hand(edit: Edit, index: int = VICTIM) -> None:
    """The record of a leaf deleted with all that hangs on it, and its leaf said to be lost."""
    for statement in _BY_HAND:
        edit(statement, index)


def codes(findings: list[Finding], index: int) -> set[Code]:
    return {finding.code for finding in findings if finding.index == index}


async def test_a_record_that_was_deleted_is_not_lost_by_anybody_s_word(scene: tuple[World, Lost], edit: Edit) -> None:
    declared_by_hand(edit)
    findings, logs = await found_in(scene[0])
    assert codes(findings, VICTIM) == {Code.LEAF_LOST}
    assert [log.lost for log in logs] == [DECLARED]


@pytest.mark.parametrize("first", [0, VICTIM, 6])
async def test_a_declaration_under_another_key_is_found_also_when_it_is_a_leaf(
    scene: tuple[World, Lost], edit: Edit, first: int
) -> None:
    world, told = scene
    signer = Signer(bytes(32))
    key = VerifierKey(name=told.origin, public=signer.key)
    if first == 6:
        # A key of one's own, good for sizes to come: it was none of the log's when the leaf was signed.
        edit("UPDATE log_key SET until_size = 9")
        edit("INSERT INTO log_key SELECT club_id, 9, NULL, ? FROM log_key", str(key))
    forged = declare(
        club=told.club.of_club,
        origin=told.origin,
        first=min(first, VICTIM),
        size=8,
        lost=stretches([VICTIM]),
        key=key,
        sign=signer,
    )
    async with world.begin_log(told.club) as tx:
        tx.emit(forged)
    await world.pipeline.integrate()
    declared_by_hand(edit)
    findings, logs = await found_in(world)
    assert codes(findings, VICTIM) == {Code.LEAF_LOST}
    assert Code.REBUILD_UNSOUND in codes(findings, 8)
    assert [log.lost for log in logs] == [DECLARED]


@pytest.mark.parametrize("form", ["pending", "a leaf", "anchored"])
async def test_a_key_that_the_ledger_does_not_have_vouches_for_nothing(
    scene: tuple[World, Lost], edit: Edit, form: str
) -> None:
    """Whoever can write to the database gives the log a key of their own, for sizes at which nothing was ever signed.

    Such a key was believed, and a deleted record was told as lost, with no finding at all.
    """
    world, told = scene
    signer = Signer(bytes(32))
    key = VerifierKey(name=told.origin, public=signer.key)
    forged = declare(
        club=told.club.of_club, origin=told.origin, first=0, size=8, lost=stretches([VICTIM]), key=key, sign=signer
    )
    async with world.begin_log(told.club) as tx:
        tx.emit(forged)
    if form == "a leaf":
        await world.pipeline.integrate()
    if form == "anchored":
        await world.settle()
    edit("UPDATE log_key SET from_size = 1")
    edit("INSERT INTO log_key SELECT club_id, 0, 1, ? FROM log_key", str(key))
    declared_by_hand(edit)
    findings, logs = await found_in(world)
    assert codes(findings, VICTIM) == {Code.LEAF_LOST}
    assert {(Code.KEY_UNSOUND, "0"), (Code.KEY_UNSOUND, "1")} <= {(each.code, each.key) for each in findings}
    assert Code.REBUILD_UNSOUND in {each.code for each in findings}
    assert [log.lost for log in logs] == [DECLARED]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM log_key",
        "UPDATE log_key SET until_size = 9",
        "UPDATE log_key SET from_size = 1",
        "UPDATE log_key SET verifier_key = ?1",
        "INSERT INTO log_key SELECT club_id, 9, NULL, ?1 FROM log_key",
        "INSERT INTO log_key SELECT club_id, 9, NULL, verifier_key FROM log_key",
    ],
)
async def test_a_log_has_one_key_and_it_is_the_ledger_s(scene: tuple[World, Lost], edit: Edit, statement: str) -> None:
    key = VerifierKey(name=scene[1].origin, public=Signer(bytes(32)).key)
    edit("DELETE FROM checkpoint")
    edit("DELETE FROM anchor")
    edit(statement, *([str(key)] if "?1" in statement else []))
    findings, logs = await found_in(scene[0])
    assert {finding.code for finding in findings} == {Code.KEY_UNSOUND}
    assert [log.lost for log in logs] == [DECLARED]


async def test_a_declaration_cannot_be_widened(scene: tuple[World, Lost], edit: Edit) -> None:
    edit(_WIDENED, 6)
    findings, _logs = await found_in(scene[0])
    assert {Code.REBUILD_UNSOUND, Code.COMMITMENT_MISMATCH} <= codes(findings, 6)


async def test_lost_leaves_without_their_declaration_are_found(scene: tuple[World, Lost], edit: Edit) -> None:
    for index in (6, 7):
        declared_by_hand(edit, index)
    findings, logs = await found_in(scene[0])
    for index in (4, 5, 6, 7):
        assert codes(findings, index) == {Code.LEAF_LOST}
    assert [log.lost for log in logs] == [()]


@pytest.mark.parametrize(
    ("statement", "code", "index"),
    [
        ('UPDATE lost_leaf SET commitment = zeroblob(32) WHERE "index" = 4', Code.LEAF_MISMATCH, 4),
        ("UPDATE lost_leaf SET commitment = x'00' WHERE \"index\" = 4", Code.LEAF_MISMATCH, 4),
        ('DELETE FROM lost_leaf WHERE "index" = 4', Code.LEAF_MISSING, 4),
        ('INSERT INTO lost_leaf SELECT club_id, 2, commitment FROM lost_leaf WHERE "index" = 4', Code.LEAF_STRAY, 2),
        ('UPDATE lost_leaf SET "index" = 99 WHERE "index" = 5', Code.LEAF_STRAY, 99),
        ('UPDATE lost_leaf SET "index" = -1 WHERE "index" = 5', Code.LEAF_STRAY, -1),
        ("UPDATE lost_leaf SET club_id = x'00' WHERE \"index\" = 5", Code.LEAF_MISSING, 5),
    ],
)
async def test_a_lost_leaf_that_was_changed_is_named(
    scene: tuple[World, Lost], edit: Edit, statement: str, code: Code, index: int
) -> None:
    edit(statement)
    findings, _logs = await found_in(scene[0])
    assert code in codes(findings, index)


async def test_the_edge_of_the_tree_is_judged_with_its_lost_leaves(scene: tuple[World, Lost], edit: Edit) -> None:
    edit("UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE level = 0")
    findings, _logs = await found_in(scene[0])
    assert {finding.code for finding in findings} == {Code.TILE_MISMATCH}
    assert {finding.index for finding in findings} == set(range(8))
