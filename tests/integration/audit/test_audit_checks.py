"""Every check is needed: for each there is a tampering that no other finds, and the suite notices that it is missed."""

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from core.log.audit.findings import ALL_CHECKS, Check
from tests.integration.audit.bank import Bank, bank
from tests.integration.audit.forger import Forger, forge
from tests.integration.audit.tampering import tamper

RICH = 0
"""The seed of a database with a long log, a visit ahead, and records that are still to be integrated."""


def set_back(forger: Forger) -> None:
    """All fits, and only the ledger remembers more."""
    forger.set_back(forger.size - 2)


def replaced(forger: Forger) -> None:
    """An older record with a salt and a commitment that go with it: only the tree remembers the other one."""
    forger.replace(100, forger.record_at(100)[1].replace(b'"Name ', b'"Nome '))


ONLY_FOUND_BY: dict[Check, str | Callable[[Forger], None]] = {
    Check.LEDGER: set_back,
    Check.TILES: "tile insert",
    Check.HEADS: "log.root",
    Check.COMMITMENTS: "record.salt",
    Check.EVENTS: "event.actor",
    Check.DISCLOSURES: "disclosure.value",
    Check.PLACES: "pending.consumer",
    Check.LEAVES: replaced,
    Check.AGGREGATES: "agreement.in_force",
    Check.BESIDE: "standing_grant delete",
}


@pytest.fixture
async def held(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Bank]:
    async with bank(RICH, sqlite_template, tmp_path) as held:
        await held.restore()
        yield held


@pytest.mark.parametrize("check", Check)
async def test_no_check_can_be_left_out(held: Bank, check: Check) -> None:
    made = ONLY_FOUND_BY[check]
    if isinstance(made, str):
        with held.editor() as connection:
            names = tamper(connection, made, random.Random(1)).names
        assert any(map(names, (await held.audited())[0]))
    else:
        forge(held.path, made)
        assert (await held.audited())[0]
    without, _logs = await held.audited(ALL_CHECKS - {check})
    assert without == []


async def test_a_position_that_cannot_be_read_is_found_and_stops_nothing(held: Bank) -> None:
    def unreadable(forger: Forger) -> None:
        founded = forger.record_at(0)[1]
        assert b'"longitude_' in founded
        forger.replace(0, founded.replace(b'"longitude_', b'"longit}de_'))

    forge(held.path, unreadable)
    assert (await held.audited())[0]
