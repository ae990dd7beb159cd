"""X.509 certificates of Fabric's organisations: does this one chain to those roots, and is this signature its key's?"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from core.log.errors import EvidenceInvalid
from core.log.fabric.attested import Certificate

# Members' certificates carry extensions of Fabric's own authorities, and no names; authorities have to be authorities.
_MEMBERS = ExtensionPolicy.permit_all()
_UNFIT = (
    *(ValueError, OverflowError, UnsupportedAlgorithm, VerificationError),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
_SEQUENCE, _BITS, _LONG = 0x30, 0x03, 0x80
_ORDERS = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp384r1": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}
"""Of the curves that Fabric's authorities and peers sign on. Source: NIST SP 800-186, 3.2.1."""

_UNIT = NameOID.ORGANIZATIONAL_UNIT_NAME
_AUTHORITIES = ExtensionPolicy.permit_all().require_present(
    x509.BasicConstraints, Criticality.AGNOSTIC, lambda _policy, _certificate, found: _require_ca(found)
)


def check_endorsement(certificate: bytes, roots: Sequence[str], message: bytes, signature: bytes) -> Certificate:
    """Implements core.log.fabric.attested.CheckEndorsement.

    The chain is judged one second after the certificate's beginning, as Fabric's own membership service does.
    """
    try:
        leaf = x509.load_pem_x509_certificate(certificate)
        anchors = [one for pem in roots for one in x509.load_pem_x509_certificates(pem.encode())]
        key = leaf.public_key()
        builder = PolicyBuilder().store(Store(anchors)).time(leaf.not_valid_before_utc + timedelta(seconds=1))
        builder = builder.extension_policies(ee_policy=_MEMBERS, ca_policy=_AUTHORITIES)
        chain = builder.build_client_verifier().verify(leaf, []).chain
    except _UNFIT as error:
        raise EvidenceInvalid("an endorser whose certificate does not chain to its organisation's roots") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise EvidenceInvalid("an endorser whose key is not for ECDSA")
    try:
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise EvidenceInvalid("an endorser's signature is bad") from error
    if not _is_low(signature, key):
        raise EvidenceInvalid("an endorser's signature with the larger S, which Fabric refuses")
    return Certificate(
        units=frozenset(str(one.value) for one in leaf.subject.get_attributes_for_oid(_UNIT)),
        fingerprints=frozenset(sha256(form).hexdigest() for form in _forms(leaf, chain[1].public_key())),
        not_before=int(leaf.not_valid_before_utc.timestamp()),
        not_after=int(leaf.not_valid_after_utc.timestamp()),
    )


def _forms(leaf: x509.Certificate, authority: CertificatePublicKeyTypes) -> Iterator[bytes]:
    """The certificate's DER as it is and, if its authority signs with ECDSA, with the other S of the same signature.

    Fabric's peers give their own certificate the lower S, whatever the authority wrote; and a thief could choose.
    """
    der = leaf.public_bytes(serialization.Encoding.DER)
    yield der
    order = _ORDERS.get(authority.curve.name) if isinstance(authority, ec.EllipticCurvePublicKey) else None
    if order is not None:
        r, s = decode_dss_signature(leaf.signature)
        signed = leaf.tbs_certificate_bytes
        start, end = der.index(signed), len(der) - len(_element(_BITS, b"\0" + leaf.signature))
        other = _element(_BITS, b"\0" + encode_dss_signature(r, order - s))
        yield _element(_SEQUENCE, der[start:end] + other)


def _is_low(signature: bytes, key: ec.EllipticCurvePublicKey) -> bool:
    """Of both signatures that anybody can make of one, this is the one that peers take: receipts have one spelling."""
    order = _ORDERS.get(key.curve.name)
    return order is None or decode_dss_signature(signature)[1] <= order // 2


def _element(tag: int, content: bytes) -> bytes:
    """In DER."""
    size = len(content)
    length = bytes([size]) if size < _LONG else (size.to_bytes((size.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + (length if size < _LONG else bytes([_LONG | len(length)]) + length) + content


def _require_ca(found: x509.BasicConstraints) -> None:
    if not found.ca:
        raise ValueError("not an authority")
