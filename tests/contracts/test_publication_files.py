"""A folder keeps the promises of a publication, in the layout of tlog-tiles; and planted bugs are reported."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters.outbound.files.publication import FolderPublication
from ports.log import Publication
from shared.errors import Conflict, Unavailable
from tests.contracts.publication import FULL_ENTRIES, FULL_HASHES, ORIGIN, PublicationContract, noted
from tests.support.unprivileged import bound_by_modes, open_folder


class TestFolderPublication(PublicationContract):
    def make(self, place: Path) -> FolderPublication:
        return FolderPublication(place / "log")

    def spoil(self, place: Path) -> None:
        (place / "log").write_text("a file where a folder should be")

    async def test_a_folder_without_the_right_to_write_is_said_to_be_unavailable(self) -> None:
        with open_folder() as place:
            publication = self.make(place)
            with bound_by_modes(place):
                await publication.check()
                (place / "log").chmod(0o555)
                with pytest.raises(Unavailable, match="Permission denied"):
                    await publication.check()

    async def test_files_lie_where_tlog_tiles_says_and_nothing_else_lies_there(self, tmp_path: Path) -> None:
        publication = self.make(tmp_path)
        await publication.put(ORIGIN, "checkpoint", b"one")
        await publication.put(ORIGIN, "checkpoint", b"two")
        await publication.put(ORIGIN, "tile/0/x001/234.p/7", FULL_HASHES[: 7 * 32])
        await publication.put(ORIGIN, "tile/entries/x001/234.p/1", FULL_ENTRIES)
        await publication.check()
        assert [each.name for each in (tmp_path / "log").iterdir()] == ["concordat.test"]
        root = tmp_path / "log" / "concordat.test" / "harbour" / "1"
        found = {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}
        assert found == {
            "checkpoint": b"two",
            "tile/0/x001/234.p/7": FULL_HASHES[: 7 * 32],
            "tile/entries/x001/234.p/1": FULL_ENTRIES,
        }

    async def test_what_else_lies_in_the_folder_is_no_log(self, tmp_path: Path) -> None:
        publication = self.make(tmp_path)
        await publication.put(ORIGIN, "checkpoint", b"one")
        for stray in ("Upper.case/harbour/1", "concordat.test/harbour/latest"):
            (tmp_path / "log" / stray).mkdir(parents=True)
            (tmp_path / "log" / stray / "checkpoint").write_bytes(b"one")
        assert await publication.origins() == [ORIGIN]

    async def test_a_web_server_of_another_user_may_read_what_is_published(self, tmp_path: Path) -> None:
        before = os.umask(0o022)
        try:
            await self.make(tmp_path).put(ORIGIN, "checkpoint", b"one")
        finally:
            os.umask(before)
        checkpoint = tmp_path / "log" / ORIGIN / "checkpoint"
        assert checkpoint.stat().st_mode & 0o444 == 0o444
        assert checkpoint.parent.stat().st_mode & 0o555 == 0o555

    async def test_partial_files_go_once_the_full_tile_is_there(self, tmp_path: Path) -> None:
        publication = self.make(tmp_path)
        await publication.put(ORIGIN, "tile/0/000.p/7", FULL_HASHES[: 7 * 32])
        await publication.put(ORIGIN, "tile/0/000", FULL_HASHES)
        assert [file.name for file in (tmp_path / "log" / ORIGIN / "tile" / "0").iterdir()] == ["000"]

    async def test_a_folder_that_cannot_be_written_is_said_to_be_unavailable(self, tmp_path: Path) -> None:
        (tmp_path / "log").write_text("a file where a folder should be")
        with pytest.raises(Unavailable, match="harbour"):
            await self.make(tmp_path).put(ORIGIN, "checkpoint", b"one")

    async def test_asking_for_a_folder_or_below_a_file_finds_nothing(self, tmp_path: Path) -> None:
        publication = self.make(tmp_path)
        await publication.put(ORIGIN, "tile/0/000", FULL_HASHES)
        assert await publication.get(ORIGIN, "tile/0") is None
        assert await publication.get(ORIGIN, "tile/0/000/000") is None


class InPlace:
    """Planted bugs: writes into the file that readers see, anywhere, whatever stands there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, origin: str, path: str, data: bytes) -> None:
        target = self._folder / origin / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for start in range(0, len(data), 1000):
                file.write(data[start : start + 1000])
                file.flush()
                await asyncio.sleep(0)

    async def get(self, origin: str, path: str) -> bytes | None:
        target = self._folder / origin / path
        return target.read_bytes() if target.exists() else None

    async def origins(self) -> Sequence[str]:
        return sorted(each.relative_to(self._folder).as_posix() for each in self._folder.glob("*/*/*"))

    async def check(self) -> None:
        (self._folder / "concordat.test" / "tried" / "1").mkdir(parents=True, exist_ok=True)


class PlantedSuite(PublicationContract):
    def make(self, place: Path) -> Publication:
        return InPlace(place)


class Confident(FolderPublication):
    """Planted bug: can be read, so it says that all is well, as doctor itself did once."""

    async def check(self) -> None:
        await self.origins()


class ConfidentSuite(TestFolderPublication):
    __test__ = False

    def make(self, place: Path) -> Confident:
        return Confident(place / "log")


class Stubborn(FolderPublication):
    """Planted bug: whatever was put once stays."""

    def _promises(self, _origin: str, _part: object) -> bool:
        return True


class StubbornSuite(PublicationContract):
    def make(self, place: Path) -> Publication:
        return Stubborn(place)


class Yielding(InPlace):
    """Lets the writer go on between two reads, as a real reader in another process would."""

    async def get(self, origin: str, path: str) -> bytes | None:
        await asyncio.sleep(0)
        return await super().get(origin, path)


class YieldingSuite(PublicationContract):
    def make(self, place: Path) -> Publication:
        return Yielding(place)


async def test_a_publication_that_shows_half_written_files_is_reported(tmp_path: Path) -> None:
    await YieldingSuite().test_what_was_published_is_there_for_every_reader(tmp_path, "checkpoint")
    with pytest.raises(AssertionError):
        await YieldingSuite().test_a_checkpoint_is_replaced_and_never_seen_in_part(tmp_path)


async def test_a_publication_that_rewrites_the_tree_is_reported(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception):
        await PlantedSuite().test_a_published_part_of_the_tree_never_changes(tmp_path, "tile/0/000", noted(256))


async def test_a_publication_that_keeps_what_no_checkpoint_promised_is_reported(tmp_path: Path) -> None:
    with pytest.raises(Conflict):
        await StubbornSuite().test_what_is_wider_than_the_published_checkpoint_has_it_gives_way_until_that_covers_it(
            tmp_path, "tile/0/000", 255
        )


async def test_a_publication_that_names_logs_without_a_checkpoint_is_reported(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        await PlantedSuite().test_logs_are_named_once_their_checkpoint_is_published(tmp_path)


async def test_a_publication_that_does_not_say_that_it_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception):
        await ConfidentSuite().test_where_nothing_can_be_published_it_says_so(tmp_path)


async def test_a_publication_that_leaves_behind_what_it_tried_is_reported(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        await PlantedSuite().test_where_logs_can_be_published_it_says_so_and_leaves_nothing_behind(tmp_path)


async def test_a_publication_that_goes_anywhere_is_reported(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception):
        await PlantedSuite().test_a_path_that_could_lead_elsewhere_is_refused(tmp_path, "../x")
