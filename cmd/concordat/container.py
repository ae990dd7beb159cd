"""The wiring, and the only place that knows dependency-injector: which builder makes what, out of what, in which order.

Builders are typed functions; nothing is injected by name, and what leaves this file is a frozen dataclass.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from dependency_injector import containers, providers

from adapters.outbound.inprocess.rates import InProcessRates
from adapters.outbound.signatures import SIGNATURES
from adapters.outbound.sql.database import Database
from adapters.outbound.sql.log import SqlBacklog
from adapters.outbound.sql.parking import SqlParking
from adapters.outbound.sql.reader import SqlReader
from concordat import builders, clocks
from concordat.failures import Failure
from concordat.garbage import collect_from_now_on
from concordat.locks import sqlite_file
from concordat.lost import open_secrets
from concordat.module import Built, Infrastructure
from concordat.modules import all_modules
from concordat.network import refuse_another
from concordat.schema import State as SchemaState
from concordat.schema import schema_state, unknown
from concordat.settings import Settings
from concordat.witnesses import open_witnesses


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Everything that one process is made of, started and ready to be driven by the edges."""

    settings: Settings
    infrastructure: Infrastructure
    modules: tuple[Built, ...]

    @property
    def database(self) -> Database:
        return self.infrastructure.database

    def alarms(self) -> list[str]:
        """Reasons of the modules why this process must not serve."""
        return [alarm for built in self.modules for alarm in built.alarms()]


class Container(containers.DeclarativeContainer):
    """Resources start in the order in which they need each other and stop in the reverse one."""

    settings = providers.Dependency(instance_of=Settings)
    modules = providers.Singleton(all_modules)

    now = providers.Object(clocks.now)
    ticks = providers.Object(clocks.ticks)
    new_id = providers.Object(clocks.new_id)
    random_bytes = providers.Object(clocks.random_bytes)
    signatures = providers.Object(SIGNATURES)
    key_pair = providers.Object(builders.key_pair)

    database = providers.Resource(builders.open_database, settings, now, new_id, random_bytes)
    secrets = providers.Resource(open_secrets, settings, database)
    keys = providers.Resource(builders.open_keys, secrets, random_bytes)
    ledger = providers.Resource(builders.open_ledger, settings, keys, database, now)
    pairs = providers.Resource(builders.open_pairs, settings, keys, ledger, now)

    witnesses = providers.Resource(open_witnesses, settings, secrets, random_bytes)
    cosigners = providers.Resource(builders.open_cosigners, witnesses)

    publication = providers.Singleton(builders.build_publication, settings)
    parking = providers.Singleton(SqlParking, database)
    bus = providers.Singleton(builders.build_bus, settings, parking)
    tokens = providers.Singleton(builders.build_tokens, settings, keys, now)
    rates = providers.Singleton(InProcessRates, ticks)
    allow = providers.Singleton(builders.build_allow, modules)
    read = providers.Singleton(SqlReader, database)
    backlog = providers.Singleton(SqlBacklog, database)
    rhythm = providers.Singleton(builders.build_rhythm, settings)

    infrastructure = providers.Singleton(
        Infrastructure,
        network=settings.provided.network,
        database=database,
        read=read,
        allow=allow,
        backlog=backlog,
        secrets=secrets,
        ledger=ledger,
        pairs=pairs,
        parking=parking,
        bus=bus,
        publication=publication,
        cosigners=cosigners,
        witnesses=witnesses,
        tokens=tokens,
        rates=rates,
        cursor_key=keys.provided.cursor_key,
        signatures=signatures,
        key_pair=key_pair,
        now=now,
        new_id=new_id,
        random_bytes=random_bytes,
        rhythm=rhythm,
    )
    built = providers.Singleton(builders.build_modules, modules, infrastructure)
    system = providers.Singleton(System, settings=settings, infrastructure=infrastructure, modules=built)


@asynccontextmanager
async def running(settings: Settings, overrides: Mapping[str, Any] | None = None) -> AsyncIterator[System]:
    """The system between its start and its stop; `overrides` puts other objects in the place of providers, by name."""
    async with wired(settings, overrides) as container:
        system: System = await made(container.system)
        collect_from_now_on()
        yield system


@asynccontextmanager
async def migrated(settings: Settings) -> AsyncIterator[System]:
    """The system over a database that was migrated; raises Failure for any other one, and makes none."""
    file = sqlite_file(settings.database)
    if file is not None and not file.exists():
        makes_it = "concordat serve makes it" if settings.local else "concordat migrate makes it"
        raise Failure(f"There is no {file} yet.", f"{makes_it}; or name another CONCORDAT_DATA_FOLDER.")
    async with running(settings) as system:
        async with system.database.reading(None) as session:
            state = await schema_state(session)
        if state is SchemaState.BEHIND:
            raise Failure("The database is older than this version needs.", "Run concordat migrate.")
        if state is SchemaState.UNKNOWN:
            raise unknown()
        await refuse_another(system.infrastructure.backlog, settings.network)
        yield system


@asynccontextmanager
async def wired(settings: Settings, overrides: Mapping[str, Any] | None = None) -> AsyncIterator[Container]:
    """The container between the start and the stop of its resources."""
    container = Container(settings=providers.Object(settings))
    for name, replacement in (overrides or {}).items():
        container.providers[name].override(providers.Object(replacement))
    try:
        # One after the other: of several at once, one that fails leaves the others half-made, and they complain aloud.
        for resource in container.traverse(types=[providers.Resource]):
            await _settled(resource.init())
        yield container
    finally:
        await _settled(container.shutdown_resources())


async def made(provider: providers.Provider[Any]) -> Any:
    """What a provider makes: one that hangs on an async resource answers with a future, every other one at once."""
    return await _settled(provider())


async def _settled(value: Any) -> Any:
    return await value if isawaitable(value) else value
