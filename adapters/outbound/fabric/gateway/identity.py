"""Who acts on a channel: an X.509 certificate of an organisation, and what signs with its private key."""

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature

from adapters.outbound.fabric.gateway.messages import SerializedIdentity
from shared.protowire import encode

Sign = Callable[[bytes], bytes]
"""Signs a SHA-256 digest (32 bytes): ECDSA over P-256 in DER, with low S. A signing service can be behind it."""

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the curve's group (SEC 2, secp256r1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """`msp_id` names the organisation on the channel, `certificate` is the member's own, as PEM."""

    msp_id: str
    certificate: bytes

    @property
    def serialized(self) -> bytes:
        """As Fabric's headers carry it."""
        return encode(SerializedIdentity(mspid=self.msp_id, id_bytes=self.certificate))


def signer(private_key: bytes) -> Sign:
    """Signs with a P-256 private key in PEM; raises ValueError for any other key."""
    key = serialization.load_pem_private_key(private_key, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("Fabric's identities have ECDSA keys on the curve P-256")
    algorithm = ec.ECDSA(Prehashed(hashes.SHA256()))
    return lambda digest: low_s(key.sign(digest, algorithm))


def low_s(signature: bytes) -> bytes:
    """The same ECDSA signature (DER) with the smaller of its two S: peers refuse the larger one."""
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, min(s, P256_ORDER - s))
