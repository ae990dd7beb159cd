"""What every implementation of ports.log.Publication must do."""

import asyncio
from pathlib import Path

import pytest

from adapters.outbound.ed25519 import Signer
from core.log.checkpoints import Checkpoint, sign_checkpoint
from core.log.notes import VerifierKey
from ports.log import Publication
from shared.errors import Conflict, Invalid, Unavailable

ORIGIN = "concordat.test/harbour/1"
FULL_HASHES = bytes(range(256)) * 32
FULL_ENTRIES = b"\x00\x21" + bytes(33)


def noted(size: int) -> bytes:
    """A checkpoint of so many leaves, signed by somebody."""
    signer = Signer(bytes(32))
    checkpoint = Checkpoint(origin=ORIGIN, size=size, root=bytes(32))
    return sign_checkpoint(checkpoint, VerifierKey(name=ORIGIN, public=signer.key), signer).encode()


class PublicationContract:
    """A backend brings `make`: the store at a place; made twice for one place, it is what two processes would see.

    `spoil` lets nothing be published at a place any more.
    """

    def make(self, place: Path) -> Publication:
        raise NotImplementedError

    def spoil(self, place: Path) -> None:
        raise NotImplementedError

    async def test_what_was_never_published_is_none(self, tmp_path: Path) -> None:
        publication = self.make(tmp_path)
        for path in ("checkpoint", "tile/0/000", "tile/entries/x001/234.p/7"):
            assert await publication.get(ORIGIN, path) is None

    @pytest.mark.parametrize(
        "path",
        [
            "checkpoint",
            "tile/0/000",
            "tile/0/000.p/7",
            "tile/63/x001/x234/067",
            "tile/entries/000",
            "tile/entries/x001/000.p/255",
        ],
    )
    async def test_what_was_published_is_there_for_every_reader(self, tmp_path: Path, path: str) -> None:
        await self.make(tmp_path).put(ORIGIN, path, FULL_HASHES)
        assert await self.make(tmp_path).get(ORIGIN, path) == FULL_HASHES

    async def test_logs_are_kept_apart(self, tmp_path: Path) -> None:
        publication = self.make(tmp_path)
        origins = [
            "concordat.test/harbour/1",
            "concordat.test/harbour/11",
            "concordat.test/summit/1",
            "other.test/harbour/1",
        ]
        for origin in origins:
            await publication.put(origin, "checkpoint", origin.encode())
        assert [await publication.get(origin, "checkpoint") for origin in origins] == [o.encode() for o in origins]

    async def test_logs_are_named_once_their_checkpoint_is_published(self, tmp_path: Path) -> None:
        publication = self.make(tmp_path)
        assert await publication.origins() == []
        for origin in ("concordat.test/summit/1", "concordat.test/harbour/1"):
            await publication.put(origin, "tile/0/000.p/7", FULL_HASHES[: 7 * 32])
            await publication.put(origin, "checkpoint", b"one")
        await publication.put("concordat.test/meadow/1", "tile/0/000.p/7", FULL_HASHES[: 7 * 32])
        assert await publication.origins() == ["concordat.test/harbour/1", "concordat.test/summit/1"]

    async def test_where_logs_can_be_published_it_says_so_and_leaves_nothing_behind(self, tmp_path: Path) -> None:
        publication = self.make(tmp_path)
        await publication.check()
        await publication.put(ORIGIN, "checkpoint", b"one")
        await publication.check()
        assert await publication.origins() == [ORIGIN]
        assert await publication.get(ORIGIN, "checkpoint") == b"one"

    async def test_where_nothing_can_be_published_it_says_so(self, tmp_path: Path) -> None:
        self.spoil(tmp_path)
        publication = self.make(tmp_path)
        with pytest.raises(Unavailable):
            await publication.put(ORIGIN, "checkpoint", b"one")
        with pytest.raises(Unavailable) as told:
            await publication.check()
        assert told.value.parameters["remedy"]

    async def test_a_checkpoint_is_replaced_and_never_seen_in_part(self, tmp_path: Path) -> None:
        publication, reader = self.make(tmp_path), self.make(tmp_path)
        versions = [bytes([65 + number]) * 50_000 for number in range(20)]
        await publication.put(ORIGIN, "checkpoint", versions[0])
        done = asyncio.Event()
        seen: list[bytes | None] = []

        async def read() -> None:
            while not done.is_set():
                seen.append(await reader.get(ORIGIN, "checkpoint"))

        reading = asyncio.create_task(read())
        for version in versions:
            await publication.put(ORIGIN, "checkpoint", version)
        done.set()
        await reading
        assert seen
        assert all(found in versions for found in seen)
        assert await reader.get(ORIGIN, "checkpoint") == versions[-1]

    @pytest.mark.parametrize("path", ["tile/0/000", "tile/1/x001/000", "tile/entries/000", "tile/0/000.p/7"])
    @pytest.mark.parametrize("checkpoint", [noted(2**32), b"no note"], ids=["covered", "unreadable"])
    async def test_a_published_part_of_the_tree_never_changes(
        self, tmp_path: Path, path: str, checkpoint: bytes
    ) -> None:
        publication = self.make(tmp_path)
        await publication.put(ORIGIN, path, FULL_HASHES)
        await publication.put(ORIGIN, "checkpoint", checkpoint)
        await publication.put(ORIGIN, path, FULL_HASHES)
        for other in (bytes(8192), FULL_HASHES[:-1], FULL_HASHES + b"\0", b""):
            with pytest.raises(Conflict) as refusal:
                await publication.put(ORIGIN, path, other)
            assert refusal.value.parameters == {"origin": ORIGIN, "path": path}
        assert await self.make(tmp_path).get(ORIGIN, path) == FULL_HASHES

    @pytest.mark.parametrize(
        ("path", "size"),
        [("tile/0/000", 255), ("tile/entries/000", 255), ("tile/0/001.p/8", 263), ("tile/1/000", 65_535)],
    )
    async def test_what_is_wider_than_the_published_checkpoint_has_it_gives_way_until_that_covers_it(
        self, tmp_path: Path, path: str, size: int
    ) -> None:
        publication, other = self.make(tmp_path), bytes(8192)
        await publication.put(ORIGIN, "checkpoint", noted(size))
        await publication.put(ORIGIN, path, FULL_HASHES)
        await publication.put(ORIGIN, path, other)
        assert await publication.get(ORIGIN, path) == other
        await publication.put(ORIGIN, "checkpoint", noted(size + 1))
        with pytest.raises(Conflict):
            await publication.put(ORIGIN, path, FULL_HASHES)

    async def test_nothing_stands_in_the_way_before_the_first_checkpoint(self, tmp_path: Path) -> None:
        publication = self.make(tmp_path)
        for entries in (FULL_ENTRIES, FULL_ENTRIES[:-1] + b"\1"):
            await publication.put(ORIGIN, "tile/entries/000.p/1", entries)
            assert await publication.get(ORIGIN, "tile/entries/000.p/1") == entries

    async def test_partial_tiles_grow_until_the_full_one_stands_for_them(self, tmp_path: Path) -> None:
        publication = self.make(tmp_path)
        for width in (1, 100, 255):
            await publication.put(ORIGIN, f"tile/0/000.p/{width}", FULL_HASHES[: 32 * width])
            assert await publication.get(ORIGIN, f"tile/0/000.p/{width}") == FULL_HASHES[: 32 * width]
        await publication.put(ORIGIN, "tile/0/001.p/1", bytes(32))
        await publication.put(ORIGIN, "tile/0/000", FULL_HASHES)
        assert await publication.get(ORIGIN, "tile/0/000") == FULL_HASHES
        assert await publication.get(ORIGIN, "tile/0/001.p/1") == bytes(32)

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "tile/../../x",
            "tile//0",
            "tile/",
            ".",
            "./checkpoint",
            ".hidden",
            "a\\b",
            "a\0",
            "check point",
            "checkpoint~1",
            "\u00e9",
        ],
    )
    async def test_a_path_that_could_lead_elsewhere_is_refused(self, tmp_path: Path, path: str) -> None:
        await self.refuses(self.make(tmp_path), ORIGIN, path)

    @pytest.mark.parametrize(
        "origin", ["", "/", "..", "a/../b", "../a/b", "/a/b/1", "a/b", "a/b/1/", "a/b/../1", "A/b/1", "a/b/0"]
    )
    async def test_an_origin_that_names_no_log_is_refused(self, tmp_path: Path, origin: str) -> None:
        await self.refuses(self.make(tmp_path), origin, "checkpoint")

    async def refuses(self, publication: Publication, origin: str, path: str) -> None:
        with pytest.raises(Invalid):
            await publication.put(origin, path, b"x")
        with pytest.raises(Invalid):
            await publication.get(origin, path)
