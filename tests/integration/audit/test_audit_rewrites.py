"""Tamperings that fit together: records replaced whole, trees recomputed, leaves cut out, a log set back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.log.audit.findings import Code, Finding
from tests.integration.audit.bank import Bank, bank
from tests.integration.audit.forger import Forger, forge
from tests.integration.audit.values import canonical

LONG = 0
"""The seed of a database with a log longer than a tile."""


@pytest.fixture
async def held(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Bank]:
    async with bank(LONG, sqlite_template, tmp_path, steps=30) as held:
        await held.restore()
        yield held


def with_code(found: list[Finding], code: Code) -> list[Finding]:
    return [finding for finding in found if finding.code is code]


def renamed(forger: Forger, index: int) -> str:
    """A record that says another name, of the same length."""
    event_id, data = forger.record_at(index)
    forger.replace(index, data.replace(b'"Name ', b'"Nome '))
    return canonical(event_id)


async def test_a_record_replaced_whole_is_named_by_its_leaf_and_the_anchor_before_it(held: Bank) -> None:
    record = forge(held.path, lambda forger: renamed(forger, 100))
    found, logs = await held.audited()
    assert [(each.code, each.record, each.index) for each in found] == [(Code.LEAF_MISMATCH, record, 100)]
    (fared,) = [log for log in logs if log.findings]
    assert fared.intact_until is not None and fared.intact_until[0] <= 100 < fared.leaves


async def test_a_log_recomputed_from_the_record_to_the_head_contradicts_ledger_and_signatures(held: Bank) -> None:
    def work(forger: Forger) -> str:
        record = renamed(forger, 100)
        forger.rebuild()
        return record

    record = forge(held.path, work)
    found, logs = await held.audited()
    assert {each.code for each in found} == {Code.OTHER_THAN_LEDGER, Code.REWRITTEN, Code.ANCHOR_UNSOUND}
    window, leaf = with_code(found, Code.REWRITTEN)
    assert window.index is not None and window.index <= 100
    assert (leaf.record, leaf.index) == (record, 100)
    (fared,) = [log for log in logs if log.findings]
    assert fared.intact_until is not None and fared.intact_until[0] == window.index


async def test_without_the_published_tiles_a_recomputed_log_is_named_by_the_stretch_between_two_checkpoints(
    held: Bank,
) -> None:
    def work(forger: Forger) -> None:
        renamed(forger, 100)
        forger.rebuild()

    forge(held.path, work)
    found, _logs = await held.audited(published=False)
    (window,) = with_code(found, Code.REWRITTEN)
    assert window.index is not None and window.index <= 100 < int(window.key or 0)


async def test_a_leaf_cut_out_of_a_recomputed_log_leaves_it_behind_the_ledger(held: Bank) -> None:
    def work(forger: Forger) -> int:
        forger.cut(100)
        forger.rebuild()
        return int(forger.size)

    size = forge(held.path, work)
    found, _logs = await held.audited()
    assert with_code(found, Code.BEHIND_LEDGER)[0].index == size
    assert min(finding.index or 0 for finding in with_code(found, Code.REWRITTEN) if finding.record) == 100


async def test_a_log_that_was_set_back_is_behind_the_ledger_and_says_how_many_leaves_are_lost(held: Bank) -> None:
    def work(forger: Forger) -> tuple[int, str]:
        size = forger.size
        forger.set_back(size - 3)
        return size - 3, forger.origin

    size, origin = forge(held.path, work)
    found, _logs = await held.audited()
    (behind,) = with_code(found, Code.BEHIND_LEDGER)
    assert (behind.origin, behind.index) == (origin, size) and "3 are lost" in behind.detail


async def test_a_hash_in_an_upper_tile_is_named_with_the_leaves_that_it_sums_up(held: Bank) -> None:
    def work(forger: Forger) -> None:
        edit = "UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE club_id = ? AND level = 1"
        forger.run(edit, forger.club)

    forge(held.path, work)
    found, logs = await held.audited()
    assert [(each.code, each.tile) for each in found] == [(Code.TILE_MISMATCH, (1, 0))]
    assert "leaves 0 to 255" in found[0].detail
    assert all(log.intact_until == (log.leaves, log.intact_until[1]) for log in logs if log.intact_until)


async def test_a_lower_tile_is_to_blame_where_records_and_upper_tile_agree(held: Bank) -> None:
    def work(forger: Forger) -> None:
        edit = """UPDATE tile SET hashes = CAST(zeroblob(64) || substr(hashes, 65) AS BLOB)
            WHERE club_id = ? AND level = 0 AND "index" = 0"""
        forger.run(edit, forger.club)

    forge(held.path, work)
    found, _logs = await held.audited()
    assert [(each.code, each.tile, each.index) for each in found] == [
        (Code.TILE_MISMATCH, (0, 0), 0),
        (Code.TILE_MISMATCH, (0, 0), 1),
    ]
