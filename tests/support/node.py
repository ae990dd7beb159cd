"""Fabric's official packages for Node, from npm where Node is: their client, and a chaincode that is not ours.

They are installed once, as tests/node/package-lock.json pins them, beside that file, and work without a network from
then on. Where that cannot be, the tests that need them are not collected, and the last lines of a run say why.
"""

import asyncio
import base64
import fcntl
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapters.outbound.fabric.gateway.gateway import Committed
from concordat.fabric.chaincode import package, package_id
from tests.support import engines
from tests.support.networks import GatewayPeer, Member
from tests.support.processes import Process, clean_environment, free_port

FOLDER = Path(__file__).parents[1] / "node"
OLDEST = (20, 9)
"""The Node that the official client asks for."""

_FETCH_SECONDS = 120
_SHOWN = ("fabric-gateway", "fabric-shim")


@cache
def ready() -> bool:
    """Whether the packages are here; installs them at the first call, and notes for the last lines why it could not."""
    missing = lacking()
    if missing or not _installed():
        engines.ran("node", missing or "not run (npm could not fetch Fabric's packages)")
        return False
    return True


def lacking() -> str:
    """What the last lines say of a machine whose Node is none, or too old; empty where it will do."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "not run (no Node)"
    found = re.match(r"v(\d+)\.(\d+)", _version())
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        return f"not run (Node {_version() or 'of no version'}, and Fabric's client needs {OLDEST[0]}.{OLDEST[1]})"
    return ""


def started() -> None:
    """Note which versions run."""
    pinned = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    versions = {path.rpartition("/")[2]: each.get("version") for path, each in pinned.items()}
    engines.ran("node", ", ".join([f"ran {_version()}", *(f"{name} {versions[name]}" for name in _SHOWN)]))


@cache
def _version() -> str:
    asked = subprocess.run(["node", "--version"], env=clean_environment(), capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def _installed() -> bool:
    """Another process may be at it: the second one waits, and finds it done."""
    stamp, wanted = FOLDER / "node_modules" / "installed-from", sha256((FOLDER / "package-lock.json").read_bytes())
    with (FOLDER / "package.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text() == wanted.hexdigest():
            return True
        fetched = _fetched()
        if fetched:
            stamp.write_text(wanted.hexdigest())
        return fetched


def _fetched() -> bool:
    command = ["npm", "ci", "--prefer-offline", "--fetch-retries=0"]
    try:
        done = subprocess.run(
            command,
            cwd=FOLDER,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_FETCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A chaincode server that peers dial, and the package id under which it names itself."""

    address: str
    package_id: str


def assets(log: Path) -> tuple[Process, Served]:
    """The server of tests/node/assets.js, to be started: Fabric's own way to serve a contract of `fabric-contract-api`.

    It serves any number of peers.
    """
    address = f"127.0.0.1:{free_port()}"
    served = Served(address=address, package_id=package_id(package(address)))
    command = ["node", "node_modules/fabric-shim/cli.js", "server"]
    options = ["--chaincode-address", served.address, "--chaincode-id", served.package_id]
    process = Process([*command, *options], log=log, ready="Bootstrap process completed", cwd=FOLDER)
    return process, served


def client(log: Path) -> Process:
    """The server of tests/node/client.js, to be started; its port is the first group of what it says."""
    return Process(["node", "client.js"], log=log, ready=r"listens on (\d+)", cwd=FOLDER)


class OfficialError(Exception):
    """What the official client raised: its class by name, its gRPC code, and the peers' own words."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(f"{told['name']}: {told['message']} {told['details']}")
        self.name: str = told["name"]
        self.code: int | None = told["code"]
        self.transaction_id: str = told["transaction_id"]
        self.details: list[str] = [each["message"] for each in told["details"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialEvent:
    """An event as the official client gives it."""

    name: str
    payload: bytes
    transaction_id: str
    block_number: int


class OfficialClient:
    """One connection of the official client to one peer; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def evaluate(self, chaincode: str, call: str, *args: str) -> bytes:
        """Raises OfficialError, as all of these do."""
        return _bytes((await self.ask("evaluate", chaincode=chaincode, call=call, args=_texts(args)))["answer"])

    async def submit(
        self,
        chaincode: str,
        call: str,
        *args: str,
        transient: Mapping[str, bytes] | None = None,
        organizations: Sequence[str] = (),
    ) -> tuple[bytes, Committed]:
        """The function's answer, and what became of the transaction."""
        told = await self.ask(
            "submit",
            chaincode=chaincode,
            call=call,
            args=_texts(args),
            transient={name: _text(value) for name, value in (transient or {}).items()},
            organizations=list(organizations),
        )
        committed = Committed(
            transaction_id=told["transaction_id"], code=told["code"], block_number=told["block_number"]
        )
        return _bytes(told["answer"]), committed

    async def events(
        self, chaincode: str, count: int, *, block_number: int = 0, transaction_id: str = ""
    ) -> list[OfficialEvent]:
        """So many from this block on, or from behind this transaction; waits for them."""
        told = await self.ask(
            "events", chaincode=chaincode, count=count, block_number=block_number, transaction_id=transaction_id
        )
        return [OfficialEvent(**{**each, "payload": _bytes(each["payload"])}) for each in told]

    async def ask(self, action: str, **request: Any) -> Any:
        """The answer to a request as tests/node/client.js takes it."""
        await self.say(action=action, **request)
        line = await self._reader.readline()
        if not line:
            raise ConnectionError("the client's process gave up; its log says why")
        answer = json.loads(line)
        if "error" in answer:
            raise OfficialError(answer["error"])
        return answer["result"]

    async def say(self, **line: Any) -> None:
        self._writer.write(json.dumps(line).encode() + b"\n")
        await self._writer.drain()


@asynccontextmanager
async def official_client(port: int, channel: str, peer: GatewayPeer, member: Member) -> AsyncIterator[OfficialClient]:
    """Of this member, at this peer, by the running `client` that listens on this port."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=64 << 20)
    try:
        session = OfficialClient(reader, writer)
        await session.say(
            channel=channel,
            address=peer.address,
            roots=peer.roots.decode(),
            msp_id=member.msp_id,
            certificate=member.certificate.decode(),
            private_key=member.private_key.decode(),
        )
        yield session
    finally:
        writer.close()
        await writer.wait_closed()


def _texts(args: Sequence[str]) -> list[str]:
    return [_text(each.encode()) for each in args]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
