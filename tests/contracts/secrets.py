"""What every implementation of ports.secrets must do."""

import asyncio
from pathlib import Path

import pytest

from ports.secrets import Secrets
from shared.errors import Unavailable

VALUE = bytes(range(32))


class SecretsContract:
    """A backend brings `make`: the store at a place; made twice for one place, it is what two processes would see.

    `spoil` lets no secret be made at a place any more.
    """

    def make(self, place: Path) -> Secrets:
        raise NotImplementedError

    def spoil(self, place: Path) -> None:
        raise NotImplementedError

    async def test_a_secret_that_nobody_created_is_none(self, tmp_path: Path) -> None:
        secrets = self.make(tmp_path)
        await secrets.check()
        assert await secrets.get("logs/harbour/1") is None

    @pytest.mark.parametrize("value", [VALUE, b"\0", b"\xff\n\r", b"text", bytes(65_536)])
    async def test_a_created_secret_is_there_for_every_process(self, tmp_path: Path, value: bytes) -> None:
        assert await self.make(tmp_path).create("logs/harbour/1", value) == value
        assert await self.make(tmp_path).get("logs/harbour/1") == value

    async def test_where_secrets_can_be_made_it_says_so(self, tmp_path: Path) -> None:
        secrets = self.make(tmp_path)
        await secrets.check()
        await secrets.create("tokens", VALUE)
        await secrets.check()
        assert await secrets.get("tokens") == VALUE

    async def test_where_no_secret_can_be_made_it_says_so(self, tmp_path: Path) -> None:
        self.spoil(tmp_path)
        secrets = self.make(tmp_path)
        with pytest.raises(Unavailable):
            await secrets.create("tokens", VALUE)
        with pytest.raises(Unavailable) as told:
            await secrets.check()
        assert told.value.parameters["remedy"]

    async def test_a_second_creator_gets_what_the_first_one_stored(self, tmp_path: Path) -> None:
        await self.make(tmp_path).create("tokens", VALUE)
        assert await self.make(tmp_path).create("tokens", bytes(32)) == VALUE
        assert await self.make(tmp_path).get("tokens") == VALUE

    async def test_creators_at_once_agree(self, tmp_path: Path) -> None:
        for attempt in range(10):
            values = [bytes([number]) * 32 for number in range(16)]
            created = await asyncio.gather(*(self.make(tmp_path).create(f"race/{attempt}", value) for value in values))
            assert set(created) == {await self.make(tmp_path).get(f"race/{attempt}")}

    async def test_names_that_look_alike_are_different_secrets(self, tmp_path: Path) -> None:
        secrets = self.make(tmp_path)
        names = ["a", "a/b", "a.b", "a-b", "a_b", "ab", "a/b/c", "a/b.c", ".a", "a."]
        for name in names:
            await secrets.create(name, name.encode())
        assert [await secrets.get(name) for name in names] == [name.encode() for name in names]

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            ".",
            "..",
            "../a",
            "a/..",
            "a/./b",
            "a b",
            "a\\b",
            "a+b",
            "a~b",
            "\u00e9",
            "a\0",
            "a\n",
        ],
    )
    async def test_what_is_no_name_is_refused(self, tmp_path: Path, name: str) -> None:
        secrets = self.make(tmp_path)
        with pytest.raises(ValueError, match="not the name of a secret"):
            await secrets.get(name)
        with pytest.raises(ValueError, match="not the name of a secret"):
            await secrets.create(name, VALUE)

    async def test_a_store_does_not_show_its_secrets(self, tmp_path: Path) -> None:
        secrets = self.make(tmp_path)
        await secrets.create("shown", b"do-not-show-this")
        assert "do-not-show-this" not in f"{secrets!r} {secrets}"
