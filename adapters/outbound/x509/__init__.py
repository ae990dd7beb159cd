"""X.509 certificates of Fabric's organisations: does this one chain to those roots, and is this signature its key's?"""

from collections.abc import Sequence
from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from core.log.errors import EvidenceInvalid
from core.log.fabric.attested import Certificate

# Members' certificates carry extensions of Fabric's own authorities, and no names; authorities have to be authorities.
_MEMBERS = ExtensionPolicy.permit_all()
_UNFIT = (
    *(ValueError, UnsupportedAlgorithm, VerificationError),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
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
        builder.build_client_verifier().verify(leaf, [])
    except _UNFIT as error:
        raise EvidenceInvalid("an endorser whose certificate does not chain to its organisation's roots") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise EvidenceInvalid("an endorser whose key is not for ECDSA")
    try:
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise EvidenceInvalid("an endorser's signature is bad") from error
    return Certificate(
        units=frozenset(str(one.value) for one in leaf.subject.get_attributes_for_oid(_UNIT)),
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        not_before=int(leaf.not_valid_before_utc.timestamp()),
        not_after=int(leaf.not_valid_after_utc.timestamp()),
    )


def _require_ca(found: x509.BasicConstraints) -> None:
    if not found.ca:
        raise ValueError("not an authority")
