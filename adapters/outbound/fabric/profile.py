"""The profile of a Fabric network, a TOML file: channel, contract, whose word counts, whom to ask, and as whom."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from adapters.outbound.fabric.gateway.identity import Identity, Sign, signer
from adapters.outbound.fabric.gateway.transport import Peer
from core.log.trust import LedgerTrust

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class ProfileRefused(Exception):
    """The profile cannot be read, or is not one; the message is a sentence that names what is wrong, and no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What FabricLedger is told. `sign` signs for `identity`, which is good until then; `peers` are tried in order."""

    channel: str
    contract: str
    identity: Identity
    sign: Sign
    good_until: datetime
    peers: tuple[Peer, ...]
    trust: LedgerTrust


def read_profile(file: Path) -> Settings:
    """Raises ProfileRefused. Paths in it are relative to its folder; the first organisation with a client is ours."""
    try:
        profile = tomllib.loads(_read(file).decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileRefused(f"{file} is not TOML: {error}.") from None
    reader = _Reader(file)
    known = {"channel", "chaincode", "k", "organisations", "peers", "revocations"}
    reader.refuse_others(profile, known, "the profile")
    organisations = reader.tables(profile, "organisations")
    ours = next((one for one in organisations if "certificate" in one), None)
    if ours is None:
        raise ProfileRefused(f"{file}: no organisation has the certificate of a client to act as.")
    certificate = reader.certificates(ours, "certificate")[0]
    return Settings(
        channel=reader.text(profile, "channel", "the profile"),
        contract=reader.text(profile, "chaincode", "the profile"),
        identity=Identity(
            msp_id=reader.text(ours, "msp_id", "an organisation"), certificate=reader.file(ours, "certificate")
        ),
        sign=reader.signer(ours, certificate),
        good_until=certificate.not_valid_after_utc,
        peers=reader.peers(profile, str(ours["msp_id"])),
        trust=reader.trust(profile, organisations),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes values out of the profile's tables, and says what is wrong with one by the table's name and its own."""

    profile: Path

    def refuse_others(self, table: Mapping[str, Any], known: set[str], where: str) -> None:
        if unknown := sorted(table.keys() - known):
            raise self.wrong(f"{where} has no {unknown[0]}; it has {', '.join(sorted(known))}")

    def tables(self, table: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
        found = table.get(name)
        if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
            raise self.wrong(f"there is no [[{name}]]")
        return found

    def text(self, table: Mapping[str, Any], name: str, where: str) -> str:
        found = table.get(name)
        if not isinstance(found, str) or not found:
            raise self.wrong(f"{where} needs {name}, a text")
        return found

    def file(self, table: Mapping[str, Any], name: str) -> bytes:
        return _read(self.profile.parent / self.text(table, name, f"whoever has {'/'.join(sorted(table))}"))

    def pem(self, table: Mapping[str, Any], name: str) -> bytes:
        """The file of certificates as it is; without one it would be refused much later, and elsewhere."""
        self.certificates(table, name)
        return self.file(table, name)

    def certificates(self, table: Mapping[str, Any], name: str) -> list[x509.Certificate]:
        """One at least."""
        try:
            return x509.load_pem_x509_certificates(self.file(table, name))
        except ValueError:
            raise self.wrong(f"{name} {table[name]} holds no certificate in PEM") from None

    def signer(self, table: Mapping[str, Any], certificate: x509.Certificate) -> Sign:
        """With the private key that belongs to the certificate."""
        pem = self.file(table, "private_key")
        try:
            sign, key = signer(pem), serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            raise self.wrong(f"private_key {table['private_key']} holds no ECDSA key on P-256 in PEM") from None
        if key.public_key() != certificate.public_key():
            raise self.wrong(f"private_key {table['private_key']} is not that of {table['certificate']}")
        return sign

    def peers(self, profile: Mapping[str, Any], ours: str) -> tuple[Peer, ...]:
        """Our own organisation's first: it is they who are sure to be there for us."""
        tables = self.tables(profile, "peers")
        for table in tables:
            self.refuse_others(table, {"msp_id", "address", "tls_roots", "name"}, "a peer")
        return tuple(
            Peer(
                address=self.text(table, "address", "a peer"),
                roots=self.pem(table, "tls_roots"),
                name=self.text(table, "name", "a peer") if "name" in table else None,
            )
            for table in sorted(tables, key=lambda table: table.get("msp_id") != ours)
        )

    def trust(self, profile: Mapping[str, Any], organisations: Sequence[Mapping[str, Any]]) -> LedgerTrust:
        """What goes into the trust bundle of whoever verifies receipts."""
        roots = {}
        for one in organisations:
            self.refuse_others(one, {"msp_id", "roots", "certificate", "private_key"}, "an organisation")
            roots[self.text(one, "msp_id", "an organisation")] = (self.pem(one, "roots").decode(),)
        k, revocations = profile.get("k"), profile.get("revocations", [])
        if type(k) is not int or not 0 < k <= len(roots):
            raise self.wrong(f"k is how many organisations have to agree, 1 to {len(roots)}")
        if not isinstance(revocations, list):
            raise self.wrong("revocations are SHA-256 fingerprints of certificates, in hex")
        return LedgerTrust(
            channel=self.text(profile, "channel", "the profile"),
            contract=self.text(profile, "chaincode", "the profile"),
            k=k,
            organisations=roots,
            revocations=tuple(self.fingerprint(one) for one in revocations),
        )

    def fingerprint(self, told: object) -> str:
        """As certificates are compared with it: one that is written in another way would revoke nothing."""
        found = told.replace(":", "").lower() if isinstance(told, str) else ""
        if _FINGERPRINT.fullmatch(found) is None:
            what = "64 digits in hex, with or without colons (of openssl's line, what comes after the =)"
            raise self.wrong(f"a revocation is the SHA-256 fingerprint of a certificate, {what}, and not {told!r}")
        return found

    def wrong(self, what: str) -> ProfileRefused:
        return ProfileRefused(f"{self.profile}: {what}.")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ProfileRefused(f"{file} cannot be read: {error.strerror}.") from None
