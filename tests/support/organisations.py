"""Organisations of a Fabric channel for tests: an authority, and members with certificates by their role."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.outbound.fabric.gateway.identity import low_s

BEGAN, ENDS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)


class Member:
    """A certificate and its key."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate = certificate
        self.key = key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def private_pem(self) -> bytes:
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(encoding, form, serialization.NoEncryption())

    def sign(self, message: bytes) -> bytes:
        """ECDSA over SHA-256, DER, low S."""
        return low_s(self.key.sign(message, ec.ECDSA(hashes.SHA256())))


class Organisation:
    """An organisation with a root of its own. `is_authority` False makes a root that is none."""

    def __init__(self, msp_id: str, *, is_authority: bool = True) -> None:
        self.msp_id = msp_id
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"ca.{msp_id}")
        self.root = self._certificate(self._name, self._key, is_authority=is_authority, issuer=self._key)

    @property
    def root_pem(self) -> str:
        return self.root.public_bytes(serialization.Encoding.PEM).decode()

    def member(
        self, unit: str = "peer", *, department: str | None = None, began: datetime = BEGAN, ends: datetime = ENDS
    ) -> Member:
        """Somebody with a new key and this organisational unit, or with two."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"{unit}0.{self.msp_id}", unit, department)
        return Member(self._certificate(name, key, issuer=self._key, began=began, ends=ends), key)

    def _certificate(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        issuer: ec.EllipticCurvePrivateKey,
        is_authority: bool = False,
        began: datetime = BEGAN,
        ends: datetime = ENDS,
    ) -> x509.Certificate:
        usage = {"key_cert_sign": is_authority, "crl_sign": is_authority, "digital_signature": True}
        unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        usage |= dict.fromkeys((*unused, "encipher_only", "decipher_only"), False)
        builder = x509.CertificateBuilder(issuer_name=self._name, subject_name=name, public_key=key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(began - timedelta(hours=is_authority)).not_valid_after(ends)
        builder = builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        theirs = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
        return (
            builder.add_extension(own, critical=False)
            .add_extension(theirs, critical=False)
            .sign(issuer, hashes.SHA256())
        )


def _name(common: str, *units: str | None) -> x509.Name:
    unit_names = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units if unit is not None]
    return x509.Name([*unit_names, x509.NameAttribute(NameOID.COMMON_NAME, common)])
