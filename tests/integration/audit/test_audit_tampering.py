"""1,000 tamperings, 20 of each of 50 databases: each is found and named; what nobody touched shows nothing."""

import random
from pathlib import Path

import pytest

from tests.integration.audit.bank import bank
from tests.integration.audit.tampering import Impossible, kinds, tamper

DATABASES, TAMPERINGS = 50, 20


def chosen(seed: int) -> list[str]:
    """Which kinds a database is tampered with first; the databases go through all of them together, many times."""
    all_kinds = kinds()
    random.Random(0).shuffle(all_kinds)
    start = seed * TAMPERINGS % len(all_kinds)
    return all_kinds[start:] + all_kinds[:start]


@pytest.mark.parametrize("seed", range(DATABASES))
async def test_every_tampering_is_found_and_named(seed: int, sqlite_template: Path, tmp_path: Path) -> None:
    rng = random.Random(seed)
    waiting, done = chosen(seed), 0
    async with bank(seed, sqlite_template, tmp_path) as held:
        assert (await held.audited())[0] == [], f"seed {seed}: found in what nobody touched"
        while done < TAMPERINGS:
            try:
                with held.editor() as connection:
                    made = tamper(connection, waiting.pop(0), rng)
            except Impossible:
                continue
            found, _logs = await held.audited()
            assert found, f"seed {seed}: not found: {made.what}"
            assert any(map(made.names, found)), f"seed {seed}: not named: {made.what}\n" + "\n".join(map(str, found))
            with held.editor() as connection:
                made.undo(connection)
            done += 1
        assert (await held.audited())[0] == [], f"seed {seed}: the last tampering was not taken back"
