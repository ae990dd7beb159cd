"""Typed functions that build what the container holds; the adapter of a port is chosen here, by its URL's scheme."""

import os
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from adapters.outbound.casbin.authoriser import CasbinAllow
from adapters.outbound.ed25519 import Signer
from adapters.outbound.files.publication import FolderPublication
from adapters.outbound.files.secrets import FileSecrets
from adapters.outbound.inprocess.bus import InProcessBus, Park
from adapters.outbound.local.ledger import LocalLedger
from adapters.outbound.local.pairs import LocalPairs
from adapters.outbound.paseto.tokens import PasetoTokens
from adapters.outbound.paseto.tokens import Settings as TokenSettings
from adapters.outbound.sql.database import Database
from adapters.outbound.sql.settings import Settings as SqlSettings
from concordat.failures import USAGE, Failure
from concordat.locks import sqlite_file
from concordat.module import Built, Infrastructure, Module, Rhythm, roles_of
from concordat.places import configs_folder
from concordat.settings import PREFIX, Settings
from concordat.witnesses import Witnesses
from core.log.notes import Sign
from ports.bus import Bus, Message
from ports.cosigners import Cosigners
from ports.ledger import Ledger
from ports.log import Publication
from ports.pairs import Pairs
from ports.parking import Parking
from ports.secrets import Secrets
from shared.clock import Now
from shared.errors import code_of
from shared.ids import NewId

T = TypeVar("T")
RandomBytes = Callable[[int], bytes]

SEED_SIZE = 32
TOKEN_SEED, CURSOR_KEY, WITNESS_SEED = "token/access", "rest/cursor", "ledger/witness"
ANCHOR_SEED = "ledger/anchor"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the process signs with, out of the secrets: 32 bytes each. Logs have keys of their own.

    `witness_seed` is the embedded ledger's; out of `anchor_seed` come ids of transactions that nobody can foresee.
    """

    token_seed: bytes
    cursor_key: bytes
    witness_seed: bytes
    anchor_seed: bytes


def chosen(setting: str, url: str, schemes: Mapping[str, T]) -> T:
    """What the URL's scheme stands for; raises Failure that names the schemes there are."""
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme not in schemes:
        known = ", ".join(f"{each}:" for each in schemes)
        raise Failure(
            f"No adapter serves {setting} with the scheme {scheme or '(none)'}:.",
            f"Set {PREFIX}{setting.upper()} to a URL that starts with one of {known}.",
            status=USAGE,
        )
    return schemes[scheme]


def embedded(settings: Settings) -> bool:
    """Is the database one that a single process serves alone?"""
    return chosen("database_url", settings.database, {"sqlite": True, "postgresql": False})


def owners_url(settings: Settings) -> str:
    """By which schema and files are changed: the owner's URL, or that of a SQLite file; empty where none is known."""
    return settings.database_owner_url or (settings.database if embedded(settings) else "")


def build_secrets(settings: Settings) -> Secrets:
    def files() -> Secrets:
        return FileSecrets(_folder(settings, settings.secrets_url, "secrets"), os.environ)

    return chosen("secrets_url", settings.secrets_url, {"files": files})()


async def open_keys(secrets: Secrets, random_bytes: RandomBytes) -> Keys:
    """Made at the first start, the same ever after; raises Failure for one that was cut short, or is none of ours."""
    names = {
        "token_seed": TOKEN_SEED,
        "cursor_key": CURSOR_KEY,
        "witness_seed": WITNESS_SEED,
        "anchor_seed": ANCHOR_SEED,
    }
    made = {field: await secrets.create(name, random_bytes(SEED_SIZE)) for field, name in names.items()}
    for field, name in names.items():
        if len(made[field]) != SEED_SIZE:
            # Signers would refuse theirs as a defect, and cursors would be signed with less, or with nothing.
            raise Failure(
                f"The secret {name} is not {SEED_SIZE} bytes long.",
                "Put back the one that this system was started with first, out of a copy of the secrets.",
            )
    return Keys(**made)


async def open_database(
    settings: Settings, now: Now, new_id: NewId, random_bytes: RandomBytes
) -> AsyncIterator[Database]:
    embedded(settings)
    told = SqlSettings(
        url=settings.database,
        pool_size=settings.pool_size,
        acquire_timeout_seconds=settings.acquire_timeout_seconds,
        statement_timeout_seconds=settings.statement_timeout_seconds,
        lock_timeout_seconds=settings.lock_timeout_seconds,
    )
    database = Database(told, now=now, new_id=new_id, random_bytes=random_bytes)
    try:
        yield database
    finally:
        await database.close()


async def open_ledger(settings: Settings, keys: Keys, database: Database, now: Now) -> AsyncIterator[Ledger]:
    """A Fabric network need not be there: whoever asks it first finds out."""

    @asynccontextmanager
    async def local() -> AsyncIterator[Ledger]:
        ledger = LocalLedger(_folder(settings, settings.ledger_url, "ledger"), keys.witness_seed, now)
        try:
            yield ledger
        finally:
            ledger.close()

    def fabric() -> AbstractAsyncContextManager[Ledger]:
        # Loaded only where it is used: gRPC takes as long as a fifth of the start of a command.
        from concordat.assembly.fabric import open_fabric_ledger

        return open_fabric_ledger(profile_of(settings), database, keys.anchor_seed)

    async with chosen("ledger_url", settings.ledger_url, {"local": local, "fabric": fabric})() as ledger:
        yield ledger


async def open_pairs(settings: Settings, keys: Keys, ledger: Ledger, now: Now) -> AsyncIterator[Pairs]:
    """Where pairs settle: on the same ledger, beside the logs' heads."""
    if not isinstance(ledger, LocalLedger):
        from adapters.outbound.fabric.ledger import FabricLedger
        from adapters.outbound.fabric.pairs import FabricPairs

        if isinstance(ledger, FabricLedger):
            yield FabricPairs(ledger)
            return
    pairs = LocalPairs(_folder(settings, settings.ledger_url, "ledger"), keys.witness_seed, now)
    try:
        yield pairs
    finally:
        pairs.close()


def ledger_folder(settings: Settings) -> Path | None:
    """Where the embedded ledger's files are; None for every other ledger."""
    local = _folder(settings, settings.ledger_url, "ledger")
    return chosen("ledger_url", settings.ledger_url, {"local": local, "fabric": None})


def profile_of(settings: Settings) -> Path:
    """The profile of the Fabric network that the ledger's URL names."""
    path = settings.ledger_url.partition(":")[2]
    if not path:
        raise Failure(
            "CONCORDAT_LEDGER_URL=fabric: names no profile.",
            "Name the file that concordat fabric up wrote, or one like it: fabric:/path/fabric.toml.",
            status=USAGE,
        )
    return Path(path.removeprefix("//")).expanduser()


async def hold_ledger(ledger: Ledger) -> None:
    """The embedded ledger has one writer: its worker takes it at the start, and is told at once of another one."""
    if isinstance(ledger, LocalLedger):
        await ledger.hold()


async def open_cosigners(witnesses: Witnesses) -> AsyncIterator[Cosigners | None]:
    """None where there is no witness to ask: a client costs every command a tenth of a second."""
    if not witnesses.urls:
        yield None
        return

    from adapters.outbound.http.cosigners import HttpCosigners

    async with HttpCosigners() as cosigners:
        yield cosigners


def build_publication(settings: Settings) -> Publication:
    def files() -> Publication:
        return FolderPublication(_folder(settings, settings.publication_url, "published"))

    return chosen("publication_url", settings.publication_url, {"files": files})()


def build_bus(settings: Settings, parking: Parking) -> Bus:
    def inprocess() -> Bus:
        return InProcessBus(parking_in(parking))

    return chosen("bus_url", settings.bus_url, {"inprocess": inprocess})()


def parking_in(parking: Parking) -> Park:
    """Keeps what a consumer cannot handle, and says so in the log: by the error's code, since its text may quote."""

    async def park(consumer: str, message: Message, error: Exception) -> None:
        code = code_of(error)
        _log.error("event parked", consumer=consumer, event_id=str(message.id), type=message.type, error=code)
        await parking.add(consumer, message, code)

    return park


def build_tokens(settings: Settings, keys: Keys, now: Now) -> PasetoTokens:
    told = TokenSettings(
        issuer=settings.issuer,
        audience=settings.audience,
        network=settings.network,
        longest_seconds=settings.token_minutes * 60,
    )
    return PasetoTokens(keys.token_seed, told, now)


def build_allow(modules: Collection[Module[Any]]) -> CasbinAllow:
    model = (configs_folder() / "casbin" / "model.conf").read_text(encoding="utf-8")
    permissions = frozenset[str]().union(*(module.permissions for module in modules))
    network = frozenset[str]().union(*(module.network_permissions for module in modules))
    return CasbinAllow(model, permissions=permissions, network=network, roles=roles_of(modules))


def build_rhythm(settings: Settings) -> Rhythm:
    return Rhythm(
        integrate_seconds=settings.integrate_milliseconds / 1000,
        relay_seconds=settings.relay_milliseconds / 1000,
        sign_seconds=settings.sign_seconds,
        anchor_seconds=settings.anchor_seconds,
        conclude_seconds=settings.conclude_seconds,
        purge_seconds=settings.purge_seconds,
    )


def build_modules(modules: Collection[Module[Any]], infrastructure: Infrastructure) -> tuple[Built, ...]:
    """Every module's use cases, and their consumers on the bus."""
    built = tuple(Built(module=module, use_cases=module.build(infrastructure)) for module in modules)
    for one in built:
        for subscription in one.subscriptions():
            infrastructure.bus.subscribe(subscription.consumer, subscription.types, subscription.handler)
    return built


def key_pair(seed: bytes) -> tuple[bytes, Sign]:
    """The public key of an Ed25519 seed, and the function that signs with it."""
    signer = Signer(seed)
    return signer.key, signer


def folders(settings: Settings) -> dict[str, Path]:
    """Where this process writes: the folder of each part that is made of files."""
    file = sqlite_file(settings.database)
    found = {
        "database": None if file is None else file.parent,
        "secrets": _folder(settings, settings.secrets_url, "secrets"),
        "ledger": ledger_folder(settings),
        "publication": _folder(settings, settings.publication_url, "published"),
    }
    return {part: folder for part, folder in found.items() if folder is not None}


def _folder(settings: Settings, url: str, usual: str) -> Path:
    """The folder that a URL like `files:/var/lib/x` names; without a path, one in the data folder."""
    path = url.partition(":")[2].removeprefix("//")
    return Path(path) if path else settings.data_folder / usual
