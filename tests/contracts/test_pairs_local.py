"""Settlements on the embedded ledger: the suite, and what can befall a file."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.outbound.ed25519 import Signer
from adapters.outbound.local.journal import LedgerDamaged
from adapters.outbound.local.ledger import WITNESS_NAME
from adapters.outbound.local.pairs import LocalPairs
from core.log.notes import Algorithm, VerifierKey
from core.log.trust import LedgerTrust
from ports.ledger import LedgerUnavailable
from ports.pairs import Pairs
from tests.contracts.pairs import ORIGINS, PAIR, PairsContract

SEED = bytes([1]) * 32
FILE = "settlements.jsonl"
MOMENT = datetime(2026, 4, 2, tzinfo=UTC)


class TestLocalPairs(PairsContract):
    async def make(self, place: Path) -> LocalPairs:
        return LocalPairs(place / "ledger", SEED, lambda: MOMENT)

    async def stop(self, pairs: Pairs) -> None:
        assert isinstance(pairs, LocalPairs)
        pairs.close()

    def trust(self) -> LedgerTrust:
        key = VerifierKey(name=WITNESS_NAME, public=Signer(SEED).key, algorithm=Algorithm.COSIGNATURE)
        return LedgerTrust(witnesses=(key,))

    async def settled_file(self, place: Path) -> Path:
        pairs = await self.made(place, PAIR)
        await pairs.settle(PAIR.signed())
        await self.stop(pairs)
        return place / "ledger" / FILE

    async def test_whoever_only_reads_sees_what_the_worker_settles(self, tmp_path: Path) -> None:
        worker, reader = await self.made(tmp_path, PAIR), await self.make(tmp_path)
        await worker.settle(PAIR.signed())
        assert await reader.settled(PAIR.id, "2026-03") == PAIR.signed().settled

    async def test_of_two_workers_the_second_is_told_at_once(self, tmp_path: Path) -> None:
        await self.made(tmp_path, PAIR)
        with pytest.raises(LedgerUnavailable, match="another worker"):
            await (await self.make(tmp_path)).settle(PAIR.signed())

    async def test_every_altered_line_is_found(self, tmp_path: Path) -> None:
        file = await self.settled_file(tmp_path)
        whole = file.read_text()
        opening, settlement = whole.splitlines(keepends=True)
        other = (await self._other_settlement(tmp_path / "other")).read_text().splitlines(keepends=True)
        for altered in (
            settlement,
            opening + opening,
            opening + settlement.replace('"2026-03"', '"2026-04"'),
            opening + settlement.replace(PAIR_COMMITMENT, PAIR_COMMITMENT[::-1]),
            whole + other[-1],
        ):
            file.write_text(altered)
            with pytest.raises(LedgerDamaged):
                await (await self.make(tmp_path)).settled(PAIR.id, "2026-03")

    async def test_a_file_of_another_witness_is_not_gone_on_with(self, tmp_path: Path) -> None:
        await self.settled_file(tmp_path)
        with pytest.raises(LedgerDamaged):
            await LocalPairs(tmp_path / "ledger", bytes(32), lambda: MOMENT).settle(PAIR.signed())

    async def test_a_line_that_was_cut_off_by_a_crash_was_never_answered_for(self, tmp_path: Path) -> None:
        file = await self.settled_file(tmp_path)
        whole = file.read_bytes()
        for size in range(whole.index(b"\n") + 2, len(whole)):
            file.write_bytes(whole[:size])
            pairs = await self.make(tmp_path)
            assert await pairs.settled(PAIR.id, "2026-03") is None
            await pairs.settle(PAIR.signed())
            await self.stop(pairs)
            assert file.read_bytes() == whole

    async def test_what_was_settled_survives_a_kill(self, tmp_path: Path) -> None:
        heard = await asyncio.to_thread(_settle_until_killed, tmp_path, 5)
        pairs = await self.make(tmp_path)
        for period in heard:
            assert await pairs.settled(PAIR.id, period) == PAIR.signed(8, period).settled

    async def _other_settlement(self, place: Path) -> Path:
        pairs = await self.made(place, PAIR)
        await pairs.settle(PAIR.signed(9))
        await self.stop(pairs)
        return place / "ledger" / FILE


PAIR_COMMITMENT = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"


def _settle_until_killed(place: Path, periods: int) -> list[str]:
    """Kills a worker once it was heard to have settled so many periods; returns these."""
    command = [sys.executable, "-m", "tests.contracts.test_pairs_local", str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as worker:
        assert worker.stdout is not None
        heard = [worker.stdout.readline().decode().strip() for _period in range(periods)]
        worker.kill()
    return heard


async def _settle_for_ever(place: Path) -> None:
    pairs, number = LocalPairs(place / "ledger", SEED, lambda: MOMENT), 0
    await pairs.open(PAIR.id, PAIR.keys, ORIGINS)
    while True:
        number += 1
        period = f"{number:04}-01"
        await pairs.settle(PAIR.signed(8, period))
        print(period, flush=True)


if __name__ == "__main__":
    asyncio.run(_settle_for_ever(Path(sys.argv[1])))
