"""What the contract `witness` answers, writes and tells, function by function, and whom it lets do what."""

import json
from dataclasses import replace
from typing import Any

import pytest

from adapters.inbound.chaincode.messages import MSPRole, SignaturePolicyEnvelope
from adapters.inbound.chaincode.policies import peers_of_all
from adapters.inbound.chaincode.witness import arguments
from adapters.inbound.chaincode.witness.contract import FUNCTIONS
from adapters.inbound.chaincode.witness.refusals import REFUSALS
from core.log.checkpoints import checkpoint_text
from core.log.notes import Algorithm, sign_note
from core.log.pairs import Settled
from core.log.witness import Reason
from shared.canonical import b64url, dumps, loads, unb64url
from shared.protowire import decode
from tests.contracts.ledger import FORKED, HONEST, ORIGIN, OTHER, SUMMIT
from tests.support.chaincode import MemoryStub, item
from tests.unit.chaincode.calls import (
    COMMITMENT,
    NEXT,
    ONE,
    OWNER,
    PAIR,
    PERIOD,
    STRANGER,
    Ledger,
    anchor,
    open_pair,
    register,
    report,
    rotate,
    settle,
    spoilt,
    witness,
)
from tests.unit.chaincode.calls import OTHER as OTHER_KEY

GOOD: dict[str, tuple[Any, ...]] = {
    "RegisterLog": register(SUMMIT),
    "Anchor": anchor(HONEST.submission(8, 5)),
    "ReportFork": report(HONEST, 5, FORKED, 8),
    "RotateKey": rotate(),
    "OpenPair": open_pair(),
    "Head": ("Head", ORIGIN),
    "Checkpoint": ("Checkpoint", ORIGIN, "5"),
    "Keys": ("Keys", ORIGIN),
    "Origins": ("Origins", ""),
    "Owner": ("Owner", ORIGIN),
    "Pair": ("Pair", PAIR),
    "Settlement": ("Settlement", PAIR, PERIOD),
}
WRONG_SIGNATURE = b64url(bytes(64))
NOT_BASE64 = ("", "!", "AA=", "A", "ÄÄÄÄ", b64url(bytes(31)), b64url(bytes(33)))
MALFORMED: list[tuple[tuple[Any, ...], str]] = [
    ((), "the functions are RegisterLog,"),
    (("",), "the functions are"),
    (("registerlog",), "the functions are"),
    ((b"\xff",), "the functions are"),
    *(((name,), "takes") for name in FUNCTIONS),
    *(((*GOOD.get(name, settle()), "more"), f"{name} takes") for name in FUNCTIONS),
    (spoilt(register(), 1, b"\xff"), "origin is not UTF-8"),
    (spoilt(register(), 1, "x" * 1_000_001), "origin is longer than 1000000 bytes"),
    (spoilt(register(), 1, "Harbour"), "not <network>/<club>/<epoch>"),
    (spoilt(register(SUMMIT), 2, "key"), "not <name>+<id>+<key>"),
    (spoilt(register(SUMMIT), 2, str(HONEST.key)), "a key that is not the log's"),
    (spoilt(register(SUMMIT), 2, str(replace(SUMMIT.key, algorithm=Algorithm.COSIGNATURE))), "a key that is not the"),
    (("Anchor", ""), "items is not canonical JSON"),
    (("Anchor", "[ ]"), "items is not canonical JSON"),
    (("Anchor", "[1.5]"), "items is not canonical JSON"),
    (("Anchor", "[" * 100_000), "items is not canonical JSON"),
    (("Anchor", "{}"), "items is not an array"),
    (("Anchor", dumps([None] * 101)), "more than 100 items"),
    (spoilt(report(HONEST, 5, FORKED, 8), 1, "no note"), "no signature lines"),
    (spoilt(report(HONEST, 5, FORKED, 8), 2, "x" * 8_001), "newer is longer than 8000 characters"),
    *((spoilt(report(HONEST, 5, FORKED, 8), 3, root), "root is not") for root in NOT_BASE64),
    (spoilt(report(HONEST, 5, FORKED, 8), 4, "{}"), "proof is not an array"),
    (spoilt(report(HONEST, 5, FORKED, 8), 4, "[1]"), "a hash is not base64url"),
    (spoilt(report(HONEST, 5, FORKED, 8), 4, dumps([""] * 65)), "a proof of more than 64 hashes"),
    (spoilt(rotate(), 1, "harbour"), "origin: not <network>/<club>/<epoch>"),
    *((spoilt(rotate(), 2, size), "size is not a decimal") for size in ("", "-1", "06", "6.0", "٦", "9" * 16, " 6")),
    (spoilt(rotate(), 3, str(SUMMIT.key)), "a key that is not the log's"),
    *((spoilt(rotate(), 4, each), "the first signature is not") for each in NOT_BASE64),
    *((spoilt(rotate(), 5, each), "the second is not") for each in NOT_BASE64),
    *((spoilt(open_pair(), 1, each), "pair is not") for each in NOT_BASE64),
    (spoilt(open_pair(), 2, ""), "organisation is not an MSP id"),
    (spoilt(open_pair(), 3, "x" * 101), "other_organisation is not an MSP id"),
    *(
        (spoilt(open_pair(), 3, each), "other_organisation is not an MSP id")
        for each in ("a\nb", "a b", "\x7f", "Müller", "\u0e86", "\U0001fae8")
    ),
    (spoilt(open_pair(), 4, "A"), "key is not base64url"),
    (spoilt(open_pair(), 5, b64url(ONE.key)), "one key for both"),
    (spoilt(settle(), 2, ""), "period is not 1 to 32"),
    (spoilt(settle(), 2, "2026/03"), "period is not 1 to 32"),
    (spoilt(settle(), 3, "A"), "commitment is not base64url"),
    (("Head", "harbour"), "origin: not"),
    (("Checkpoint", ORIGIN, "five"), "size is not a decimal"),
]


@pytest.mark.parametrize(("call", "detail"), MALFORMED)
async def test_what_cannot_be_read_is_refused_with_what_is_wrong_and_changes_nothing(
    call: tuple[Any, ...], detail: str
) -> None:
    ledger = await (Ledger()).with_log(5)
    await ledger.told(*open_pair())
    before = dict(ledger.state.values)
    answer = await ledger.call(*call)
    assert (answer.status, answer.payload) == (400, b"")
    assert answer.message.startswith("malformed: ")
    assert detail in answer.message
    assert ledger.state.values == before


BAD_ITEMS: list[tuple[Any, str]] = [
    (None, "an item is not an object"),
    ({"note": "n", "old_size": 0}, "an item is not an object"),
    ({**item(HONEST.submission(8, 5)), "more": 1}, "an item is not an object"),
    ({**item(HONEST.submission(8, 5)), "note": 1}, "note is not text"),
    ({**item(HONEST.submission(8, 5)), "note": "x" * 8_001}, "note is longer"),
    ({**item(HONEST.submission(8, 5)), "proof": "AA"}, "proof is not an array"),
    ({**item(HONEST.submission(8, 5)), "proof": ["="]}, "a hash is not base64url"),
    ({**item(HONEST.submission(8, 5)), "proof": [None]}, "a hash is not base64url"),
    ({**item(HONEST.submission(8, 5)), "proof": [""] * 65}, "a proof of more than 64"),
    ({**item(HONEST.submission(8, 5)), "old_size": -1}, "old_size is not a count"),
    ({**item(HONEST.submission(8, 5)), "old_size": True}, "old_size is not a count"),
]


@pytest.mark.parametrize(("bad", "detail"), BAD_ITEMS)
async def test_a_bad_item_has_its_own_result_and_does_not_sink_the_others(bad: Any, detail: str) -> None:
    ledger = await (Ledger()).with_log(5)
    told = await ledger.told("Anchor", dumps([bad, item(HONEST.submission(8, 5)), bad]))
    assert told[1] == {"origin": ORIGIN, "size": 8}
    for refused in (told[0], told[2]):
        assert detail in refused.pop("detail")
        assert refused == {"origin": None, "reason": "malformed", "stored_size": 0}


REFUSED: list[tuple[tuple[Any, ...], Reason]] = [
    (register(NEXT), Reason.OTHER_KEY),
    (spoilt(register(), 2, "key"), Reason.OTHER_KEY),
    (spoilt(report(HONEST, 5, FORKED, 8), 1, SUMMIT.note(5)), Reason.UNKNOWN_ORIGIN),
    (report(NEXT, 5, FORKED, 8), Reason.BAD_SIGNATURE),
    (spoilt(report(HONEST, 5, FORKED, 8), 2, replace(FORKED, seed=bytes([9]) * 32).note(8)), Reason.BAD_SIGNATURE),
    (report(HONEST, 5, HONEST, 8), Reason.NO_FORK),
    (report(HONEST, 5, HONEST, 5), Reason.NO_FORK),
    (report(HONEST, 3, FORKED, 8), Reason.NO_FORK),
    (spoilt(report(HONEST, 5, FORKED, 8), 2, HONEST.note(8)), Reason.BAD_PROOF),
    (spoilt(report(HONEST, 5, FORKED, 8), 3, b64url(bytes(32))), Reason.BAD_PROOF),
    (spoilt(report(HONEST, 5, FORKED, 8), 4, "[]"), Reason.BAD_PROOF),
    (spoilt(report(HONEST, 8, FORKED, 8), 1, HONEST.note(9)), Reason.BAD_PROOF),
    (rotate(5), Reason.WRONG_SIZE),
    (rotate(0), Reason.WRONG_SIZE),
    (rotate(6, new=HONEST), Reason.OTHER_KEY),
    (spoilt(rotate(), 1, "concordat.test/nobody/1"), Reason.UNKNOWN_ORIGIN),
    (spoilt(rotate(), 2, "7"), Reason.BAD_SIGNATURE),
    (spoilt(rotate(), 4, WRONG_SIGNATURE), Reason.BAD_SIGNATURE),
    (spoilt(rotate(), 5, WRONG_SIGNATURE), Reason.BAD_SIGNATURE),
    ((*rotate()[:4], rotate()[5], rotate()[4]), Reason.BAD_SIGNATURE),
    (spoilt(open_pair(), 2, "OtherMSP"), Reason.OTHER_PAIR),
    (spoilt(open_pair(), 5, b64url(bytes(32))), Reason.OTHER_PAIR),
    (spoilt(settle(), 1, b64url(bytes(32))), Reason.UNKNOWN_PAIR),
    (spoilt(settle(), 2, "2026-04"), Reason.BAD_SIGNATURE),
    (spoilt(settle(), 3, b64url(bytes(32))), Reason.BAD_SIGNATURE),
    (spoilt(settle(), 4, WRONG_SIGNATURE), Reason.BAD_SIGNATURE),
    (spoilt(settle(), 5, settle()[4]), Reason.BAD_SIGNATURE),
    (settle(b64url(bytes([9]) * 32)), Reason.SETTLED),
    (("Head", OTHER), Reason.NOT_HELD),
    (("Checkpoint", ORIGIN, "4"), Reason.NOT_HELD),
    (("Checkpoint", OTHER, "5"), Reason.NOT_HELD),
    (("Owner", OTHER), Reason.UNKNOWN_ORIGIN),
    (("Pair", b64url(bytes(32))), Reason.UNKNOWN_PAIR),
    (("Settlement", PAIR, "2026-04"), Reason.NOT_HELD),
    (("Settlement", b64url(bytes(32)), PERIOD), Reason.NOT_HELD),
]


@pytest.mark.parametrize(("call", "reason"), REFUSED)
async def test_what_must_not_be_is_refused_with_its_reason_and_changes_nothing(
    call: tuple[Any, ...], reason: Reason
) -> None:
    ledger = await (Ledger()).with_log(5)
    await ledger.told(*open_pair())
    await ledger.told(*settle())
    before = dict(ledger.state.values), list(ledger.state.events)
    caller = STRANGER if call[0] == "OpenPair" else OWNER
    answer = await ledger.call(*call, msp_id=caller)
    status, sentence = REFUSALS[reason]
    assert (answer.status, answer.message, answer.payload) == (status, f"{reason}: {sentence}", b"")
    assert (ledger.state.values, ledger.state.events) == before


def test_every_reason_has_a_status_and_a_sentence() -> None:
    assert REFUSALS.keys() == set(Reason)
    assert all(400 <= status < 500 for status, _ in REFUSALS.values())


async def test_every_write_sets_one_event_and_asking_again_writes_nothing() -> None:
    ledger = await (Ledger()).with_log(5)
    calls = [*(GOOD[name] for name in ("RegisterLog", "Anchor", "RotateKey", "OpenPair")), settle()]
    calls[2] = rotate(20)
    for call in [*calls, report(HONEST, 5, FORKED, 8)]:
        stub = MemoryStub(ledger.state, call, msp_id=OWNER)
        answer = await witness(stub)
        assert answer.status == 200, answer.message
        assert stub.writes
        assert stub.event is not None
        assert stub.event[0] == FUNCTIONS[str(call[0])].event
        assert loads(stub.event[1])
        ledger.state.commit(stub)
        again = MemoryStub(ledger.state, call, msp_id=OWNER)
        assert await witness(again) == answer
        assert (again.writes, again.policies, again.event) == ({}, {}, None)


async def test_anybody_anchors_and_reports_and_only_the_owner_rotates() -> None:
    ledger = await (Ledger()).with_log(5)
    answer = await ledger.call(*rotate(), msp_id=STRANGER)
    assert (answer.status, answer.message.partition(":")[0]) == (403, "not-allowed")
    assert await ledger.told(*anchor(HONEST.submission(8, 5)), msp_id=STRANGER) == [{"origin": ORIGIN, "size": 8}]
    assert (await ledger.told(*register(), msp_id=STRANGER))["owner"] == OWNER
    assert await ledger.told(*rotate(9)) == {"from": 9, "key": str(NEXT.key), "origin": ORIGIN}
    assert await ledger.told(*report(HONEST, 5, FORKED, 8), msp_id=STRANGER) == {"origin": ORIGIN, "sizes": [5, 8]}


@pytest.mark.parametrize("other", ["Summit-2.example", "Summit_MSP", "!", "~" * 100])
async def test_every_visible_character_of_ascii_may_stand_in_an_msp_id(other: str) -> None:
    assert await Ledger().told(*spoilt(open_pair(), 3, other)) == {"pair": PAIR}


async def test_a_third_organisation_opens_no_pair() -> None:
    ledger = Ledger()
    assert (await ledger.call(*open_pair(), msp_id="OtherMSP")).status == 403
    assert await ledger.told(*open_pair(), msp_id=STRANGER) == {"pair": PAIR}


async def test_head_and_checkpoint_say_what_they_are_of_and_read_one_key() -> None:
    ledger = await (Ledger()).with_log(5, 8)
    for call, size, key in (
        (("Head", ORIGIN), 8, f"head/{ORIGIN}"),
        (("Checkpoint", ORIGIN, "5"), 5, f"cp/{ORIGIN}/5"),
    ):
        stub = MemoryStub(ledger.state, call)
        answer = await witness(stub)
        told = {"origin": ORIGIN, "root": b64url(HONEST.checkpoint(size).root), "size": size}
        signed_with = {"key": str(HONEST.key)} if call[0] == "Head" else {}
        assert loads(answer.payload) == {**told, **signed_with}
        assert stub.reads.keys() == {key}
        assert (stub.writes, stub.event) == ({}, None)


async def test_a_batch_of_steps_writes_every_checkpoint_and_the_last_head() -> None:
    ledger = await (Ledger()).with_log()
    await ledger.told(*register(SUMMIT))
    steps = [HONEST.submission(5), SUMMIT.submission(2), HONEST.submission(8, 5), SUMMIT.submission(3, 2)]
    assert [each["size"] for each in await ledger.told(*anchor(*steps))] == [5, 2, 8, 3]
    held = {key for key in ledger.state.values if not key.startswith("log/")}
    checkpoints = {f"cp/{ORIGIN}/5", f"cp/{ORIGIN}/8", f"cp/{OTHER}/2", f"cp/{OTHER}/3"}
    assert held == {f"head/{ORIGIN}", f"head/{OTHER}"} | checkpoints
    head = {"key": str(HONEST.key), "root": b64url(HONEST.checkpoint(8).root), "size": 8}
    assert loads(ledger.state.values[f"head/{ORIGIN}"]) == head
    name, payload = ledger.state.events[-1]
    told = [(each["origin"], each["size"]) for each in json.loads(payload)]
    assert (name, told) == ("CheckpointsAnchored", [(ORIGIN, 5), (ORIGIN, 8), (OTHER, 2), (OTHER, 3)])


async def test_after_a_rotation_each_key_is_good_for_its_own_sizes_alone() -> None:
    ledger = await (Ledger()).with_log(5)
    await ledger.told(*rotate(8))
    late, early = NEXT.submission(7, 5), HONEST.submission(8, 5)
    assert [each["reason"] for each in await ledger.told(*anchor(late, early))] == ["bad-signature"] * 2
    steps = [HONEST.submission(7, 5), NEXT.submission(9, 7), HONEST.submission(5)]
    assert [each["size"] for each in await ledger.told(*anchor(*steps))] == [7, 9, 5]
    assert [each["reason"] for each in await ledger.told(*anchor(HONEST.submission(10, 9)))] == ["bad-signature"]
    assert json.loads(ledger.state.values[f"head/{ORIGIN}"])["key"] == str(NEXT.key)
    assert (await ledger.told("Checkpoint", ORIGIN, "5"))["size"] == 5
    assert (await ledger.told(*register()))["key"] == str(HONEST.key)


async def test_a_key_that_was_left_does_not_come_back_and_a_rotation_does_not_go_back() -> None:
    ledger = await (Ledger()).with_log(5)
    await ledger.told(*rotate(8))
    for call, reason in (
        (rotate(9, old=NEXT, new=HONEST), "other-key"),
        (rotate(8, old=NEXT, new=replace(HONEST, seed=bytes([6]) * 32)), "wrong-size"),
        (rotate(9, old=HONEST, new=replace(HONEST, seed=bytes([6]) * 32)), "bad-signature"),
    ):
        assert (await ledger.call(*call)).message.partition(":")[0] == reason


@pytest.mark.parametrize("sizes", [(5, 5), (5, 8), (4, 8), (4, 5), (7, 8), (8, 9), (16, 33)])
async def test_a_fork_freezes_the_log_and_what_is_held_stays_held(sizes: tuple[int, int]) -> None:
    small, large = sizes
    ledger = await (Ledger()).with_log(5)
    assert await ledger.told(*report(HONEST, small, FORKED, large)) == {"origin": ORIGIN, "sizes": [small, large]}
    refused = await ledger.told(*anchor(HONEST.submission(50, 5), FORKED.submission(5), HONEST.submission(5)))
    assert [each.get("reason", each.get("size")) for each in refused] == ["frozen", "fork", 5]
    assert (await ledger.call(*rotate())).message.startswith("frozen: ")
    assert (await ledger.told("Head", ORIGIN))["size"] == 5


async def test_what_two_settle_is_signed_by_both_and_nothing_of_it_is_in_the_clear() -> None:
    ledger = Ledger()
    await ledger.told(*open_pair())
    key = f"pair/{PAIR}"
    assert ledger.state.policies == {key: peers_of_all([OWNER, STRANGER])}
    assert await ledger.told(*settle()) == {"commitment": COMMITMENT, "pair": PAIR, "period": PERIOD}
    assert await ledger.told(*settle(period="2026-04"))
    assert json.loads(ledger.state.values[key])["settled"] == 2
    assert loads(ledger.state.values[f"{key}/{PERIOD}"]) == {"commitment": COMMITMENT}
    assert ledger.state.policies.keys() == {key}
    assert all(name in {f"{key}", f"{key}/{PERIOD}", f"{key}/2026-04"} for name in ledger.state.values)


async def test_a_pair_and_what_it_settled_are_read_as_they_are_held_and_a_settlement_by_its_key_alone() -> None:
    ledger = await (Ledger()).with_log(5)
    await ledger.told(*open_pair())
    await ledger.told(*settle())
    keys = [b64url(ONE.key), b64url(OTHER_KEY.key)]
    pair = {"keys": keys, "organisations": [OWNER, STRANGER], "pair": PAIR, "settled": 1}
    assert await ledger.told("Pair", PAIR) == pair
    assert await ledger.told("Owner", ORIGIN) == {"origin": ORIGIN, "owner": OWNER}
    stub = MemoryStub(ledger.state, ("Settlement", PAIR, PERIOD))
    answer = await witness(stub)
    settled = Settled(pair=unb64url(PAIR), period=PERIOD, commitment=unb64url(COMMITMENT))
    assert (answer.payload, list(stub.reads), stub.writes, stub.event) == (settled.answer, [settled.key], {}, None)


def test_a_pair_of_one_operator_needs_that_one_and_the_order_of_names_does_not_matter() -> None:
    assert peers_of_all(["B", "A"]) == peers_of_all(["A", "B", "A"])
    policy = decode(SignaturePolicyEnvelope, peers_of_all(["B", "A"]))
    assert policy.rule is not None
    assert policy.rule.n_out_of is not None
    assert (policy.rule.n_out_of.n, [each.signed_by for each in policy.rule.n_out_of.rules]) == (2, [0, 1])
    assert [decode(MSPRole, each.principal) for each in policy.identities] == [
        MSPRole(msp_identifier="A", role=3),
        MSPRole(msp_identifier="B", role=3),
    ]
    # The bytes that Fabric's own encoder makes: a place of 0 is written, since it is one of two.
    assert peers_of_all(["A"]).hex() == "1208120608011202" + "0800" + "1a07" + "12050a01411003"


async def test_the_limits_themselves_are_taken() -> None:
    ledger = await (Ledger()).with_log()
    step = item(HONEST.submission(5))
    line = f"\u2014 witness {'A' * 96}\n"
    room = (arguments.LARGEST_NOTE - len(HONEST.note(5))) // len(line)
    step["note"] = HONEST.note(5) + line * room
    told = await ledger.told("Anchor", dumps([{**step}] * arguments.MOST_ITEMS))
    assert told == [{"origin": ORIGIN, "size": 5}] * arguments.MOST_ITEMS


async def test_a_checkpoint_of_another_log_under_this_logs_key_is_no_fork_of_it() -> None:
    ledger = await (Ledger()).with_log(5)
    await ledger.told(*register(SUMMIT))
    for signed in (HONEST.key, replace(HONEST.key, name=OTHER)):
        note = str(sign_note(checkpoint_text(SUMMIT.checkpoint(8)), signed, HONEST.signer))
        assert (await ledger.call(*spoilt(report(HONEST, 5, FORKED, 8), 2, note))).message.startswith("bad-signature")
        assert (await ledger.told("Anchor", dumps([{"note": note, "old_size": 0, "proof": []}])))[0]["reason"] == (
            "bad-signature"
        )
