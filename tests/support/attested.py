"""Attested reads as peers would make them, and everything about one that can be made wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from core.log.checkpoints import Checkpoint
from core.log.fabric.attested import LIFECYCLE, AttestedRead, checkpoint_answer, checkpoint_key
from core.log.fabric.messages import (
    ENDORSER_TRANSACTION,
    ChaincodeAction,
    ChaincodeID,
    ChaincodeInput,
    ChaincodeInvocationSpec,
    ChaincodeProposalPayload,
    ChaincodeSpec,
    ChannelHeader,
    KVRead,
    KVRWSet,
    NsReadWriteSet,
    ProposalResponsePayload,
    Response,
    SerializedIdentity,
    TxReadWriteSet,
    Version,
)
from core.log.trust import LedgerTrust
from shared.protowire import encode
from tests.support.organisations import Member, Organisation

CHANNEL, CONTRACT = "clubs", "witness"
DEFINED = KVRWSet(reads=(KVRead(key="namespaces/fields/witness/Sequence", version=Version(block_num=1)),))


@dataclass(frozen=True, kw_only=True)
class Making:
    """What goes into a read; the defaults are right for `checkpoint`."""

    checkpoint: Checkpoint
    endorsers: Sequence[tuple[str, Member]]
    channel: str = CHANNEL
    header_type: int = ENDORSER_TRANSACTION
    called: str = CONTRACT
    answered: str = CONTRACT
    arguments: tuple[bytes, ...] | None = None
    status: int = 200
    answer: bytes | None = None
    reads: tuple[KVRead, ...] | None = None
    writes: tuple[bytes, ...] = ()
    metadata_writes: tuple[bytes, ...] = ()
    range_queries: tuple[bytes, ...] = ()
    events: bytes = b""
    lifecycle: KVRWSet | None = DEFINED
    extra_namespaces: tuple[NsReadWriteSet, ...] = ()
    hashed: bytes | None = None

    def read(self) -> AttestedRead:
        """The read with its endorsers' signatures."""
        channel_header = encode(ChannelHeader(type=self.header_type, channel_id=self.channel))
        call, signature_header = self._call(), b"who asked, and a nonce"
        hashed = channel_header + signature_header + encode(ChaincodeProposalPayload(input=call))
        proposal_hash = sha256(hashed).digest() if self.hashed is None else self.hashed
        payload = encode(ProposalResponsePayload(proposal_hash=proposal_hash, extension=encode(self._action())))
        endorsers = [(encode(SerializedIdentity(mspid=name, id_bytes=one.pem)), one) for name, one in self.endorsers]
        return AttestedRead(
            channel_header=channel_header,
            signature_header=signature_header,
            call=call,
            payload=payload,
            endorsements=tuple((endorser, one.sign(payload + endorser)) for endorser, one in endorsers),
        )

    def _call(self) -> bytes:
        checkpoint = self.checkpoint
        usual = (b"Checkpoint", checkpoint.origin.encode(), str(checkpoint.size).encode())
        arguments = usual if self.arguments is None else self.arguments
        spec = ChaincodeSpec(chaincode_id=ChaincodeID(name=self.called), input=ChaincodeInput(args=arguments))
        return encode(ChaincodeInvocationSpec(chaincode_spec=spec))

    def _action(self) -> ChaincodeAction:
        usual = (KVRead(key=checkpoint_key(self.checkpoint.origin, self.checkpoint.size), version=Version(tx_num=3)),)
        touched = KVRWSet(
            reads=usual if self.reads is None else self.reads,
            writes=self.writes,
            metadata_writes=self.metadata_writes,
            range_queries=self.range_queries,
        )
        spaces = [NsReadWriteSet(namespace=CONTRACT, rwset=encode(touched)), *self.extra_namespaces]
        if self.lifecycle is not None:
            spaces.insert(0, NsReadWriteSet(namespace=LIFECYCLE, rwset=encode(self.lifecycle)))
        answer = checkpoint_answer(self.checkpoint) if self.answer is None else self.answer
        return ChaincodeAction(
            results=encode(TxReadWriteSet(namespaces=tuple(spaces))),
            events=self.events,
            response=Response(status=self.status, payload=answer),
            chaincode_id=ChaincodeID(name=self.answered),
        )

    def but(self, **changed: Any) -> "Making":
        """The same with something made otherwise."""
        return replace(self, **changed)


def trust_in(*organisations: Organisation, k: int, revocations: tuple[str, ...] = ()) -> LedgerTrust:
    """The ledger's part of a bundle that knows these organisations."""
    roots = {one.msp_id: (one.root_pem,) for one in organisations}
    return LedgerTrust(channel=CHANNEL, contract=CONTRACT, k=k, organisations=roots, revocations=revocations)
