"""Planted bugs: a contract or a shim that leaves out one check fails a test that passes with it."""

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from adapters.inbound.chaincode.transaction import Conversation
from core.log.witness import Reason, WitnessedLog
from shared.canonical import b64url
from tests.contracts.ledger import FORKED, HONEST
from tests.unit.chaincode import test_stream, test_witness
from tests.unit.chaincode.calls import NEXT, open_pair, register, report, rotate, settle, spoilt

Test = Callable[[], Awaitable[None]]
REPORTED = (AssertionError, pytest.fail.Exception, TimeoutError)


def refuses(call: tuple[Any, ...], reason: Reason) -> Test:
    return lambda: test_witness.test_what_must_not_be_is_refused_with_its_reason_and_changes_nothing(call, reason)


def _nothing(*_: Any, **__: Any) -> None:
    return None


async def _nothing_held(*_: Any) -> None:
    return None


def _sees_forks_everywhere(log: WitnessedLog, *_: Any) -> WitnessedLog:
    return replace(log, frozen=True)


async def _unlocked(conversation: Any, kind: Any, question: Any) -> bytes:
    """A shim without turns: the peer drops what is asked meanwhile, and never answers it."""
    conversation._turn = nullcontext()
    return await _ASK(conversation, kind, question)


_ASK = Conversation.ask


def _new(*_: Any) -> bool:
    return True


PLANTED: list[tuple[str, Any, Test]] = [
    (
        "core.log.witness.WitnessedLog.require_key",
        _nothing,
        refuses(register(NEXT), Reason.OTHER_KEY),
    ),
    (
        "core.log.witness.WitnessedLog.forked",
        _sees_forks_everywhere,
        refuses(report(HONEST, 5, HONEST, 8), Reason.NO_FORK),
    ),
    (
        "core.log.witness.verify_consistency",
        _nothing,
        refuses(spoilt(report(HONEST, 5, FORKED, 8), 4, "[]"), Reason.BAD_PROOF),
    ),
    ("core.log.witness.max", lambda *_: -1, refuses(rotate(5), Reason.WRONG_SIZE)),
    ("core.log.pairs.Pair.require_signed", _nothing, refuses(spoilt(settle(), 5, settle()[4]), Reason.BAD_SIGNATURE)),
    ("core.log.pairs.Pair.require_new", _new, refuses(settle(b64url(bytes(32))), Reason.SETTLED)),
    ("core.log.pairs.Pair.require_same", _nothing, refuses(spoilt(open_pair(), 2, "OtherMSP"), Reason.OTHER_PAIR)),
    (
        "adapters.inbound.chaincode.witness.contract._Round.held_root",
        _nothing_held,
        test_witness.test_every_write_sets_one_event_and_asking_again_writes_nothing,
    ),
    (
        "adapters.inbound.chaincode.session.REFUSED",
        1000,
        lambda: test_stream.test_what_is_not_done_writes_nothing_tells_nothing_and_gives_no_exception_away(
            test_stream._refuses, 409, "stale: too late"
        ),
    ),
    (
        "adapters.inbound.chaincode.transaction.Conversation.ask",
        _unlocked,
        test_stream.test_a_contract_that_asks_several_things_at_once_is_given_them_one_by_one,
    ),
]


@pytest.mark.parametrize(("target", "instead", "test"), PLANTED, ids=[target for target, *_ in PLANTED])
async def test_what_leaves_out_a_check_is_reported(
    target: str, instead: Any, test: Test, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.inbound.chaincode.session.LONGEST_SECONDS", 2)
    await test()
    monkeypatch.setattr(target, instead, raising=False)
    with pytest.raises(REPORTED):
        await test()
