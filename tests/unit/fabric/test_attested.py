"""Attested reads: what verifies, what each forgery is refused for, and that no byte of one can change unseen."""

import json
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.outbound.fabric.gateway.identity import P256_ORDER
from adapters.outbound.x509 import check_endorsement
from core.log.checkpoints import Checkpoint
from core.log.errors import EvidenceInvalid
from core.log.fabric.attested import Attestation, AttestedRead, about_checkpoint, check_attested, checkpoint_answer
from core.log.fabric.messages import KVRead, KVRWSet, NsReadWriteSet, Version
from shared.canonical import b64url, dumps
from shared.protowire import encode
from tests.support.attested import CONTRACT, Making, trust_in
from tests.support.organisations import BEGAN, ENDS, Member, Organisation

CHECKPOINT = Checkpoint(origin="clubs.example/harbour/1", size=300, root=bytes(range(32)))
HARBOUR, SUMMIT, MEADOW = (Organisation(name) for name in ("HarbourMSP", "SummitMSP", "MeadowMSP"))
PEERS = {one.msp_id: one.member() for one in (HARBOUR, SUMMIT, MEADOW)}
GOOD = Making(checkpoint=CHECKPOINT, endorsers=list(PEERS.items())[:2])
TRUST = trust_in(HARBOUR, SUMMIT, MEADOW, k=2)
KEY = "cp/clubs.example/harbour/1/300"
READ = KVRead(key=KEY, version=Version(block_num=7))


def check(read: AttestedRead, checkpoint: Checkpoint = CHECKPOINT, **changed: Any) -> Attestation:
    return check_attested(read.to_json(), about_checkpoint(checkpoint), replace(TRUST, **changed), check_endorsement)


def test_a_read_that_enough_organisations_endorsed_verifies() -> None:
    attestation = check(GOOD.read())
    assert attestation.organisations == ("HarbourMSP", "SummitMSP")
    assert (attestation.not_before, attestation.not_after) == (int(BEGAN.timestamp()), int(ENDS.timestamp()))
    assert check(GOOD.but(endorsers=list(PEERS.items())).read()).organisations == tuple(sorted(PEERS))


def test_a_peer_of_a_department_is_a_peer() -> None:
    endorsers = [("HarbourMSP", HARBOUR.member(department="boats")), SUMMITS]
    assert check(GOOD.but(endorsers=endorsers).read()).organisations == ("HarbourMSP", "SummitMSP")


def test_a_key_written_in_the_first_place_of_the_first_block_has_a_version_too() -> None:
    check(GOOD.but(reads=(KVRead(key=KEY, version=Version()),)).read())


def test_the_life_that_all_certificates_share_is_told() -> None:
    young = HARBOUR.member(began=BEGAN + timedelta(days=40))
    short = SUMMIT.member(ends=ENDS - timedelta(days=40))
    attestation = check(GOOD.but(endorsers=[("HarbourMSP", young), ("SummitMSP", short)]).read())
    assert attestation.not_before == int((BEGAN + timedelta(days=40)).timestamp())
    assert attestation.not_after == int((ENDS - timedelta(days=40)).timestamp())


OTHER = Checkpoint(origin=CHECKPOINT.origin, size=300, root=bytes(32))
LATER = Checkpoint(origin=CHECKPOINT.origin, size=301, root=CHECKPOINT.root)
IMPOSTOR = Organisation("HarbourMSP")
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
NO_AUTHORITY = Organisation("HarbourMSP", is_authority=False)
HARBOURS, SUMMITS = ("HarbourMSP", PEERS["HarbourMSP"]), ("SummitMSP", PEERS["SummitMSP"])
ELSEWHERE = NsReadWriteSet(namespace="assets", rwset=encode(KVRWSet(reads=(READ,))))

FORGED = {
    "another channel": (GOOD.but(channel="elsewhere"), "another channel"),
    "no transaction of an endorser": (GOOD.but(header_type=1), "another channel"),
    "a call of another contract": (GOOD.but(called="assets"), "another contract"),
    "an answer of another contract": (GOOD.but(answered="assets"), "another contract"),
    "a call of another function": (GOOD.but(arguments=(b"Head", b"clubs.example/harbour/1")), "no read of this"),
    "a call about another size": (
        GOOD.but(arguments=(b"Checkpoint", CHECKPOINT.origin.encode(), b"299")),
        "no read of this",
    ),
    "an argument too many": (
        GOOD.but(arguments=(b"Checkpoint", CHECKPOINT.origin.encode(), b"300", b"")),
        "no read of this",
    ),
    "an answer with another root": (GOOD.but(answer=checkpoint_answer(OTHER)), "something else"),
    "an answer that says more": (GOOD.but(answer=checkpoint_answer(CHECKPOINT)[:-1] + b',"x":1}'), "something else"),
    "an empty answer": (GOOD.but(answer=b""), "something else"),
    "a refusal": (GOOD.but(status=500), "no answer"),
    "a key that is not there": (GOOD.but(reads=(KVRead(key=KEY),)), "not one committed read"),
    "nothing read": (GOOD.but(reads=()), "not one committed read"),
    "the head read": (
        GOOD.but(reads=(KVRead(key="head/clubs.example/harbour/1", version=Version()),)),
        "not one committed",
    ),
    "the head read as well": (
        GOOD.but(reads=(READ, KVRead(key="head/clubs.example/harbour/1", version=Version()))),
        "not one committed",
    ),
    "a write": (GOOD.but(writes=(b"\x0a\x01x",)), "more than a plain read"),
    "a metadata write": (GOOD.but(metadata_writes=(b"\x0a\x01x",)), "more than a plain read"),
    "a range": (GOOD.but(range_queries=(b"\x0a\x01x",)), "more than a plain read"),
    "an event": (GOOD.but(events=b"\x0a\x01x"), "no event"),
    "another namespace": (GOOD.but(extra_namespaces=(ELSEWHERE,)), "other namespaces"),
    "the contract's namespace twice": (
        GOOD.but(extra_namespaces=(NsReadWriteSet(namespace=CONTRACT, rwset=encode(KVRWSet(reads=(READ,)))),)),
        "other namespaces",
    ),
    "a write to the lifecycle": (GOOD.but(lifecycle=KVRWSet(writes=(b"\x0a\x01x",))), "more than a plain read"),
    "no lifecycle": (GOOD.but(lifecycle=None), "other namespaces"),
    "the hash of another proposal": (GOOD.but(hashed=bytes(32)), "another proposal"),
    "one organisation alone": (GOOD.but(endorsers=[HARBOURS]), "too few"),
    "one organisation twice": (
        GOOD.but(endorsers=[HARBOURS, ("HarbourMSP", HARBOUR.member())]),
        "counted already",
    ),
    "an organisation that nobody knows": (
        GOOD.but(endorsers=[HARBOURS, SUMMITS, ("StrangerMSP", Organisation("StrangerMSP").member())]),
        "unknown",
    ),
    "a client": (GOOD.but(endorsers=[("HarbourMSP", HARBOUR.member("client")), SUMMITS]), "no peer"),
    "an administrator": (GOOD.but(endorsers=[("HarbourMSP", HARBOUR.member("admin")), SUMMITS]), "no peer"),
    "a client of a department that is called peer": (
        GOOD.but(endorsers=[("HarbourMSP", HARBOUR.member("client", department="peer")), SUMMITS]),
        "no peer",
    ),
    "a certificate that begins in the last second of time": (
        GOOD.but(endorsers=[("HarbourMSP", HARBOUR.member(began=NEVER, ends=NEVER)), SUMMITS]),
        "does not chain",
    ),
    "another organisation's peer": (
        GOOD.but(endorsers=[("HarbourMSP", PEERS["MeadowMSP"]), SUMMITS]),
        "does not chain",
    ),
    "an authority of the same name": (
        GOOD.but(endorsers=[("HarbourMSP", IMPOSTOR.member()), SUMMITS]),
        "does not chain",
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_read_is_refused(name: str) -> None:
    making, reason = FORGED[name]
    with pytest.raises(EvidenceInvalid, match=reason):
        check(making.read())


@pytest.mark.parametrize("checkpoint", [OTHER, LATER, replace(CHECKPOINT, origin="clubs.example/summit/1")])
def test_a_read_vouches_for_no_other_checkpoint(checkpoint: Checkpoint) -> None:
    with pytest.raises(EvidenceInvalid):
        check(GOOD.read(), checkpoint)


def test_a_revoked_certificate_counts_no_more() -> None:
    fingerprint = sha256(_der(PEERS["HarbourMSP"].pem)).hexdigest()
    with pytest.raises(EvidenceInvalid, match="revoked"):
        check(GOOD.read(), revocations=(fingerprint,))


@pytest.mark.parametrize("_number", range(8))
def test_a_revoked_certificate_counts_no_more_in_whichever_form_its_authority_s_signature_is_given(
    _number: int,
) -> None:
    """Fabric's peers present one with the lower S: the fingerprint of the file missed half of them."""
    as_issued = HARBOUR.member()
    r, s = decode_dss_signature(as_issued.certificate.signature)
    other = encode_dss_signature(r, P256_ORDER - s)
    presented = as_issued.certificate.public_bytes(Encoding.DER).replace(
        _bits(as_issued.certificate.signature), _bits(other)
    )
    # The lengths around it change with that of the signature.
    content = presented[4:]
    presented = b"\x30\x82" + len(content).to_bytes(2, "big") + content
    endorser = Member(x509.load_der_x509_certificate(presented), as_issued.key)
    making = Making(checkpoint=CHECKPOINT, endorsers=[("HarbourMSP", endorser), ("SummitMSP", PEERS["SummitMSP"])])
    assert check(making.read()).organisations == ("HarbourMSP", "SummitMSP")
    assert _der(endorser.pem) != _der(as_issued.pem)
    for form in (endorser, as_issued):
        with pytest.raises(EvidenceInvalid, match="revoked"):
            check(making.read(), revocations=(sha256(_der(form.pem)).hexdigest(),))


def test_a_bundle_without_organisations_believes_nothing() -> None:
    bundles: list[dict[str, Any]] = [{"k": 0}, {"k": 3}, {"organisations": {}}, {"channel": None}, {"contract": None}]
    for changed in bundles:
        with pytest.raises(EvidenceInvalid):
            check(GOOD.read(), **changed)


def test_a_root_that_is_no_authority_vouches_for_nobody() -> None:
    endorsers = [("HarbourMSP", NO_AUTHORITY.member()), SUMMITS]
    trust = trust_in(NO_AUTHORITY, SUMMIT, k=2)
    with pytest.raises(EvidenceInvalid, match="does not chain"):
        check_attested(
            GOOD.but(endorsers=endorsers).read().to_json(), about_checkpoint(CHECKPOINT), trust, check_endorsement
        )


def test_no_byte_of_a_read_can_change_unseen() -> None:
    """Each byte of each part, one bit of it turned; what the endorsers did not sign decides who they are."""
    read = GOOD.read()
    for name in ("channel_header", "signature_header", "call", "payload"):
        data = getattr(read, name)
        for place in range(len(data)):
            with pytest.raises(EvidenceInvalid):
                check(_with(read, name, _turned(data, place)))
    (endorser, signature), other = read.endorsements
    for place in range(len(endorser)):
        with pytest.raises(EvidenceInvalid):
            check(replace(read, endorsements=((_turned(endorser, place), signature), other)))
    for place in range(len(signature)):
        with pytest.raises(EvidenceInvalid):
            check(replace(read, endorsements=((endorser, _turned(signature, place)), other)))


def test_a_signature_has_no_second_spelling() -> None:
    read = GOOD.read()
    (endorser, signature), other = read.endorsements
    r, s = decode_dss_signature(signature)
    larger = encode_dss_signature(r, P256_ORDER - s)
    with pytest.raises(EvidenceInvalid, match="larger S"):
        check(replace(read, endorsements=((endorser, larger), other)))


EVIDENCE = GOOD.read().to_json()
MALFORMED = {
    "a member too many": {**EVIDENCE, "more": 1},
    "a member too few": {name: value for name, value in EVIDENCE.items() if name != "call"},
    "no endorsements": {**EVIDENCE, "endorsements": []},
    "too many endorsements": {**EVIDENCE, "endorsements": [["", ""]] * 65},
    "an endorsement of three": {**EVIDENCE, "endorsements": [["", "", ""]]},
    "an endorsement of numbers": {**EVIDENCE, "endorsements": [[1, 2]]},
    "no base64": {**EVIDENCE, "payload": "!"},
    "base64 with padding": {**EVIDENCE, "payload": "AA=="},
    "a payload that is no message": {**EVIDENCE, "payload": b64url(b"\xff")},
    "an endorser that is no message": {**EVIDENCE, "endorsements": [[b64url(b"\xff"), ""]]},
    "a number for text": {**EVIDENCE, "call": 1},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_evidence_is_refused(name: str) -> None:
    with pytest.raises(EvidenceInvalid):
        check_attested(json.loads(json.dumps(MALFORMED[name])), about_checkpoint(CHECKPOINT), TRUST, check_endorsement)


def test_evidence_of_three_organisations_is_small() -> None:
    """Most of it are certificates."""
    assert len(dumps(GOOD.but(endorsers=list(PEERS.items())).read().to_json())) < 5000


def _with(read: AttestedRead, name: str, data: Any) -> AttestedRead:
    return replace(read, **{name: data})


def _turned(data: bytes, place: int) -> bytes:
    return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]


def _bits(signature: bytes) -> bytes:
    """The last element of a certificate."""
    return bytes([3, len(signature) + 1, 0]) + signature


def _der(pem: bytes) -> bytes:
    return b64decode(b"".join(pem.splitlines()[1:-1]))
