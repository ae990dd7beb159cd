"""Who is who on a channel: authorities that issue certificates with node OUs, and how a channel judges those."""

import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.x509.oid import NameOID

from adapters.outbound.fabric.gateway.identity import P256_ORDER, low_s
from adapters.outbound.fabric.gateway.messages import SerializedIdentity
from shared.protowire import NotProtobuf, decode, encode
from tests.support.networks import LASTING, Member

ROLES = ("client", "peer", "admin", "orderer")
"""The node OUs: an identity has exactly one of them."""

_DETERMINISTIC = ec.ECDSA(Prehashed(hashes.SHA256()), deterministic_signing=True)
_ISSUED = timedelta(days=1)


class UnknownIdentity(Exception):
    """No organisation of the channel, no certificate, or one of another authority."""


class InvalidIdentity(Exception):
    """A certificate of the organisation's authority that is revoked, has not one node OU, or did not sign this."""


def private_key(rng: random.Random) -> ec.EllipticCurvePrivateKey:
    """A P-256 key that the seed decides."""
    return ec.derive_private_key(rng.randrange(1, P256_ORDER), ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@lru_cache(maxsize=4096)
def _loaded(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def sign_with(pem: bytes) -> Callable[[bytes], bytes]:
    """Signs digests as `gateway.identity.signer` does, but the same digest always alike."""
    key = _loaded(pem)
    return lambda digest: low_s(key.sign(digest, _DETERMINISTIC))


def signed(member: Member, data: bytes) -> bytes:
    """The member's signature over data: DER, low S, always the same."""
    return sign_with(member.private_key)(sha256(data).digest())


class Authority:
    """A root that issues certificates; revocations take effect at once."""

    def __init__(self, name: str, rng: random.Random, now: datetime) -> None:
        self.revoked: set[int] = set()
        self._rng, self._now = rng, now
        self._subject = _named([(NameOID.COMMON_NAME, name)])
        self._key = private_key(rng)
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self.pem = self._issued(
            self._subject, self._key, LASTING, (constraints, True), (usage, True), (identifier, False)
        )

    def member(
        self, msp_id: str, roles: Iterable[str] = ("client",), *, name: str = "user", lifetime: timedelta = LASTING
    ) -> Member:
        """A new identity with these OUs (Fabric wants exactly one); a lifetime below zero has expired."""
        subject = _named([*((NameOID.ORGANIZATIONAL_UNIT_NAME, role) for role in roles), (NameOID.COMMON_NAME, name)])
        key = private_key(self._rng)
        certificate = self._issued(subject, key, lifetime, (x509.BasicConstraints(ca=False, path_length=None), True))
        return Member(msp_id=msp_id, certificate=certificate, private_key=key_pem(key))

    def server(self) -> tuple[bytes, bytes]:
        """Key and certificate (PEM) for TLS on loopback."""
        key = private_key(self._rng)
        names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
        return key_pem(key), self._issued(_named([(NameOID.COMMON_NAME, "localhost")]), key, LASTING, (names, False))

    def revoke(self, member: Member) -> None:
        """As a channel's updated revocation list does."""
        self.revoked.add(_certificate(member.certificate).serial_number)

    def _issued(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        lifetime: timedelta,
        *extensions: tuple[x509.ExtensionType, bool],
    ) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key.public_key())
            .serial_number(self._rng.getrandbits(120) + 1)
            .not_valid_before(min(self._now, self._now + lifetime) - _ISSUED)
            .not_valid_after(self._now + lifetime)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        certificate = builder.sign(self._key, hashes.SHA256(), ecdsa_deterministic=True)
        return certificate.public_bytes(serialization.Encoding.PEM)


def _named(attributes: Sequence[tuple[x509.ObjectIdentifier, str]]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes])


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An identity that a channel's organisation vouches for."""

    msp_id: str
    role: str
    pem: bytes


class Membership:
    """A channel's organisations, by MSP id, each with its authority."""

    def __init__(self, authorities: dict[str, Authority]) -> None:
        self.authorities = authorities
        self._successors: dict[str, Authority] = {}

    def succeed(self, msp_id: str, authority: Authority) -> None:
        """From now on an organisation has two roots."""
        self._successors[msp_id] = authority

    def judged(self, serialized: bytes) -> Known:
        """Who it is; raises UnknownIdentity or InvalidIdentity. Whether it has expired is not asked here."""
        try:
            identity = _identity(serialized)
            certificate = _certificate(identity.id_bytes)
        except (NotProtobuf, ValueError) as error:
            raise UnknownIdentity from error
        roots = [each[identity.mspid] for each in (self.authorities, self._successors) if identity.mspid in each]
        # A peer needs the chain already to bring the signature of the certificate into its own form.
        authority = next((each for each in roots if _issued_by(identity.id_bytes, each.pem)), None)
        if authority is None:
            raise UnknownIdentity
        roles = _roles(identity.id_bytes)
        if certificate.serial_number in authority.revoked or len(roles) != 1:
            raise InvalidIdentity
        return Known(msp_id=identity.mspid, role=roles[0], pem=identity.id_bytes)

    def signed(self, serialized: bytes, data: bytes, signature: bytes) -> Known:
        """Who signed; raises UnknownIdentity or InvalidIdentity, also for a signature that is not good."""
        known = self.judged(serialized)
        if not good_signature(known.pem, sha256(data).digest(), signature):
            raise InvalidIdentity
        return known


def expires_at(serialized: bytes) -> datetime | None:
    """When the identity's certificate expires; None for what is no certificate."""
    try:
        return _certificate(_identity(serialized).id_bytes).not_valid_after_utc.astimezone(UTC)
    except (NotProtobuf, ValueError):
        return None


@lru_cache(maxsize=4096)
def _identity(serialized: bytes) -> SerializedIdentity:
    return decode(SerializedIdentity, serialized)


@lru_cache(maxsize=4096)
def _certificate(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


@lru_cache(maxsize=4096)
def _issued_by(pem: bytes, root: bytes) -> bool:
    try:
        _certificate(pem).verify_directly_issued_by(_certificate(root))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


@lru_cache(maxsize=4096)
def _roles(pem: bytes) -> tuple[str, ...]:
    """The node OUs; none of an authority, which is nobody's identity."""
    certificate = _certificate(pem)
    with suppress(x509.ExtensionNotFound):
        if certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return ()
    units = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return tuple(str(unit.value) for unit in units if unit.value in ROLES)


@lru_cache(maxsize=1 << 16)
def good_signature(pem: bytes, digest: bytes, signature: bytes) -> bool:
    """ECDSA over P-256 in DER with low S, as peers want it. Remembered: every peer checks the same signatures."""
    key = _certificate(pem).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        if decode_dss_signature(signature)[1] > P256_ORDER // 2:
            return False
        key.verify(signature, digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    except (InvalidSignature, ValueError):
        return False
    return True


def serialized(member: Member) -> bytes:
    """As headers and endorsements carry it."""
    return encode(SerializedIdentity(mspid=member.msp_id, id_bytes=member.certificate))
