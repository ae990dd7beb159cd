"""The rule book of ledgers by itself: every fork can be shown, an honest log never; keys have ranges without gaps."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outbound.ed25519 import Signer, verify
from core.log.merkle import consistency_proof
from core.log.notes import VerifierKey
from core.log.pairs import Pair, Settled
from core.log.trust import parse_range
from core.log.witness import LedgerRejected, WitnessedLog, presented, registered, rotation_message
from tests.contracts.ledger import HONEST, ORIGIN, SampleLog

SIZES = st.integers(1, 40)


def shown(older: SampleLog, small: int, newer: SampleLog, large: int) -> WitnessedLog:
    """The log after the report that whoever has both trees can make."""
    proof = consistency_proof(small, large, newer.hash_at) if small < large else ()
    claims = presented(older.note(small)), presented(newer.note(large))
    log = registered(ORIGIN, str(HONEST.key))
    return log.forked(*claims, newer.checkpoint(small).root, proof, verify)


@given(small=SIZES, large=SIZES, forked_at=st.integers(0, 39))
def test_two_trees_are_shown_to_fork_exactly_where_they_differ(small: int, large: int, forked_at: int) -> None:
    small, large = sorted((small, large))
    other = SampleLog(forked_at=forked_at)
    for older, newer in ((HONEST, other), (other, HONEST)):
        if forked_at < small:
            assert shown(older, small, newer, large).frozen
        else:
            with pytest.raises(LedgerRejected, match="no-fork"):
                shown(older, small, newer, large)


@given(small=SIZES, large=SIZES, root=st.binary(min_size=32, max_size=32), extra=st.integers(0, 3))
def test_an_honest_log_is_not_framed_with_invented_hashes(small: int, large: int, root: bytes, extra: int) -> None:
    small, large = sorted((small, large))
    proof = consistency_proof(small, large, HONEST.hash_at) if small < large else ()
    invented = (*proof[:extra], root, *proof[extra + 1 :])
    claims = presented(HONEST.note(small)), presented(HONEST.note(large))
    for hashes in (proof, invented, (root, *proof), proof[1:]):
        with pytest.raises(LedgerRejected, match=r"bad-proof|no-fork"):
            registered(ORIGIN, str(HONEST.key)).forked(*claims, root, hashes, verify)


def test_keys_follow_each_other_without_a_gap_and_survive_being_written() -> None:
    signers = [HONEST.signer, *(Signer(bytes([seed]) * 32) for seed in (5, 6, 7))]
    keys = [VerifierKey(name=ORIGIN, public=signer.key) for signer in signers]
    log = registered(ORIGIN, str(keys[0]))
    for number, size in ((1, 5), (2, 6), (3, 900)):
        message = rotation_message(ORIGIN, size, keys[number - 1], keys[number])
        signatures = signers[number - 1](message), signers[number](message)
        log = log.rotated(size, str(keys[number]), signatures, verify)
        assert log.rotated(size, str(keys[number]), signatures, verify) is log
    assert [(each.from_size, each.until_size) for each in log.keys] == [(0, 5), (5, 6), (6, 900), (900, None)]
    assert tuple(parse_range(each.to_json()) for each in log.keys) == log.keys
    for size in (0, 4, 5, 6, 899, 900, 10**9):
        assert sum(each.covers(size) for each in log.keys) == 1


def test_what_is_signed_for_a_rotation_or_a_settlement_names_its_purpose_and_all_of_it() -> None:
    keys = [replace(HONEST.key, public=bytes([number]) * 32) for number in (1, 2, 3)]
    rotations = [
        rotation_message(ORIGIN, 5, keys[0], keys[1]),
        rotation_message(ORIGIN, 6, keys[0], keys[1]),
        rotation_message(ORIGIN, 5, keys[1], keys[0]),
        rotation_message(ORIGIN, 5, keys[0], keys[2]),
        rotation_message("concordat.test/summit/1", 5, keys[0], keys[1]),
    ]
    settlements = [
        Settled(pair=bytes([pair]) * 32, period=period, commitment=bytes([commitment]) * 32).message
        for pair in (1, 2)
        for period in ("2026-03", "2026-04")
        for commitment in (1, 2)
    ]
    assert len({*rotations, *settlements}) == len(rotations) + len(settlements)
    assert all(each.startswith(b"concordat/key-rotation/v1\0{") for each in rotations)
    assert all(each.startswith(b"concordat/settlement/v1\0{") for each in settlements)


def test_a_pair_needs_two_keys() -> None:
    with pytest.raises(LedgerRejected, match="malformed"):
        Pair(id=bytes(32), organisations=("A", "B"), keys=(bytes(32), bytes(32)))
