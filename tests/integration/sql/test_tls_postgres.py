"""A Postgres that takes TLS alone: whatever opens a connection does it by the parameters that stand in the URL."""

import asyncio
import json
import os
import shutil
import ssl
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from adapters.outbound.sql.migrate import migrate
from adapters.outbound.sql.vacuum import vacuum
from app.clubs.clubs import ClubView
from concordat.locks import worker_lock
from ports.unit_of_work import StoreUnavailable
from shared.canonical import b64url
from tests.e2e.served import Installation, said
from tests.support import engines
from tests.support.certificates import Authority, Pair
from tests.support.databases import apart
from tests.support.postgres import PostgresFailed, PostgresServer, version
from tests.support.proxy import Proxy
from tests.support.scenes import found
from tests.support.world import caller, world_at

CERTIFIED = "certified"
"""A role that needs a certificate of its own beside its password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured:
    """A migrated database behind TLS; `trusted` are the parameters with which its server is verified."""

    server: PostgresServer
    authority: Authority
    owner_url: str
    url: str
    trusted: str


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Where the programs of Postgres were built without TLS, a proxy in front of the real server takes it."""
    authority = Authority(tmp_path_factory.mktemp("tls"))
    pair = authority.signed("server", address="127.0.0.1")
    trusted = f"sslmode=verify-full&sslrootcert={authority.certificate}"
    with PostgresServer() as server, ExitStack() as stack:
        owner_url = server.create_database("secured")
        try:
            _encrypt(server, pair, authority)
            engines.ran("postgres with TLS", f"real {version()}")
        except PostgresFailed:
            port = stack.enter_context(_front(server, pair, authority))
            owner_url = owner_url.replace(f":{server.port}/", f":{port}/")
            engines.ran("postgres with TLS", "a proxy in front of it")
        migrated = apart(migrate(f"{owner_url}?{trusted}"))
        yield Secured(server=server, authority=authority, owner_url=owner_url, url=migrated.url, trusted=trusted)


def _encrypt(server: PostgresServer, pair: Pair, authority: Authority) -> None:
    """From now on nobody but psql's superuser is let in without TLS."""
    owner = server.data.stat()
    files = {"server.crt": pair.certificate, "server.key": pair.key, "root.crt": authority.certificate}
    for name, file in files.items():
        copy = server.data / name
        shutil.copyfile(file, copy)
        copy.chmod(0o600)
        os.chown(copy, owner.st_uid, owner.st_gid)
    for setting in ("ssl = on", "ssl_ca_file = 'root.crt'"):
        server.execute(f"ALTER SYSTEM SET {setting}")
    (server.data / "pg_hba.conf").write_text(
        "host all postgres 127.0.0.1/32 scram-sha-256\n"
        f"hostssl all {CERTIFIED} 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
        "hostssl all all 127.0.0.1/32 scram-sha-256\n"
    )
    server.execute("SELECT pg_reload_conf()")


@contextmanager
def _front(server: PostgresServer, pair: Pair, authority: Authority) -> Iterator[int]:
    """The port of a proxy that runs in a thread of its own, since commands are waited for in this one."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certificate, pair.key)
    tls.load_verify_locations(authority.certificate)
    tls.verify_mode = ssl.CERT_OPTIONAL
    started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def stand() -> None:
        ended = asyncio.Event()
        async with Proxy(target=server.port, tls=tls, certified=f"user\0{CERTIFIED}\0".encode()) as proxy:
            started.set_result((proxy.port, asyncio.get_running_loop(), ended))
            await ended.wait()

    with ThreadPoolExecutor(max_workers=1) as thread:
        standing = thread.submit(asyncio.run, stand())
        port, loop, ended = started.result(timeout=10)
        try:
            yield port
        finally:
            loop.call_soon_threadsafe(ended.set)
            standing.result(timeout=10)


def at(url: str, parameters: str) -> str:
    return f"{url.partition('?')[0]}?{parameters}"


async def test_whatever_serves_connects_by_the_parameters(secured: Secured, tmp_path: Path) -> None:
    async with world_at(secured.url, tmp_path) as world:
        club = await found(world)
        assert (await world.read.one(caller(club.id), ClubView, club.id)).name == club.name
        lock = await worker_lock(secured.url)
        await lock.keep()
        assert lock.held
        await lock.release()


async def test_whatever_the_owner_does_connects_by_the_parameters(secured: Secured) -> None:
    url = at(secured.owner_url, secured.trusted)
    assert (await migrate(url)).before is not None
    await vacuum(url)


async def refusals(url: str, folder: Path) -> list[str]:
    """What each way to connect is refused with; no way may be forgotten, so none may succeed."""
    refused = []
    async with world_at(url, folder) as world:
        ways = (
            worker_lock(url),
            world.backlog.directory(),
            world.read.one(caller(world.new_id()), ClubView, world.new_id()),
            migrate(url),
            vacuum(url),
        )
        for way in ways:
            with pytest.raises(Exception, match=r".") as raised:
                await way
            refused.append(f"{raised.value!s} {raised.value!r}")
    return refused


async def test_without_tls_nobody_is_let_in(secured: Secured, tmp_path: Path) -> None:
    assert len(await refusals(at(secured.url, "sslmode=disable"), tmp_path)) == 5


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_a_server_that_another_authority_vouches_for_is_not_trusted(
    secured: Secured, tmp_path: Path, mode: str
) -> None:
    other = Authority(tmp_path, "other").certificate
    refused = await refusals(at(secured.url, f"sslmode={mode}&sslrootcert={other}"), tmp_path)
    assert [each for each in refused if "certificate" not in each] == []


async def test_a_server_under_another_name_is_trusted_by_its_authority_alone(secured: Secured, tmp_path: Path) -> None:
    elsewhere = at(secured.url, secured.trusted).replace("127.0.0.1", "localhost")
    assert "certificate" in (await refusals(elsewhere, tmp_path))[0]
    lock = await worker_lock(elsewhere.replace("verify-full", "verify-ca"))
    await lock.release()


@pytest.mark.parametrize("parameters", ["", "sslmode=prefer", "sslmode=require&ssl_min_protocol_version=TLSv1.3"])
async def test_encryption_alone_asks_for_no_certificate(secured: Secured, tmp_path: Path, parameters: str) -> None:
    async with world_at(at(secured.url, parameters), tmp_path) as world:
        club = await found(world)
        assert (await world.read.one(caller(club.id), ClubView, club.id)).name == club.name


async def test_where_the_server_is_may_stand_among_the_parameters(secured: Secured, tmp_path: Path) -> None:
    before, _, here = at(secured.url, "").rstrip("?").partition("@127.0.0.1:")
    port, _, name = here.partition("/")
    url = f"{before}@/{name}?host=127.0.0.1&port={port}&{secured.trusted}"
    lock = await worker_lock(url)
    await lock.release()
    async with world_at(url, tmp_path) as world:
        club = await found(world)
        assert (await world.read.one(caller(club.id), ClubView, club.id)).name == club.name


async def test_a_role_may_need_a_certificate_of_its_own(secured: Secured) -> None:
    pair = secured.authority.signed(CERTIFIED)
    secured.server.execute(f"CREATE ROLE {CERTIFIED} LOGIN PASSWORD 'certified'")
    port = secured.url.rpartition(":")[2].partition("/")[0]
    url = f"postgresql://{CERTIFIED}:certified@127.0.0.1:{port}/secured?{secured.trusted}"
    with pytest.raises((StoreUnavailable, asyncpg.PostgresError)):
        await worker_lock(url)
    lock = await worker_lock(f"{url}&sslcert={pair.certificate}&sslkey={pair.key}")
    assert lock.held
    await lock.release()


def test_the_url_to_serve_with_has_no_certificate_of_the_owner(secured: Secured) -> None:
    pair = secured.authority.signed("owner")
    owner = at(secured.owner_url, f"{secured.trusted}&sslcert={pair.certificate}&sslkey={pair.key}&sslpassword=x")
    assert "sslrootcert=" in secured.url
    assert apart(migrate(owner)).url.partition("?")[2] == secured.url.partition("?")[2]


def test_commands_take_the_same_url(secured: Secured, tmp_path: Path) -> None:
    owner = at(secured.owner_url, secured.trusted)
    migrated = Installation(folder=tmp_path, settings={"database_owner_url": owner}).run("migrate")
    assert migrated.returncode == 0, said(migrated)
    # The clubs are those of worlds, each of which had keys of its own.
    names = ("token_access", "rest_cursor", "ledger_witness")
    brought = {f"secret_{name}": b64url(bytes(32)) for name in names}
    installation = Installation(folder=tmp_path, database_url=secured.url, settings=brought)
    with installation.serve():
        examined = installation.run("doctor", "--json")
    assert examined.returncode == 0, said(examined)
    checks = json.loads(examined.stdout)["checks"]
    assert {check["state"] for check in checks if check["subject"] != "disk"} == {"ok"}
