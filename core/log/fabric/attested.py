"""Attested reads: peers of several organisations sign that they committed something, and anybody can check it.

Fabric's commit status is unsigned, so evidence keeps the endorsements of a read instead, of a checkpoint's key or that
of a settlement, which say: peers of these organisations have this in their committed state.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from core.log.checkpoints import Checkpoint
from core.log.errors import EvidenceInvalid, LogInvalid
from core.log.fabric.messages import (
    ENDORSER_TRANSACTION,
    ChaincodeAction,
    ChaincodeID,
    ChaincodeInput,
    ChaincodeInvocationSpec,
    ChaincodeProposalPayload,
    ChaincodeSpec,
    ChannelHeader,
    KVRWSet,
    ProposalResponsePayload,
    Response,
    SerializedIdentity,
    TxReadWriteSet,
)
from core.log.pairs import Settled
from core.log.trust import LedgerTrust
from shared.canonical import Json, NotCanonical, b64url, dumps, loads, unb64url
from shared.protowire import NotProtobuf, decode, encode

ATTESTED_READ = "fabric-attested-read"
CHECKPOINT_FUNCTION, SETTLEMENT_FUNCTION = "Checkpoint", "Settlement"
LIFECYCLE = "_lifecycle"
"""The namespace in which every invocation reads the chaincode's definition."""

MOST_ENDORSEMENTS = 64
PEER = "peer"
"""The organisational unit of certificates that may endorse: clients' chain to the same roots."""

ROLES = frozenset({PEER, "client", "admin", "orderer"})
"""Units that say what somebody is. Fabric knows nobody who is two of them; any other unit is a department's name."""

_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a good endorser's certificate says: units, and its life in POSIX seconds.

    `fingerprints` are the SHA-256 of its DER (hex), in each form that anybody can give its authority's signature.
    """

    units: frozenset[str]
    fingerprints: frozenset[str]
    not_before: int
    not_after: int


CheckEndorsement = Callable[[bytes, Sequence[str], bytes, bytes], Certificate]
"""(certificate PEM, root certificates PEM, message, signature) to the certificate, if it chains to one of the roots,
whenever that is, and the ECDSA signature over the message is its key's; raises EvidenceInvalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedRead:
    """A proposal's headers and call, the payload that its endorsers signed, and each endorser with its signature."""

    channel_header: bytes
    signature_header: bytes
    call: bytes
    payload: bytes
    endorsements: tuple[tuple[bytes, bytes], ...]

    def with_endorsements(self, endorsements: tuple[tuple[bytes, bytes], ...]) -> "AttestedRead":
        """The same read, endorsed by these."""
        return replace(self, endorsements=endorsements)

    def to_json(self) -> dict[str, Json]:
        """The evidence as a receipt holds it."""
        return {
            "kind": ATTESTED_READ,
            "channel_header": b64url(self.channel_header),
            "signature_header": b64url(self.signature_header),
            "call": b64url(self.call),
            "payload": b64url(self.payload),
            "endorsements": [[b64url(endorser), b64url(signature)] for endorser, signature in self.endorsements],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """Whose peers vouch for the checkpoint, sorted, and from when to when all of their certificates were good."""

    organisations: tuple[str, ...]
    not_before: int
    not_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A read of the contract: what is called with, the one key that it reads, and what it must answer.

    The key is written once and never again, so that the answer is good for ever.
    """

    call: tuple[str, ...]
    key: str
    answer: bytes


def about_checkpoint(checkpoint: Checkpoint) -> Question:
    """Is this checkpoint held?"""
    origin, size = checkpoint.origin, checkpoint.size
    call = (CHECKPOINT_FUNCTION, origin, str(size))
    return Question(call=call, key=checkpoint_key(origin, size), answer=checkpoint_answer(checkpoint))


def about_settlement(settled: Settled) -> Question:
    """Was this settled?"""
    call = (SETTLEMENT_FUNCTION, b64url(settled.pair), settled.period)
    return Question(call=call, key=settled.key, answer=settled.answer)


def checkpoint_key(origin: str, size: int) -> str:
    """Where the contract keeps a checkpoint; it is written once and never again."""
    return f"cp/{origin}/{size}"


def checkpoint_answer(checkpoint: Checkpoint) -> bytes:
    """What the contract answers to `Checkpoint`: the answer says itself what it is about."""
    return dumps({"origin": checkpoint.origin, "size": checkpoint.size, "root": b64url(checkpoint.root)})


def answered_checkpoint(read: AttestedRead) -> Checkpoint:
    """The checkpoint that the contract answered with; raises EvidenceInvalid."""
    try:
        action = decode(ChaincodeAction, decode(ProposalResponsePayload, read.payload).extension)
        match loads((action.response or Response()).payload):
            case {"origin": str(origin), "size": int(size), "root": str(root)}:
                return Checkpoint(origin=origin, size=size, root=unb64url(root))
    except (NotProtobuf, NotCanonical, LogInvalid) as error:
        raise EvidenceInvalid("the contract answered with no checkpoint") from error
    raise EvidenceInvalid("the contract answered with no checkpoint")


def has_writes(results: bytes) -> bool:
    """Whether a transaction with these results (a TxReadWriteSet) would change anything; raises NotProtobuf."""
    spaces = decode(TxReadWriteSet, results).namespaces
    touched = [decode(KVRWSet, space.rwset) for space in spaces]
    return any(each.writes or each.metadata_writes for each in touched)


def check_attested(
    evidence: Mapping[str, Json], question: Question, trust: LedgerTrust, check: CheckEndorsement
) -> Attestation:
    """Raises EvidenceInvalid unless peers of k of the bundle's organisations signed exactly this answer to this.

    When their certificates were good is told and not judged: a peer's signature covers no time that anybody trusts.
    """
    try:
        read = parse_attested(evidence)
        action = _signed_action(read)
        _check_call(read, question, trust)
        _check_action(action, question, trust)
    except (NotProtobuf, NotCanonical) as error:
        raise EvidenceInvalid("an attested read that is malformed") from error
    return _check_endorsements(read, trust, check)


def parse_attested(evidence: Mapping[str, Json]) -> AttestedRead:
    """The evidence of a receipt, nothing of it checked; raises EvidenceInvalid or NotCanonical."""
    match evidence:
        case {
            "kind": "fabric-attested-read",
            "channel_header": str(channel_header),
            "signature_header": str(signature_header),
            "call": str(call),
            "payload": str(payload),
            "endorsements": list(endorsements),
            **others,
        } if not others and 0 < len(endorsements) <= MOST_ENDORSEMENTS:
            return AttestedRead(
                channel_header=unb64url(channel_header),
                signature_header=unb64url(signature_header),
                call=unb64url(call),
                payload=unb64url(payload),
                endorsements=tuple(map(_endorsement, endorsements)),
            )
    raise EvidenceInvalid("not the members of an attested read")


def _endorsement(value: Json) -> tuple[bytes, bytes]:
    match value:
        case [str(endorser), str(signature)]:
            return unb64url(endorser), unb64url(signature)
    raise EvidenceInvalid("an endorsement is an endorser and a signature")


def _signed_action(read: AttestedRead) -> ChaincodeAction:
    """What was signed, if it was signed about this very proposal."""
    signed = decode(ProposalResponsePayload, read.payload)
    hashed = encode(ChaincodeProposalPayload(input=read.call))
    if signed.proposal_hash != sha256(read.channel_header + read.signature_header + hashed).digest():
        raise EvidenceInvalid("the endorsers signed another proposal")
    return decode(ChaincodeAction, signed.extension)


def _check_call(read: AttestedRead, question: Question, trust: LedgerTrust) -> None:
    header = decode(ChannelHeader, read.channel_header)
    if header.type != ENDORSER_TRANSACTION or header.channel_id != trust.channel:
        raise EvidenceInvalid("a read on another channel")
    spec = decode(ChaincodeInvocationSpec, read.call).chaincode_spec or ChaincodeSpec()
    if (spec.chaincode_id or ChaincodeID()).name != trust.contract:
        raise EvidenceInvalid("a call of another contract")
    if (spec.input or ChaincodeInput()).args != tuple(each.encode() for each in question.call):
        raise EvidenceInvalid("a call that is no read of this")


def _check_action(action: ChaincodeAction, question: Question, trust: LedgerTrust) -> None:
    response = action.response or Response()
    if (action.chaincode_id or ChaincodeID()).name != trust.contract or response.status != _OK:
        raise EvidenceInvalid("an answer of another contract, or no answer")
    if response.payload != question.answer:
        raise EvidenceInvalid("the peers hold something else")
    if action.events:
        raise EvidenceInvalid("a read has no event")
    spaces = decode(TxReadWriteSet, action.results).namespaces
    if sorted(space.namespace for space in spaces) != sorted((LIFECYCLE, str(trust.contract))):
        raise EvidenceInvalid("a read of other namespaces")
    for space in spaces:
        touched = decode(KVRWSet, space.rwset)
        if touched.writes or touched.metadata_writes or touched.range_queries or space.collections:
            raise EvidenceInvalid("more than a plain read")
        if space.namespace == trust.contract:
            _check_reads(touched, question.key)


def _check_reads(touched: KVRWSet, key: str) -> None:
    """What was read is committed state exactly if it has a version; one key, which is written once and never again."""
    keys = [read.key for read in touched.reads]
    if keys != [key] or touched.reads[0].version is None:
        raise EvidenceInvalid("not one committed read, of this key")


def _check_endorsements(read: AttestedRead, trust: LedgerTrust, check: CheckEndorsement) -> Attestation:
    good: dict[str, Certificate] = {}
    for endorser, signature in read.endorsements:
        try:
            identity = decode(SerializedIdentity, endorser)
        except NotProtobuf as error:
            raise EvidenceInvalid("an endorser that is malformed") from error
        roots = trust.organisations.get(identity.mspid)
        if roots is None or identity.mspid in good:
            raise EvidenceInvalid("an endorser of an organisation that is unknown, or counted already")
        certificate = check(identity.id_bytes, roots, read.payload + endorser, signature)
        if certificate.units & ROLES != {PEER}:
            raise EvidenceInvalid("an endorser that is no peer")
        if not certificate.fingerprints.isdisjoint(trust.revocations):
            raise EvidenceInvalid("an endorser whose certificate was revoked")
        good[identity.mspid] = certificate
    if trust.k < 1 or len(good) < trust.k:
        raise EvidenceInvalid("endorsed by too few organisations")
    return Attestation(
        organisations=tuple(sorted(good)),
        not_before=max(each.not_before for each in good.values()),
        not_after=min(each.not_after for each in good.values()),
    )
