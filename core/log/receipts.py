"""Receipts: a record with all that proves it offline, in two spellings, and the verification that names what fails."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import NoReturn

from core.log.checkpoints import Checkpoint, check_cosignatures, open_checkpoint, parse_checkpoint
from core.log.disclosures import Disclosure, Opening, open_sealed, parse_disclosure
from core.log.errors import (
    EvidenceInvalid,
    LogInvalid,
    MalformedReceipt,
    MalformedRecord,
    ProofInvalid,
    SignatureInvalid,
)
from core.log.evidence import Assurance, Signatures, Vouched, check_evidence
from core.log.merkle import verify_inclusion
from core.log.notes import Note, Signed, Verify, decode64, encode64, parse_note
from core.log.proofs import MAX_PROOF, LogProof, parse_proof
from core.log.records import COMMITMENT_SIZE, SALT_SIZE, Record, commitment, leaf_of, parse_record
from core.log.trust import TrustBundle
from shared.canonical import Json, NotCanonical, b64url, dumps, loads, unb64url

__all__ = [
    "Assurance",
    "Receipt",
    "State",
    "Step",
    "TrustBundle",
    "Validity",
    "Verification",
    "make_receipt",
    "parse_receipt",
    "receipt_json",
    "receipt_text",
    "verify_bytes",
    "verify_receipt",
]

VERSION = 1
_EXTRA_MEMBERS = {"v", "record", "salt", "commitment", "disclosures", "evidence", "check"}
_VIEW_MEMBERS = _EXTRA_MEMBERS | {"index", "hashes", "checkpoint"}


class Validity(StrEnum):
    VALID = "valid"
    REDACTED = "valid-with-redactions"
    INVALID = "invalid"


class State(StrEnum):
    """Whether the ledger vouches for the checkpoint; computed from the evidence, never stored (rule vis12)."""

    PROVISIONAL = "provisional"
    ANCHORED = "anchored"


class Step(StrEnum):
    """The steps of a verification, in their order."""

    FORMAT = "format"
    RECORD = "record"
    COMMITMENT = "commitment"
    INCLUSION = "inclusion"
    SIGNATURE = "checkpoint signature"
    KEY_RANGE = "key range"
    DISCLOSURES = "disclosures"
    EVIDENCE = "ledger evidence"
    COSIGNATURES = "cosignatures"
    CERTIFICATES = "endorsers' certificates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt as it was read, nothing of it checked beyond its form.

    `check` is the hash of the proof without the extra line. It proves nothing; but the signature line of a witness whom
    the verifier does not know is otherwise covered by nothing, and damage there should be seen too.
    """

    record: bytes
    salt: bytes
    commitment: bytes
    disclosures: tuple[str, ...]
    evidence: Mapping[str, Json] | None
    check: str
    proof: LogProof
    note: Note
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a verification found. An invalid receipt has a step and a reason, a valid one a state and an assurance.

    `opened` and `redacted` are the record's personal values by JSON pointer; `anchored_at` is in POSIX seconds, the
    ledger's own word. `organisations` are those whose peers endorsed it; their certificates were judged at
    `certificates_at`, the earliest witness's time: None means that no time is known at which they could be.
    """

    validity: Validity
    state: State | None = None
    assurance: Assurance | None = None
    step: Step | None = None
    reason: str | None = None
    record: Record | None = None
    checkpoint: Checkpoint | None = None
    opened: Mapping[str, Json] = field(default_factory=dict)
    redacted: tuple[str, ...] = ()
    anchored_at: int | None = None
    organisations: tuple[str, ...] = ()
    certificates_at: int | None = None


def make_receipt(
    *,
    record: bytes,
    salt: bytes,
    disclosures: Sequence[Disclosure],
    evidence: Mapping[str, Json] | None,
    index: int,
    hashes: Sequence[bytes],
    checkpoint: str,
) -> Receipt:
    """A receipt out of its parts, `checkpoint` being the signed note. Verifies nothing; raises LogInvalid."""
    proof = LogProof(index=index, hashes=tuple(hashes), note=checkpoint)
    members: dict[str, Json] = {
        "v": VERSION,
        "record": _decode(record),
        "salt": b64url(salt),
        "commitment": b64url(commitment(salt, record)),
        "disclosures": [each.encoded for each in disclosures],
        "evidence": None if evidence is None else dict(evidence),
        "check": _check(proof),
    }
    return _receipt(members, proof)


def receipt_text(receipt: Receipt) -> str:
    """The receipt as a tlog-proof whose extra data is one canonical JSON object: the form that is kept in a file."""
    proof = receipt.proof
    return str(LogProof(index=proof.index, hashes=proof.hashes, note=proof.note, extra=dumps(_members(receipt))))


def receipt_json(receipt: Receipt) -> dict[str, Json]:
    """The same receipt as one JSON object, for the API; how it is spelt as JSON does not matter."""
    proof = receipt.proof
    hashes: list[Json] = [encode64(each) for each in proof.hashes]
    return {**_members(receipt), "index": proof.index, "hashes": hashes, "checkpoint": proof.note}


def parse_receipt(data: bytes) -> Receipt:
    """Reads either spelling; raises MalformedReceipt for everything else."""
    try:
        if len(data) > MAX_PROOF:
            raise MalformedReceipt("too long")
        if data.lstrip(b" \t\r\n").startswith(b"{"):
            return _from_view(_read_json(data))
        proof = parse_proof(data.decode())
        if proof.extra is None:
            raise MalformedReceipt("no extra line")
        return _receipt(_object(loads(proof.extra), _EXTRA_MEMBERS), proof.bare())
    except MalformedReceipt:
        raise
    except UnicodeDecodeError as error:
        raise MalformedReceipt("not UTF-8") from error
    except (LogInvalid, NotCanonical) as error:
        raise MalformedReceipt(str(error.parameters["reason"])) from error


def verify_bytes(data: bytes, bundle: TrustBundle, signatures: Signatures) -> Verification:
    """Verifies a receipt as it came, in either spelling; never raises."""
    try:
        receipt = parse_receipt(data)
    except MalformedReceipt as error:
        return Verification(validity=Validity.INVALID, step=Step.FORMAT, reason=error.reason)
    return verify_receipt(receipt, bundle, signatures)


def verify_receipt(receipt: Receipt, bundle: TrustBundle, signatures: Signatures) -> Verification:
    """Takes every step in order with nothing but the bundle; stops at the first that fails and names it."""
    step = Step.RECORD
    try:
        record = parse_record(receipt.record)
        step = Step.COMMITMENT
        _check_commitment(receipt)
        step = Step.INCLUSION
        _check_inclusion(receipt)
        step = Step.SIGNATURE
        signers = _check_signature(receipt, record, bundle, signatures.ed25519)
        step = Step.KEY_RANGE
        _check_ranges(receipt, signers, bundle)
        step = Step.DISCLOSURES
        opening = open_sealed(record.sealed, map(parse_disclosure, receipt.disclosures))
        step = Step.EVIDENCE
        vouched = _check_ledger(receipt, bundle, signatures)
        step = Step.COSIGNATURES
        signed = _check_witnesses(receipt, bundle, signatures.ed25519)
        step = Step.CERTIFICATES
        certificates_at = _check_certificates(vouched, signed)
    except LogInvalid as error:
        return Verification(validity=Validity.INVALID, step=step, reason=error.reason)
    return Verification(
        validity=_validity(opening),
        state=State.PROVISIONAL if vouched is None else State.ANCHORED,
        assurance=_assurance(vouched, signed, bundle),
        record=record,
        checkpoint=receipt.checkpoint,
        opened=opening.opened,
        redacted=opening.redacted,
        anchored_at=None if vouched is None else vouched.at,
        organisations=() if vouched is None else vouched.organisations,
        certificates_at=certificates_at,
    )


def _check_commitment(receipt: Receipt) -> None:
    if commitment(receipt.salt, receipt.record) != receipt.commitment:
        raise MalformedRecord("record and salt do not open the commitment")


def _check_inclusion(receipt: Receipt) -> None:
    checkpoint, proof = receipt.checkpoint, receipt.proof
    verify_inclusion(leaf_of(receipt.commitment), proof.index, checkpoint.size, proof.hashes, checkpoint.root)


def _check_signature(receipt: Receipt, record: Record, bundle: TrustBundle, verify: Verify) -> set[str]:
    """The log's keys that signed the checkpoint."""
    if receipt.checkpoint.origin != record.log:
        raise SignatureInvalid("the checkpoint is another log's than the record")
    if record.log not in bundle.logs:
        raise SignatureInvalid("the trust bundle does not know this log")
    keys = [each.key for each in bundle.logs[record.log]]
    return {str(key) for key in open_checkpoint(receipt.proof.note, keys, verify).keys}


def _check_ranges(receipt: Receipt, signers: set[str], bundle: TrustBundle) -> None:
    ranges = bundle.logs[receipt.checkpoint.origin]
    if not any(each.covers(receipt.checkpoint.size) for each in ranges if str(each.key) in signers):
        raise SignatureInvalid("the key that signed is not good for this tree size")


def _check_ledger(receipt: Receipt, bundle: TrustBundle, signatures: Signatures) -> Vouched | None:
    """What the ledger's evidence gives; None where there is none yet."""
    if receipt.evidence is None:
        return None
    return check_evidence(receipt.evidence, receipt.checkpoint, bundle.ledger, signatures)


def _check_witnesses(receipt: Receipt, bundle: TrustBundle, verify: Verify) -> tuple[Signed, ...]:
    """The cosignatures of witnesses that the policy names."""
    signed = check_cosignatures(receipt.note, bundle.witnesses.witnesses.values(), verify)
    if _check(receipt.proof) != receipt.check:
        raise ProofInvalid("signature lines are not those that the receipt was made with")
    return signed


def _check_certificates(vouched: Vouched | None, signed: Sequence[Signed]) -> int | None:
    """When the endorsers' certificates were judged: a peer signs no time, so it takes a witness who did."""
    times = [each.time for each in signed if each.time is not None]
    if vouched is None or vouched.good_from is None or vouched.good_until is None or not times:
        return None
    if not vouched.good_from <= min(times) <= vouched.good_until:
        raise EvidenceInvalid("an endorser's certificate was not good when the first witness cosigned")
    return min(times)


def _assurance(vouched: Vouched | None, signed: Sequence[Signed], bundle: TrustBundle) -> Assurance:
    """A policy without quorum is never met, since it asks for nothing."""
    policy = bundle.witnesses
    own = Assurance.SELF if vouched is None else vouched.assurance
    quorum = policy.quorum is not None and policy.satisfied_by(each.key for each in signed)
    return Assurance.WITNESSED if quorum and own is Assurance.SELF else own


def _validity(opening: Opening) -> Validity:
    return Validity.REDACTED if opening.redacted else Validity.VALID


def _check(proof: LogProof) -> str:
    return b64url(sha256(str(proof).encode()).digest())


def _members(receipt: Receipt) -> dict[str, Json]:
    return {
        "v": VERSION,
        "record": _decode(receipt.record),
        "salt": b64url(receipt.salt),
        "commitment": b64url(receipt.commitment),
        "disclosures": list[Json](receipt.disclosures),
        "evidence": None if receipt.evidence is None else dict(receipt.evidence),
        "check": receipt.check,
    }


def _receipt(members: Mapping[str, Json], proof: LogProof) -> Receipt:
    match members:
        case {
            "v": int(version),
            "record": str(record),
            "salt": str(salt),
            "commitment": str(committed),
            "disclosures": list(disclosures),
            "evidence": (dict() | None) as evidence,
            "check": str(check),
        } if version == VERSION and not isinstance(version, bool):
            note = parse_note(proof.note)
            return Receipt(
                record=record.encode(),
                salt=_exactly(unb64url(salt), SALT_SIZE),
                commitment=_exactly(unb64url(committed), COMMITMENT_SIZE),
                disclosures=tuple(_text(each) for each in disclosures),
                evidence=evidence,
                check=check,
                proof=proof,
                note=note,
                checkpoint=parse_checkpoint(note.text),
            )
    raise MalformedReceipt("another version, or a member of another kind")


def _from_view(view: Json) -> Receipt:
    members = _object(view, _VIEW_MEMBERS)
    match members:
        case {"index": int(index), "hashes": list(hashes), "checkpoint": str(note)}:
            # Written and read again, so that both spellings pass through the same limits.
            written = LogProof(index=index, hashes=tuple(decode64(_text(each)) for each in hashes), note=note)
            return _receipt(members, parse_proof(str(written)))
    raise MalformedReceipt("index, hashes or checkpoint is of another kind")


def _read_json(data: bytes) -> Json:
    try:
        value: Json = json.loads(
            data.decode(), object_pairs_hook=_once, parse_float=_no_number, parse_constant=_no_number
        )
    except (ValueError, RecursionError) as error:
        raise MalformedReceipt("not JSON") from error
    dumps(value)
    return value


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedReceipt("a member twice")
    return members


def _no_number(_text: str) -> NoReturn:
    raise MalformedReceipt("a number that is not an integer")


def _object(value: Json, members: set[str]) -> dict[str, Json]:
    if not isinstance(value, dict) or value.keys() != members:
        raise MalformedReceipt("not the members of a receipt")
    return value


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise MalformedReceipt(f"not {size} bytes")
    return data


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise MalformedReceipt("not text")
    return value


def _decode(record: bytes) -> str:
    try:
        return record.decode()
    except UnicodeDecodeError as error:
        raise MalformedReceipt("the record is not UTF-8") from error
