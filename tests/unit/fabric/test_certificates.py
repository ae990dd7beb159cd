"""A network's certificates, judged by the verifier of the package cryptography, which did not make them."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import (
    ClientVerifier,
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from concordat.fabric.certificates import LASTS, Authority, Issued

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new("Org1MSP CA", AT)


def _verifier(authority: Authority, at: datetime = AT) -> PolicyBuilder:
    roots = Store([x509.load_pem_x509_certificate(authority.issued.certificate)])
    return PolicyBuilder().store(roots).time(at).max_chain_depth(0)


def _loaded(issued: Issued) -> x509.Certificate:
    return x509.load_pem_x509_certificate(issued.certificate)


@pytest.mark.parametrize("host", [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
def test_certificate_for_tls_is_good_for_this_machine(
    authority: Authority, host: x509.DNSName | x509.IPAddress
) -> None:
    certificate = _loaded(authority.server("peer", AT))
    _verifier(authority).build_server_verifier(host).verify(certificate, [])
    _verifier(authority).build_client_verifier().verify(certificate, [])


def test_certificate_for_tls_is_not_good_for_another_machine_or_later(authority: Authority) -> None:
    certificate = _loaded(authority.server("peer", AT))
    elsewhere = _verifier(authority).build_server_verifier(x509.DNSName("peer.example"))
    later = _verifier(authority, AT + LASTS + timedelta(hours=1)).build_client_verifier()
    for verifier in (elsewhere, later):
        with pytest.raises(VerificationError):
            verifier.verify(certificate, [])


@pytest.mark.parametrize("unit", ["client", "peer", "admin", "orderer"])
def test_identity_chains_to_its_authority_and_to_no_other(authority: Authority, unit: str) -> None:
    certificate = _loaded(authority.identity("somebody", unit, AT))
    _identities(authority).verify(certificate, [])
    with pytest.raises(VerificationError):
        _identities(Authority.new("Org1MSP CA", AT)).verify(certificate, [])
    (found,) = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    assert found.value == unit


def test_key_belongs_to_its_certificate(authority: Authority) -> None:
    issued = authority.identity("somebody", "client", AT)
    key = serialization.load_pem_private_key(issued.private_key, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == _loaded(issued).public_key()
    assert isinstance(key.curve, ec.SECP256R1)


def test_authority_names_the_key_that_it_signs_with(authority: Authority) -> None:
    """Fabric refuses an authority without."""
    of_authority = _loaded(authority.issued).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = _loaded(authority.identity("somebody", "peer", AT))
    named = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert named.key_identifier == of_authority.digest


def _identities(authority: Authority) -> ClientVerifier:
    """For identities, which have no host: everything else is asked as on the web."""
    ca = ExtensionPolicy.webpki_defaults_ca()
    leaf = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.CRITICAL, None)
    return _verifier(authority).extension_policies(ca_policy=ca, ee_policy=leaf).build_client_verifier()
