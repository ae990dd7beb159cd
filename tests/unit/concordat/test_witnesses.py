"""What the settings say of witnesses: files that can be used, a key that stays, and nobody who vouches for himself."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.outbound.sql.migrate import migrate
from concordat.checks import State
from concordat.checks.ports import examine
from concordat.checks.witnesses import examine_witnesses
from concordat.container import running
from concordat.failures import USAGE, Failure
from concordat.settings import load
from concordat.witnesses import Witnesses, complaint
from tests.contracts.ledger import HONEST, SUMMIT
from tests.support.processes import free_port
from tests.support.witnesses import cosigner

PEAK, VALE = cosigner("peak").key, cosigner("vale").key


async def read(folder: Path, **settings: object) -> Witnesses:
    async with running(load(profile="local", data_folder=folder / "data", **settings)) as system:
        return system.infrastructure.witnesses


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "witnesses.policy"
        path.write_text(text)
        return path

    return write


async def test_without_settings_there_is_no_witness_and_no_quorum(tmp_path: Path) -> None:
    found = await read(tmp_path)
    assert (found.own, found.followed, found.policy, found.urls) == (None, {}, "quorum none\n", {})
    assert not (tmp_path / "data" / "secrets" / "witness").exists()


async def test_the_key_is_made_once_and_keeps_its_name(tmp_path: Path) -> None:
    first, second = [await read(tmp_path, witness_name="w.test/witness") for _ in range(2)]
    assert first.own is not None and second.own is not None
    assert first.own[0] == second.own[0]
    assert first.own[0].name == "w.test/witness"
    assert "Signer" not in repr(first)


async def test_logs_are_followed_by_their_origin_with_all_their_keys(
    tmp_path: Path, file: Callable[[str], Path]
) -> None:
    logs = file(f"log {HONEST.key}\nlog {SUMMIT.key}\nquorum none\n")
    found = await read(tmp_path, witness_name="w", witness_logs=logs)
    assert found.followed == {HONEST.origin: (HONEST.key,), SUMMIT.origin: (SUMMIT.key,)}


async def test_the_policy_is_kept_as_it_is_written(tmp_path: Path, file: Callable[[str], Path]) -> None:
    text = f"# ours\nwitness p {PEAK} https://p.test/w\nwitness v {VALE}\ngroup g any p v\nquorum g\n"
    found = await read(tmp_path, witness_policy=file(text))
    assert (found.policy, dict(found.urls)) == (text, {"p": "https://p.test/w"})
    assert dict(found.keys) == {"p": PEAK, "v": VALE}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no witness policy"),
        (f"witness p {HONEST.key}\nquorum p\n", "is no witness policy"),
        (f"witness p {PEAK} ftp://p.test/\nquorum p\n", "begins with https:// or http://"),
        (f"witness p {PEAK}\nquorum q\n", "line 2: the quorum is of a name that no line before has"),
    ],
)
async def test_a_policy_that_cannot_be_used_stops_the_start(
    tmp_path: Path, file: Callable[[str], Path], text: str, said: str
) -> None:
    with pytest.raises(Failure, match=said) as failure:
        await read(tmp_path, witness_policy=file(text))
    assert failure.value.status == USAGE


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://p.test/witness", None),
        ("http://127.0.0.1:8000/witness/", None),
        ("http://[::1]:8000/witness", None),
        ("p.test/witness", "https://"),
        ("https:///witness", "names a host"),
        ("https://p.test:0/", "names a host"),
        ("https://p.test/a b", "names a host"),
        ("https://p.test/\n", "names a host"),
        ("https://p.test:99999/", "no URL"),
        ("http://[", "no URL"),
        ("https://u:secret@p.test/", "policies are public"),
        ("https://p.test/?a", "does not end in a path"),
        ("https://p.test/#a", "does not end in a path"),
    ],
)
def test_a_url_is_taken_only_where_a_path_can_be_added(url: str, said: str | None) -> None:
    found = complaint(url)
    assert found is None if said is None else found is not None and said in found
    assert "secret" not in (found or "")


@pytest.mark.parametrize("name", ["none", "two words", "a+b", "w" * 256])
def test_a_name_that_no_policy_could_hold_is_refused(name: str) -> None:
    with pytest.raises(Failure, match="witness_name is not right"):
        load(profile="local", witness_name=name)


def test_a_start_that_fails_says_nothing_beside_its_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What was under way beside it complained with a traceback, in front of the sentence, when the loop was closed."""
    with pytest.raises(Failure, match="nowhere"):
        asyncio.run(read(tmp_path, witness_logs=tmp_path / "nowhere"))
    assert not caplog.records


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for setting in ("witness_policy", "witness_logs"):
        with pytest.raises(Failure, match=rf"{setting}.*nowhere"):
            await read(tmp_path, **{setting: tmp_path / "nowhere"})


async def test_logs_without_a_witness_who_follows_them_are_a_mistake(
    tmp_path: Path, file: Callable[[str], Path]
) -> None:
    with pytest.raises(Failure, match="witness_name is not"):
        await read(tmp_path, witness_logs=file(f"log {HONEST.key}\nquorum none\n"))


async def test_nobody_vouches_for_himself_under_whichever_name(tmp_path: Path, file: Callable[[str], Path]) -> None:
    first = await read(tmp_path, witness_name="w.test")
    assert first.own is not None
    policy = file(f"witness me {first.own[0]} https://w.test/witness\nquorum me\n")
    for name in ("w.test", "other.test"):
        with pytest.raises(Failure, match="vouches for nothing"):
            await read(tmp_path, witness_name=name, witness_policy=policy)


async def test_doctor_says_that_a_policy_without_a_quorum_makes_nothing_witnessed(
    tmp_path: Path, file: Callable[[str], Path]
) -> None:
    policy = file(f"witness v {VALE}\nquorum none\n")
    settings = load(profile="local", data_folder=tmp_path / "data", witness_policy=policy)
    async with running(settings) as system:
        await migrate(settings.database)
        checks = await examine_witnesses(system)
    assert [(each.state, each.found) for each in checks] == [
        (State.WARNING, "has no URL, so it is never asked"),
        (State.WARNING, "asks for no quorum, so no receipt ever says witnessed"),
    ]


async def test_doctor_looks_at_witnesses_while_the_ledger_is_broken(tmp_path: Path) -> None:
    settings = load(profile="local", data_folder=tmp_path / "data", witness_name="w.test")
    async with running(settings):
        await migrate(settings.database)
    folder = tmp_path / "data" / "ledger"
    folder.mkdir(exist_ok=True)
    (folder / "ledger.jsonl").write_text("nonsense\n")
    checks = {each.subject: each.state for each in await examine(settings)}
    assert (checks["ledger"], checks["witness"]) == (State.FAILED, State.OK)


async def test_doctor_has_a_line_for_the_own_witness_and_for_each_that_is_asked(
    tmp_path: Path, file: Callable[[str], Path]
) -> None:
    policy = file(f"witness p {PEAK} http://127.0.0.1:{free_port()}/witness\nwitness v {VALE}\nquorum p\n")
    settings = load(profile="local", data_folder=tmp_path / "data", witness_name="w.test", witness_policy=policy)
    async with running(settings) as system:
        await migrate(settings.database)
        checks = await examine_witnesses(system)
    assert [(each.state, each.found) for each in checks] == [
        (State.OK, "cosigns for no log: CONCORDAT_WITNESS_LOGS names them"),
        (State.OK, "not asked, since no log has a checkpoint yet"),
        (State.WARNING, "has no URL, so it is never asked"),
    ]
