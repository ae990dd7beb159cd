"""The Gateway client over a scripted transport: what it sends, what it makes of answers, how many it sends at once."""

import asyncio
from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from adapters.outbound.fabric.gateway.errors import (
    CommitError,
    CommitStatusError,
    EndorseError,
    EvaluateError,
    Fault,
    SubmitError,
    TransportError,
)
from adapters.outbound.fabric.gateway.gateway import Committed, Gateway, Limits
from adapters.outbound.fabric.gateway.identity import P256_ORDER, low_s, signer
from adapters.outbound.fabric.gateway.messages import (
    ChaincodeAction,
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    ChaincodeInvocationSpec,
    ChaincodeProposalPayload,
    ChannelHeader,
    CommitStatusRequest,
    CommitStatusResponse,
    EndorseRequest,
    EndorseResponse,
    Envelope,
    EvaluateRequest,
    EvaluateResponse,
    Header,
    Payload,
    Proposal,
    ProposalResponsePayload,
    Response,
    SerializedIdentity,
    SignatureHeader,
    SignedRequest,
    SubmitRequest,
    Transaction,
    TransactionAction,
)
from adapters.outbound.fabric.gateway.signables import Endorsed, status_question, transaction_id
from shared.protowire import decode, encode
from tests.support.organisations import Organisation
from tests.unit.fabric.scripted import IDENTITY, MEMBER, Answer, Scripted, gateway

NONCE = bytes(range(24))


def prepared(header: Header, answer: bytes = b"done") -> bytes:
    """An envelope's payload as a Gateway makes it."""
    action = ChaincodeAction(response=Response(status=200, payload=answer))
    signed = encode(ProposalResponsePayload(extension=encode(action)))
    acted = ChaincodeActionPayload(action=ChaincodeEndorsedAction(proposal_response_payload=signed))
    transaction = Transaction(actions=(TransactionAction(payload=encode(acted)),))
    return encode(Payload(header=header, data=encode(transaction)))


def usual(code: int = 0, block_number: int = 7) -> Scripted:
    """Endorses with the proposal's own header, takes every transaction, and commits it with this code."""

    def answer(method: str, request: bytes) -> Answer:
        if method == "Endorse":
            proposal = decode(EndorseRequest, request).proposed_transaction
            assert proposal is not None
            header = decode(Header, decode(Proposal, proposal.proposal_bytes).header)
            return encode(EndorseResponse(prepared_transaction=Envelope(payload=prepared(header))))
        if method == "Evaluate":
            return encode(EvaluateResponse(result=Response(status=200, payload=b"asked")))
        if method == "CommitStatus":
            return encode(CommitStatusResponse(result=code, block_number=block_number))
        return b""

    return Scripted(answer)


def is_signed(data: bytes, signature: bytes) -> bool:
    MEMBER.key.public_key().verify(signature, data, ec.ECDSA(hashes.SHA256()))
    return decode_dss_signature(signature)[1] <= P256_ORDER // 2


async def test_a_proposal_says_who_calls_what_and_its_id_is_a_hash_of_nonce_and_creator() -> None:
    transport = usual()
    contract = gateway(transport).contract("clubs", "witness")
    proposal = contract.propose("Anchor", "a", b"\xff", transient={"secret": b"s"}, nonce=NONCE)
    assert proposal.transaction_id == sha256(NONCE + IDENTITY.serialized).hexdigest()
    message = decode(Proposal, proposal.data)
    header = decode(Header, message.header)
    channel = decode(ChannelHeader, header.channel_header)
    assert (channel.type, channel.channel_id, channel.tx_id, channel.epoch) == (3, "clubs", proposal.transaction_id, 0)
    assert channel.timestamp is not None
    assert (channel.timestamp.seconds, channel.timestamp.nanos) == (1_750_000_000, 7)
    signed = decode(SignatureHeader, header.signature_header)
    assert (signed.nonce, decode(SerializedIdentity, signed.creator).id_bytes) == (NONCE, MEMBER.pem)
    payload = decode(ChaincodeProposalPayload, message.payload)
    spec = decode(ChaincodeInvocationSpec, payload.input).chaincode_spec
    assert spec is not None and spec.input is not None and spec.chaincode_id is not None
    assert (spec.input.args, spec.chaincode_id.name) == ((b"Anchor", b"a", b"\xff"), "witness")
    assert payload.transient_map == {"secret": b"s"}
    assert transport.asked == []


async def test_submitting_endorses_submits_and_waits_for_the_commit() -> None:
    transport = usual()
    assert await gateway(transport).contract("clubs", "witness").submit("Anchor", "a") == b"done"
    assert [method for method, _request, _seconds in transport.asked] == ["Endorse", "Submit", "CommitStatus"]
    endorsed = decode(EndorseRequest, transport.asked[0][1])
    assert endorsed.proposed_transaction is not None
    assert is_signed(endorsed.proposed_transaction.proposal_bytes, endorsed.proposed_transaction.signature)
    submitted = decode(SubmitRequest, transport.asked[1][1])
    assert submitted.prepared_transaction is not None
    assert is_signed(submitted.prepared_transaction.payload, submitted.prepared_transaction.signature)
    assert submitted.transaction_id == endorsed.transaction_id
    asked = decode(SignedRequest, transport.asked[2][1])
    assert is_signed(asked.request, asked.signature)
    question = decode(CommitStatusRequest, asked.request)
    assert (question.transaction_id, question.channel_id) == (submitted.transaction_id, "clubs")


async def test_evaluating_asks_once_and_submits_nothing() -> None:
    transport = usual()
    assert await gateway(transport).contract("clubs", "witness").evaluate("Head", "x") == b"asked"
    assert [method for method, _request, _seconds in transport.asked] == ["Evaluate"]


async def test_named_organisations_are_asked() -> None:
    transport = usual()
    client = gateway(transport)
    proposal = client.contract("clubs", "witness").propose("Checkpoint", organizations=("A", "B"))
    await client.endorse(proposal)
    await client.evaluate(proposal)
    assert decode(EndorseRequest, transport.asked[0][1]).endorsing_organizations == ("A", "B")
    assert decode(EvaluateRequest, transport.asked[1][1]).target_organizations == ("A", "B")


async def test_everything_can_be_signed_elsewhere() -> None:
    transport = usual()
    here = Gateway(transport, IDENTITY)
    proposal = here.contract("clubs", "witness").propose("Anchor")
    with pytest.raises(ValueError, match="not signed"):
        await here.endorse(proposal)
    elsewhere = signer(MEMBER.private_pem)
    transaction = await here.endorse(proposal.signed_by(elsewhere(proposal.digest)))
    with pytest.raises(ValueError, match="not signed"):
        await here.submit(transaction)
    with pytest.raises(ValueError, match="not signed"):
        _ = transaction.envelope
    await here.submit(transaction.signed_by(elsewhere(transaction.digest)))
    assert [method for method, _request, _seconds in transport.asked] == ["Endorse", "Submit"]


async def test_an_envelope_can_be_stored_and_sent_again_byte_for_byte() -> None:
    transport = usual()
    client = gateway(transport)
    transaction = client.signed(
        await client.endorse(client.contract("clubs", "witness").propose("Anchor", nonce=NONCE))
    )
    again = Endorsed.from_envelope(transaction.envelope)
    assert again == transaction
    assert again.transaction_id == transaction_id(NONCE, IDENTITY.serialized)
    await client.submit(transaction)
    await client.submit(again)
    assert transport.asked[-1][1] == transport.asked[-2][1]
    assert again.response == Response(status=200, payload=b"done")


async def test_a_void_transaction_raises_with_its_code() -> None:
    with pytest.raises(CommitError) as refusal:
        await gateway(usual(code=11)).contract("clubs", "witness").submit("Anchor")
    assert (refusal.value.reason, refusal.value.block_number) == ("MVCC_READ_CONFLICT", 7)


@pytest.mark.parametrize(
    ("method", "kind", "fault"),
    [
        ("Endorse", EndorseError, Fault.UNAVAILABLE),
        ("Submit", SubmitError, Fault.OUTCOME_UNKNOWN),
        ("CommitStatus", CommitStatusError, Fault.OUTCOME_UNKNOWN),
        ("Evaluate", EvaluateError, Fault.UNAVAILABLE),
    ],
)
async def test_each_stage_has_its_own_error_with_the_transactions_id(
    method: str, kind: type[Exception], fault: Fault
) -> None:
    whole = usual()

    def answer(asked: str, request: bytes) -> Answer:
        return TransportError("UNAVAILABLE", "down") if asked == method else whole._answer(asked, request)

    contract = gateway(Scripted(answer)).contract("clubs", "witness")
    with pytest.raises(kind) as refusal:
        await (contract.evaluate("Head") if method == "Evaluate" else contract.submit("Anchor"))
    assert isinstance(refusal.value, (EndorseError, SubmitError, CommitStatusError, EvaluateError))
    assert refusal.value.fault is fault
    assert len(refusal.value.transaction_id) == 64


async def test_an_answer_that_is_no_message_is_an_error_of_its_stage() -> None:
    with pytest.raises(EndorseError, match="malformed"):
        await gateway(Scripted(lambda _method, _request: b"\xff")).contract("clubs", "witness").submit("Anchor")


@pytest.mark.parametrize("part", ["channel_header", "signature_header", "data"])
async def test_a_transaction_of_another_proposal_is_not_signed(part: str) -> None:
    whole = usual()

    def swapped(method: str, request: bytes) -> Answer:
        answer = whole._answer(method, request)
        assert isinstance(answer, bytes)
        payload = decode(Payload, (decode(EndorseResponse, answer).prepared_transaction or Envelope()).payload)
        header = payload.header or Header()
        changed = {"data": b""} if part == "data" else {"header": replace(header, **{part: b""})}
        other = replace(payload, **changed)
        return encode(EndorseResponse(prepared_transaction=Envelope(payload=encode(other))))

    transport = Scripted(swapped)
    with pytest.raises(EndorseError, match="no transaction of this proposal"):
        await gateway(transport).contract("clubs", "witness").submit("Anchor")
    assert len(transport.asked) == 1


async def test_no_more_calls_are_under_way_than_the_limit() -> None:
    transport = usual()
    transport.hold = asyncio.Event()
    contract = gateway(transport, Limits(calls=3)).contract("clubs", "witness")
    waiting = [asyncio.create_task(contract.evaluate("Head")) for _call in range(10)]
    await asyncio.sleep(0.01)
    assert transport.waiting == 3
    transport.hold.set()
    assert await asyncio.gather(*waiting) == [b"asked"] * 10
    assert transport.most_waiting == 3


class Committing(Scripted):
    """Answers about what is in a block at once, about everything else when the time is over."""

    def __init__(self) -> None:
        super().__init__()
        self.committed: set[str] = set()

    async def call(self, method: str, request: bytes, *, timeout_seconds: float) -> bytes:
        tx_id = decode(CommitStatusRequest, decode(SignedRequest, request).request).transaction_id
        self.hold = asyncio.Event()
        if tx_id in self.committed:
            self.hold.set()
        await super().call(method, request, timeout_seconds=timeout_seconds)
        return encode(CommitStatusResponse(block_number=3))


async def test_hundreds_of_commits_are_waited_for_in_a_few_places() -> None:
    """Those that are not in a block yet do not keep others from being asked about."""
    transport = Committing()
    client = gateway(transport, Limits(statuses=4, status_turn_seconds=0.01, commit_seconds=30))
    all_of_them = [f"{number:064x}" for number in range(300)]
    transactions = [Endorsed(channel="clubs", transaction_id=one, data=b"") for one in all_of_them]
    waiting = [asyncio.create_task(client.committed(one)) for one in transactions]
    transport.committed |= set(all_of_them[290:])
    done, _ = await asyncio.wait(waiting[290:], timeout=20)
    assert len(done) == 10
    transport.committed |= set(all_of_them)
    found = await asyncio.gather(*waiting)
    assert found == [Committed(transaction_id=one, code=0, block_number=3) for one in all_of_them]
    assert transport.most_waiting <= 4


async def test_an_unknown_transaction_is_asked_about_until_the_time_is_over() -> None:
    transport = Committing()
    client = gateway(transport, Limits(commit_seconds=0.1, status_turn_seconds=0.03))
    with pytest.raises(CommitStatusError) as refusal:
        await client.committed(Endorsed(channel="clubs", transaction_id="ab", data=b""))
    assert refusal.value.fault is Fault.OUTCOME_UNKNOWN
    assert len(transport.asked) >= 2
    assert all(seconds <= 0.03 for _method, _request, seconds in transport.asked)


async def test_a_question_whose_time_is_over_does_not_wait_for_its_turn_after_others() -> None:
    transport = Committing()
    client = gateway(transport, Limits(statuses=1, status_turn_seconds=30))
    first, second = (Endorsed(channel="clubs", transaction_id=one, data=b"") for one in ("ab", "cd"))
    asked = asyncio.create_task(client.committed(first))
    await asyncio.sleep(0)
    question = status_question(IDENTITY.serialized, second.channel, second.transaction_id)
    with pytest.raises(CommitStatusError) as refusal:
        await asyncio.wait_for(client.commit_status(question, within_seconds=0.02), timeout=10)
    assert refusal.value.fault is Fault.OUTCOME_UNKNOWN
    assert len(transport.asked) == 1
    asked.cancel()


def test_a_signature_has_the_smaller_s() -> None:
    digest = sha256(b"x").digest()
    for _attempt in range(40):
        assert decode_dss_signature(signer(MEMBER.private_pem)(digest))[1] <= P256_ORDER // 2
    r, s = decode_dss_signature(signer(MEMBER.private_pem)(digest))
    assert low_s(encode_dss_signature(r, P256_ORDER - s)) == encode_dss_signature(r, s)


def test_a_key_of_another_curve_is_refused() -> None:
    member = Organisation("X").member()
    member.key = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(ValueError, match="P-256"):
        signer(member.private_pem)
