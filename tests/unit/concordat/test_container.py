"""The wiring: everything can be built, starts in order, stops in reverse order, and can be replaced by name."""

from pathlib import Path

import pytest

from adapters.outbound.sql.database import Database
from concordat import builders
from concordat.container import Container, made, running, wired
from concordat.failures import USAGE, Failure
from concordat.module import Infrastructure, Module
from concordat.modules import BUILT_IN
from concordat.settings import Settings, load
from ports.ledger import LedgerUnavailable
from shared.errors import ConcordatError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(profile="local", data_folder=tmp_path)


async def test_every_provider_builds(settings: Settings) -> None:
    async with wired(settings) as container:
        built = {name: await made(provider) for name, provider in container.providers.items()}
    assert isinstance(built["infrastructure"], Infrastructure)
    assert isinstance(built["database"], Database)
    # There is no witness to ask, so there is nobody who asks.
    assert {name for name, value in built.items() if value is None} == {"cosigners"}


async def test_every_part_of_the_infrastructure_has_a_provider_of_its_name() -> None:
    assert set(Infrastructure.__dataclass_fields__) - set(Container.providers) == {"network", "cursor_key"}


async def test_keys_are_made_at_the_first_start_and_found_at_the_second(settings: Settings) -> None:
    async with running(settings) as first:
        cursor_key = first.infrastructure.cursor_key
    async with running(settings) as second:
        assert second.infrastructure.cursor_key == cursor_key
    assert len(cursor_key) == builders.SEED_SIZE


async def test_a_provider_is_replaced_by_name(settings: Settings) -> None:
    def random_bytes(count: int) -> bytes:
        return b"x" * count

    async with running(settings, {"random_bytes": random_bytes}) as system:
        assert system.infrastructure.random_bytes is random_bytes
        assert system.infrastructure.cursor_key == b"x" * builders.SEED_SIZE


async def test_replacing_what_there_is_not_is_a_mistake(settings: Settings) -> None:
    with pytest.raises(KeyError):
        async with running(settings, {"clokc": None}):
            pass


async def test_what_was_started_is_stopped_so_that_the_next_process_can_have_it(settings: Settings) -> None:
    async with running(settings) as first:
        await builders.hold_ledger(first.infrastructure.ledger)
        async with running(settings) as second:
            with pytest.raises(LedgerUnavailable):
                await builders.hold_ledger(second.infrastructure.ledger)
    async with running(settings) as third:
        await builders.hold_ledger(third.infrastructure.ledger)


async def test_what_was_started_is_stopped_when_something_later_fails(settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError):
        async with running(settings) as first:
            await builders.hold_ledger(first.infrastructure.ledger)
            raise ZeroDivisionError
    async with running(settings) as second:
        await builders.hold_ledger(second.infrastructure.ledger)


async def test_module_that_cannot_be_built_stops_the_start(settings: Settings) -> None:
    def broken(_: Infrastructure) -> None:
        raise ZeroDivisionError

    module: Module[None] = Module(name="broken", docs="", build=broken, permissions=frozenset())
    with pytest.raises(ZeroDivisionError):
        async with running(settings, {"modules": (module,)}):
            pass


async def test_secrets_that_others_can_read_stop_the_start(settings: Settings) -> None:
    (settings.data_folder / "secrets").mkdir(mode=0o755)
    with pytest.raises(ConcordatError, match="secrets/unsafe"):
        async with running(settings):
            pass


@pytest.mark.parametrize("name", ["token/access", "rest/cursor", "ledger/witness", "ledger/anchor"])
@pytest.mark.parametrize("value", [b"", b"hunter2", b"x" * 33])
async def test_secret_of_another_length_stops_the_start_and_is_named(
    settings: Settings, name: str, value: bytes
) -> None:
    """An empty key of cursors would let anybody make one."""
    async with running(settings):
        pass
    (settings.data_folder / "secrets" / name.replace("/", "+")).write_bytes(value)
    with pytest.raises(Failure, match=name) as refused:
        async with running(settings):
            pass
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"database_url": "mysql://x"}, "sqlite:, postgresql:"),
        ({"bus_url": "nats://x"}, "inprocess:"),
        ({"ledger_url": "besu://x"}, "local:, fabric:"),
        ({"secrets_url": "vault://x"}, "files:"),
        ({"publication_url": "s3://x"}, "files:"),
    ],
)
async def test_scheme_that_no_adapter_serves_is_refused_with_those_that_there_are(
    tmp_path: Path, given: dict[str, str], named: str
) -> None:
    told = load(profile="local", data_folder=tmp_path, **given)
    with pytest.raises(Failure) as refused:
        async with running(told):
            pass
    assert refused.value.status == USAGE
    assert next(iter(given)) in refused.value.sentence
    assert named in refused.value.advice


def _nothing(_: Infrastructure) -> None:
    return None


async def test_the_rest_works_without_any_one_module(settings: Settings) -> None:
    for missing in BUILT_IN:
        left = tuple(module for module in BUILT_IN if module is not missing)
        async with running(settings, {"modules": left}) as system:
            assert {built.module.name for built in system.modules} == {module.name for module in left}


async def test_a_module_of_another_wheel_is_built_beside_ours(settings: Settings) -> None:
    mine: Module[None] = Module(name="mine", docs="", build=_nothing, permissions=frozenset({"mine.thing.do"}))
    async with running(settings, {"modules": (mine,)}) as system:
        assert [built.module for built in system.modules] == [mine]
