"""The local witness keeps the promises of a ledger; its lock and its file are tested beside them."""

import asyncio
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from adapters.outbound.local.journal import FILE, Journal, LedgerDamaged
from adapters.outbound.local.ledger import LocalLedger
from ports.ledger import Anchored, Ledger, LedgerUnavailable
from shared.canonical import Json
from tests.contracts.ledger import HONEST, ORIGIN, OTHER, SUMMIT, LedgerContract
from tests.contracts.rotations import NEXT, Rotations

SEED = bytes([2]) * 32
MOMENT = datetime(2026, 3, 12, 18, 4, 5, tzinfo=UTC)


class TestLocalLedger(Rotations, LedgerContract):
    async def make(self, place: Path) -> LocalLedger:
        return LocalLedger(place / "ledger", SEED, lambda: MOMENT)

    async def stop(self, ledger: Ledger) -> None:
        assert isinstance(ledger, LocalLedger)
        ledger.close()

    async def test_a_second_worker_is_told_what_to_do_and_may_go_on_once_the_first_is_gone(
        self, tmp_path: Path
    ) -> None:
        first, second = await self.make_with(tmp_path, 5), await self.make(tmp_path)
        uses = (second.hold(), second.submit([HONEST.submission(8, 5)]), second.register(OTHER, str(SUMMIT.key)))
        for use in uses:
            with pytest.raises(LedgerUnavailable, match="another worker holds") as refusal:
                await use
            assert "run one worker" in str(refusal.value.parameters["remedy"])
        await self.stop(first)
        await second.hold()
        assert await second.submit([HONEST.submission(8, 5)]) == [Anchored(origin=ORIGIN, size=8)]

    async def test_others_may_read_beside_the_worker_and_see_what_it_appends(self, tmp_path: Path) -> None:
        reader = await self.make(tmp_path)
        assert await reader.head(ORIGIN) is None
        worker = await self.make_with(tmp_path, 5)
        assert await reader.head(ORIGIN) == HONEST.head(5)
        await worker.submit([HONEST.submission(8, 5)])
        assert await reader.head(ORIGIN) == HONEST.head(8)
        await self.vouches(reader, HONEST.checkpoint(5))
        await reader.check()

    async def test_the_worker_takes_in_what_the_one_before_it_appended(self, tmp_path: Path) -> None:
        first = await self.make_with(tmp_path, 2)
        second = await self.make(tmp_path)
        assert await second.head(ORIGIN) == HONEST.head(2)
        await first.submit([HONEST.submission(5, 2)])
        await self.stop(first)
        assert await second.submit([HONEST.submission(8, 5)]) == [Anchored(origin=ORIGIN, size=8)]
        await self.vouches(second, HONEST.checkpoint(5))

    async def test_a_last_line_torn_anywhere_is_dropped_and_submitted_again(self, tmp_path: Path) -> None:
        await self.stop(await self.make_with(tmp_path, 2, 5))
        file = tmp_path / "ledger" / FILE
        whole = file.read_bytes()
        last = whole.rindex(b"\n", 0, -1) + 1
        for cut in range(last, len(whole)):
            file.write_bytes(whole[:cut])
            ledger = await self.make(tmp_path)
            assert await ledger.head(ORIGIN) == HONEST.head(2), "a reader does not see half a line"
            await ledger.hold()
            assert file.read_bytes() == whole[:last], cut
            assert await ledger.submit([HONEST.submission(5, 2)]) == [Anchored(origin=ORIGIN, size=5)]
            await self.stop(ledger)
            assert file.read_bytes() == whole, cut

    async def test_a_tail_of_zeros_is_dropped_as_some_file_systems_leave_one(self, tmp_path: Path) -> None:
        await self.stop(await self.make_with(tmp_path, 2, 5))
        file = tmp_path / "ledger" / FILE
        whole = file.read_bytes()
        file.write_bytes(whole + bytes(512))
        ledger = await self.make(tmp_path)
        await ledger.hold()
        assert await ledger.head(ORIGIN) == HONEST.head(5)
        assert file.read_bytes() == whole

    async def test_any_other_damage_is_named_and_nothing_is_changed(self, tmp_path: Path) -> None:
        await self.stop(await self.make_with(tmp_path, 2, 5))
        file = tmp_path / "ledger" / FILE
        whole = file.read_bytes()
        ends = [place for place, byte in enumerate(whole) if byte == ord("\n")]
        for place in sorted({*range(0, len(whole), 3), *ends}):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << place % 8
            file.write_bytes(damaged)
            ledger = await self.make(tmp_path)
            for _again in range(2):
                with pytest.raises(LedgerDamaged, match=str(file)):
                    await ledger.submit([HONEST.submission(8, 5)])
            with pytest.raises(LedgerUnavailable):
                await ledger.head(ORIGIN)
            await self.stop(ledger)
            assert file.read_bytes() == bytes(damaged), place

    async def test_a_line_taken_out_put_in_or_moved_is_damage(self, tmp_path: Path) -> None:
        await self.stop(await self.make_with(tmp_path, 2, 5, 8))
        file = tmp_path / "ledger" / FILE
        lines = file.read_bytes().splitlines(keepends=True)
        for altered in (lines[1:], lines[:2] + lines[3:], [lines[1], lines[0], *lines[2:]], [*lines, lines[-1]]):
            file.write_bytes(b"".join(altered))
            with pytest.raises(LedgerDamaged):
                await (await self.make(tmp_path)).head(ORIGIN)

    async def test_a_file_that_shrinks_under_the_worker_stops_it(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 2, 5)
        (tmp_path / "ledger" / FILE).write_bytes(b"")
        for _again in range(2):
            with pytest.raises(LedgerDamaged, match="shorter"):
                await ledger.submit([HONEST.submission(8, 5)])

    async def test_a_file_of_another_witness_is_not_gone_on_with(self, tmp_path: Path) -> None:
        await self.stop(await self.make_with(tmp_path, 5))
        other = LocalLedger(tmp_path / "ledger", bytes(32), lambda: MOMENT)
        with pytest.raises(LedgerDamaged) as raised:
            await other.submit([HONEST.submission(8, 5)])
        assert "seed" in str(raised.value.parameters["remedy"])

    async def test_a_rotation_that_the_keys_did_not_sign_is_damage(self, tmp_path: Path) -> None:
        await self.stop(await self.make_with(tmp_path, 5))
        journal = Journal(tmp_path / "ledger")
        journal.hold()
        list(journal.new_entries())
        journal.open()
        forged: dict[str, Json] = {"origin": ORIGIN, "from": 8, "key": str(NEXT.key), "signatures": ["A" * 86] * 2}
        journal.append([forged])
        journal.close()
        with pytest.raises(LedgerDamaged, match="another kind"):
            await (await self.make(tmp_path)).keys(ORIGIN)

    async def test_a_full_disk_loses_nothing_and_a_retry_succeeds(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 5)
        file = tmp_path / "ledger" / FILE
        whole = file.read_bytes()
        for room in (0, 1, 100):
            with _file_size_limit(len(whole) + room), pytest.raises(LedgerUnavailable) as raised:
                await ledger.submit([HONEST.submission(8, 5), SUMMIT.submission(1)])
            assert "a retry is safe" in str(raised.value.parameters["remedy"])
            assert await ledger.head(ORIGIN) == HONEST.head(5)
            assert await ledger.evidence(ORIGIN, 8) is None
            assert await (await self.make(tmp_path)).head(ORIGIN) == HONEST.head(5)
        assert await ledger.submit([HONEST.submission(8, 5)]) == [Anchored(origin=ORIGIN, size=8)]
        await self.stop(ledger)
        assert await (await self.make(tmp_path)).head(ORIGIN) == HONEST.head(8)

    async def test_a_folder_that_cannot_be_made_is_said_to_be_unavailable(self, tmp_path: Path) -> None:
        (tmp_path / "ledger").write_text("a file where a folder should be")
        ledger = await self.make(tmp_path)
        for use in (ledger.check(), ledger.head(ORIGIN), ledger.hold()):
            with pytest.raises(LedgerUnavailable, match="ledger"):
                await use

    async def test_what_was_answered_survives_a_kill(self, tmp_path: Path) -> None:
        size, chance = 0, Random(3)
        for _round in range(4):
            worker = await asyncio.to_thread(_submit_until_killed, tmp_path, size, chance.randint(1, 30))
            ledger = await self.make(tmp_path)
            await ledger.hold()
            head = await ledger.head(ORIGIN)
            assert head is not None
            assert head.size >= worker
            assert head == HONEST.head(head.size)
            size = head.size
            await self.stop(ledger)


@contextmanager
def _file_size_limit(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow beyond that; a real write fails then, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def _submit_until_killed(place: Path, size: int, answers: int) -> int:
    """Kills a worker after so many answers; returns the last size that it was heard to have anchored."""
    command = [sys.executable, "-m", "tests.contracts.test_ledger_local", str(place), str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as worker:
        assert worker.stdout is not None
        heard = [int(worker.stdout.readline()) for _answer in range(answers)]
        worker.kill()
    return heard[-1]


async def _submit_for_ever(place: Path, size: int) -> None:
    ledger = LocalLedger(place / "ledger", SEED, lambda: MOMENT)
    await ledger.register(ORIGIN, str(HONEST.key))
    while True:
        await ledger.submit([HONEST.submission(size + 1, size)])
        size += 1
        print(size, flush=True)


if __name__ == "__main__":
    asyncio.run(_submit_for_ever(Path(sys.argv[1]), int(sys.argv[2])))
