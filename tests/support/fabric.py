"""A real Fabric network for tests, on loopback in a temporary folder.

Where Fabric's programs are found: see tests/support/fabric_programs.py.
"""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.outbound.fabric.gateway.gateway import Contract
from concordat.fabric import processes
from concordat.fabric.chaincode import ServeChaincode
from concordat.fabric.channel import install_chaincode
from concordat.fabric.lifecycle import define
from concordat.fabric.network import Network, make, stop
from concordat.fabric.plan import CHAINCODE, CHANNEL, Organisation, Wish
from concordat.fabric.programs import KNOWN, find_programs
from concordat.fabric.readiness import client_of, wait_until_endorsing
from tests.support import engines
from tests.support.fabric_programs import named
from tests.support.networks import LASTING, GatewayPeer, Member
from tests.support.processes import bound_to_us

ONE = Wish(organisations=1, max_messages=1)
"""One organisation, and a block for every transaction: it commits in a few milliseconds."""

_EARLIER = timedelta(minutes=50)
"""Certificates begin before they are made, and after their authority's own."""


def assets(address: str, package_id: str) -> list[str]:
    """The command that serves the chaincode of tests/fabric_simulator/assets.py."""
    return [sys.executable, "-P", "-m", "tests.fabric_simulator.assets", address, package_id]


class FabricNetwork:
    """Implements tests.support.networks.Network; leaves neither process nor file behind, however the tests end.

    A context manager, entered outside any event loop.
    """

    def __init__(self, version: str = KNOWN[0], wish: Wish = ONE, *, serve: ServeChaincode = assets) -> None:
        self._programs = find_programs(named(), version)
        self._wish = wish
        self._serve = serve
        parent = os.environ.get("TMPDIR", "/var/tmp")
        self.folder = Path(tempfile.mkdtemp(prefix="concordat-fabric-", dir=parent))
        self._network: Network | None = None
        self._names = count(1)
        self.version, self.channel, self.chaincode = version, CHANNEL, CHAINCODE
        self.start_seconds = 0.0
        """From nothing to the first endorsement."""

    @property
    def network(self) -> Network:
        if self._network is None:
            raise RuntimeError("the network was not started")
        return self._network

    @property
    def organisations(self) -> tuple[Organisation, ...]:
        return self.network.plan.organisations

    @property
    def peers(self) -> Sequence[GatewayPeer]:
        """One for each organisation, in the order of the organisations."""
        return [
            GatewayPeer(
                name=one.peer_name, msp_id=one.msp_id, address=one.peer, roots=(one.folder / "tls-ca.pem").read_bytes()
            )
            for one in self.organisations
        ]

    def client(self, organisation: int = 1) -> AbstractAsyncContextManager[Contract]:
        """The chaincode through that organisation's peer, by its client; for the running loop."""
        return client_of(self.organisations[organisation - 1])

    def root(self, msp_id: str) -> bytes:
        """The certificate of the organisation's own authority, as PEM."""
        return (self._folder(msp_id) / "ca.pem").read_bytes()

    def identity(self, msp_id: str) -> Member:
        """The organisation's client identity, always the same."""
        msp = self._folder(msp_id) / "client" / "msp"
        certificate, key = (msp / name for name in ("signcerts/certificate.pem", "keystore/key.pem"))
        return Member(msp_id=msp_id, certificate=certificate.read_bytes(), private_key=key.read_bytes())

    def enroll(self, msp_id: str, roles: Sequence[str] = ("client",), *, lifetime: timedelta = LASTING) -> Member:
        """A new identity by the organisation's own authority, with these node OUs (Fabric wants exactly one)."""
        authority = x509.load_pem_x509_certificate(self.root(msp_id))
        own = serialization.load_pem_private_key((self._folder(msp_id) / "ca-key.pem").read_bytes(), None)
        assert isinstance(own, ec.EllipticCurvePrivateKey)
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        units = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, role) for role in roles]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([*units, x509.NameAttribute(NameOID.COMMON_NAME, "user")]))
            .issuer_name(authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _EARLIER)
            .not_valid_after(now + lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key()), critical=False)
            .sign(own, hashes.SHA256())
        )
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        return Member(
            msp_id=msp_id,
            certificate=certificate.public_bytes(pem),
            private_key=key.private_bytes(pem, form, serialization.NoEncryption()),
        )

    def start(self) -> None:
        begun = time.monotonic()
        bound = bound_to_us([], signal.SIGKILL)
        self._network = make(self.folder, self._wish, self._programs, _unheard, serve=self._serve, prefix=bound)
        self.start_seconds = time.monotonic() - begun
        engines.ran("fabric", f"real {self._programs.version}")

    def define_afresh(self) -> None:
        """From now on `chaincode` is the same code under a name of its own: a ledger with nothing on it."""
        self.chaincode = f"{CHAINCODE}-{next(self._names)}"
        asyncio.run(define(self.network.plan, self.chaincode))

    def add_chaincode(self, name: str, address: str) -> None:
        """Another one, which a server at this address serves to all peers, as `package_id(package(address))`."""
        organisations = tuple(replace(one, chaincode=address) for one in self.organisations)
        plan = replace(self.network.plan, organisations=organisations)
        install_chaincode(plan, self._programs)
        asyncio.run(define(plan, name))

    async def kill(self, name: str) -> None:
        """SIGKILL; returns when it is gone."""
        node = self.network.node(name)
        processes.send(node, signal.SIGKILL)
        await asyncio.to_thread(_gone, node)

    async def freeze(self, name: str) -> None:
        """SIGSTOP, and that it has come to a stop: its connections stay open, and nobody answers on them."""
        node = self.network.node(name)
        processes.send(node, signal.SIGSTOP)
        if node.alive:
            await asyncio.to_thread(os.waitid, os.P_PID, node.pid, os.WSTOPPED | os.WNOWAIT)

    async def thaw(self, name: str) -> None:
        processes.send(self.network.node(name), signal.SIGCONT)

    async def restart(self, name: str) -> None:
        """On the same address and ledger, unless it lives; returns when it says that it serves.

        Begun in this very thread, since the kernel ends it with the thread that began it.
        """
        old = self.network.node(name)
        if old.alive:
            return
        new = processes.begin(old)
        nodes = tuple(new if node is old else node for node in self.network.nodes)
        self._network = replace(self.network, nodes=nodes)
        await asyncio.to_thread(processes.wait_until_ready, [new])

    async def renew(self, name: str, member: Member) -> None:
        """With other files, and a start of its own."""
        msp = self._folder(member.msp_id) / "peer" / "msp"
        (msp / "signcerts" / "certificate.pem").write_bytes(member.certificate)
        (msp / "keystore" / "key.pem").write_bytes(member.private_key)
        await self.kill(name)
        await self.restart(name)
        await self.wait_until_endorsing()

    async def heal(self) -> None:
        """Whatever faults befell it: everything runs again, and endorses."""
        for node in self.network.nodes:
            await self.thaw(node.name)
            await self.restart(node.name)
        await self.wait_until_endorsing()

    async def wait_until_endorsing(self) -> None:
        """After restarts: peers need a moment to know each other again."""
        await wait_until_endorsing(self.network.plan, self.network.nodes, self.chaincode)

    def close(self) -> None:
        """Stop and remove the folder."""
        try:
            if self._network is not None:
                stop(self._network)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _folder(self, msp_id: str) -> Path:
        return next(one.folder for one in self.organisations if one.msp_id == msp_id)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _gone(node: processes.Node) -> None:
    while node.alive:
        time.sleep(0.01)


def _unheard(_step: str) -> None:
    """Tests do not read along."""
