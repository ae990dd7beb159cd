"""Files and environment keep the promises of the secrets port; modes and leftovers are theirs alone."""

import asyncio
from pathlib import Path
from stat import S_IMODE

import pytest

from adapters.outbound.files.secrets import FileSecrets, SecretsUnavailable, UnsafeSecrets
from shared.canonical import b64url
from shared.errors import Unavailable
from tests.contracts.secrets import VALUE, SecretsContract
from tests.support.unprivileged import bound_by_modes, open_folder


class TestFileSecrets(SecretsContract):
    def make(self, place: Path) -> FileSecrets:
        return FileSecrets(place / "kept" / "secrets")

    def spoil(self, place: Path) -> None:
        (place / "kept").write_text("a file where a folder should be")

    async def test_a_folder_without_the_right_to_write_is_said_to_be_unavailable(self) -> None:
        with open_folder() as place, bound_by_modes(place):
            secrets = self.make(place)
            await secrets.check()
            await secrets.create("tokens", VALUE)
            (place / "kept" / "secrets").chmod(0o500)
            with pytest.raises(SecretsUnavailable, match="Permission denied"):
                await secrets.check()
            assert await secrets.get("tokens") == VALUE

    async def test_files_are_the_users_own_and_nothing_else_lies_beside_them(self, tmp_path: Path) -> None:
        secrets = self.make(tmp_path)
        await asyncio.gather(*(secrets.create("tokens", bytes([number])) for number in range(8)))
        await secrets.create("logs/harbour/1", VALUE)
        await secrets.check()
        folder = tmp_path / "kept" / "secrets"
        assert S_IMODE(folder.stat().st_mode) == 0o700
        assert {file.name: S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {
            "logs+harbour+1": 0o600,
            "tokens": 0o600,
        }

    async def test_asking_for_a_secret_makes_no_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "kept"
        assert await self.make(tmp_path).get("tokens") is None
        assert not folder.exists()

    @pytest.mark.parametrize("mode", [0o710, 0o701, 0o755, 0o770, 0o777])
    async def test_a_folder_open_to_others_is_refused_by_name(self, tmp_path: Path, mode: int) -> None:
        secrets = self.make(tmp_path)
        await secrets.create("tokens", VALUE)
        folder = tmp_path / "kept" / "secrets"
        folder.chmod(mode)
        for use in (secrets.get("tokens"), secrets.create("other", VALUE), secrets.check()):
            with pytest.raises(UnsafeSecrets) as refusal:
                await use
            assert refusal.value.parameters["path"] == str(folder)
        assert sorted(file.name for file in folder.iterdir()) == ["tokens"]

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
    async def test_a_secret_open_to_others_is_refused_by_name(self, tmp_path: Path, mode: int) -> None:
        secrets = self.make(tmp_path)
        await secrets.create("tokens", VALUE)
        file = tmp_path / "kept" / "secrets" / "tokens"
        file.chmod(mode)
        for use in (secrets.get("tokens"), secrets.create("tokens", VALUE)):
            with pytest.raises(UnsafeSecrets, match=str(file)) as refusal:
                await use
            assert f"{mode:04o}" in str(refusal.value)

    async def test_a_link_in_place_of_a_secret_is_refused(self, tmp_path: Path) -> None:
        secrets = self.make(tmp_path)
        await secrets.check()
        elsewhere = tmp_path / "elsewhere"
        elsewhere.write_bytes(VALUE)
        elsewhere.chmod(0o600)
        (tmp_path / "kept" / "secrets" / "tokens").symlink_to(elsewhere)
        with pytest.raises(SecretsUnavailable, match="tokens"):
            await secrets.get("tokens")

    async def test_what_a_killed_creator_left_is_no_secret(self, tmp_path: Path) -> None:
        secrets = self.make(tmp_path)
        await secrets.check()
        (tmp_path / "kept" / "secrets" / "tokens~0011223344556677").write_bytes(b"half")
        assert await secrets.get("tokens") is None
        assert await secrets.create("tokens", VALUE) == VALUE

    async def test_a_folder_that_cannot_be_made_is_said_to_be_unavailable(self, tmp_path: Path) -> None:
        self.spoil(tmp_path)
        secrets = self.make(tmp_path)
        for use in (secrets.create("tokens", VALUE), secrets.check()):
            with pytest.raises(Unavailable, match="kept"):
                await use

    async def test_the_environment_goes_before_the_folder_and_is_never_written(self, tmp_path: Path) -> None:
        await FileSecrets(tmp_path / "s").create("logs/a.club/1", bytes(32))
        secrets = FileSecrets(tmp_path / "s", {"CONCORDAT_SECRET_LOGS_A_CLUB_1": b64url(VALUE), "HOME": "/"})
        assert await secrets.get("logs/a.club/1") == VALUE
        assert await secrets.create("logs/a.club/1", b"other") == VALUE
        assert await FileSecrets(tmp_path / "s").get("logs/a.club/1") == bytes(32)
        assert await secrets.create("tokens", b"kept in the folder") == b"kept in the folder"

    @pytest.mark.parametrize("text", ["", "hunter2=", "hunter 2", "hunter2!"])
    async def test_a_malformed_variable_is_named_and_its_value_is_not(self, tmp_path: Path, text: str) -> None:
        secrets = FileSecrets(tmp_path / "s", {"CONCORDAT_SECRET_TOKENS": text})
        for use in (secrets.get("tokens"), secrets.create("tokens", VALUE)):
            with pytest.raises(SecretsUnavailable, match="CONCORDAT_SECRET_TOKENS") as refusal:
                await use
            assert "hunter" not in str(refusal.value)
            assert refusal.value.__cause__ is None


class Overwriting:
    """Planted bug: looks whether the name is free and only then writes."""

    stored: dict[tuple[Path, str], bytes]

    def __init__(self, place: Path, stored: dict[tuple[Path, str], bytes]) -> None:
        self._place = place
        self._stored = stored

    async def get(self, name: str) -> bytes | None:
        return self._stored.get((self._place, name))

    async def create(self, name: str, value: bytes) -> bytes:
        if (found := await self.get(name)) is not None:
            return found
        await asyncio.sleep(0)
        self._stored[self._place, name] = value
        return value

    async def check(self) -> None:
        return None


class PlantedSuite(SecretsContract):
    def __init__(self) -> None:
        self._stored: dict[tuple[Path, str], bytes] = {}

    def make(self, place: Path) -> Overwriting:
        return Overwriting(place, self._stored)


class Confident(FileSecrets):
    """Planted bug: whoever can read secrets is told that all is well."""

    async def check(self) -> None:
        await self.get("tokens")


class ConfidentSuite(TestFileSecrets):
    __test__ = False

    def make(self, place: Path) -> Confident:
        return Confident(place / "kept" / "secrets")


async def test_a_store_that_does_not_say_that_it_takes_no_secret_is_reported(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception):
        await ConfidentSuite().test_where_no_secret_can_be_made_it_says_so(tmp_path)


async def test_a_store_whose_second_creator_overwrites_is_reported(tmp_path: Path) -> None:
    suite = PlantedSuite()
    await suite.test_a_second_creator_gets_what_the_first_one_stored(tmp_path)
    with pytest.raises(AssertionError):
        await suite.test_creators_at_once_agree(tmp_path)


async def test_a_store_that_takes_any_name_is_reported(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception):
        await PlantedSuite().test_what_is_no_name_is_refused(tmp_path, "../a")
