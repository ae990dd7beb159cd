"""Planted bugs: a ledger that leaves out one check is reported by the suite, and one that leaves out none is not."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from adapters.outbound.ed25519 import Signer, verify
from core.log.checkpoints import Checkpoint, cosign_checkpoint, open_checkpoint, parse_checkpoint, verify_extension
from core.log.errors import EvidenceInvalid, LogInvalid, ProofInvalid, SignatureInvalid
from core.log.evidence import local_evidence
from core.log.notes import Algorithm, VerifierKey, parse_key, parse_note
from core.log.trust import KeyRange, LedgerTrust
from core.log.witness import WitnessedLog
from ports.ledger import Anchored, Ledger, LedgerHead, LedgerRejected, Submission
from tests.contracts.ledger import LedgerContract, forged_notes
from tests.contracts.rotations import Rotations

REPORTED = (AssertionError, pytest.fail.Exception, EvidenceInvalid, LedgerRejected)


class Forgetful:
    """A ledger in memory that leaves out the check named `without`."""

    def __init__(self, without: str) -> None:
        self._without = without
        self._signer = Signer(bytes(32))
        self._witness = VerifierKey(name="planted", public=self._signer.key, algorithm=Algorithm.COSIGNATURE)
        self._keys: dict[str, tuple[KeyRange, ...]] = {}
        self._held: dict[str, dict[int, Checkpoint]] = {}

    async def head(self, origin: str) -> LedgerHead | None:
        held = self._held.get(origin)
        if not held:
            return None
        return LedgerHead(size=max(held), root=held[max(held)].root)

    async def origins(self) -> Sequence[str]:
        return sorted(self._held) if self._without == "registered" else sorted(self._keys)

    async def keys(self, origin: str) -> Sequence[KeyRange]:
        return self._keys.get(origin, ())[-1:] if self._without == "old keys" else self._keys.get(origin, ())

    async def rotate(self, origin: str, size: int, verifier_key: str, signatures: tuple[bytes, bytes]) -> None:
        if origin not in self._keys:
            raise LedgerRejected(reason="unknown-origin", origin=origin, stored_size=0)
        before, held = self._keys[origin], self._held.get(origin, {})
        known = WitnessedLog(
            origin=origin,
            keys=before[-1:] if self._without == "used keys" else before,
            head=held[max(held)] if held and self._without != "beyond the head" else None,
        )
        if self._without == "no-op" and before[-1].from_size == size:
            raise LedgerRejected(reason="wrong-size", origin=origin, stored_size=0)
        check = (lambda *_: True) if self._without == "both keys" else verify
        after = known.rotated(size, verifier_key, signatures, check).keys
        if self._without == "rotation":
            return
        self._keys[origin] = (*before[:-1], *after) if self._without == "used keys" else after

    async def register(self, origin: str, verifier_key: str) -> None:
        known = self._keys.get(origin)
        if known is not None and self._without != "keys":
            if str(known[0].key) != verifier_key:
                raise LedgerRejected(reason="other-key", origin=origin, stored_size=0)
            return
        try:
            key = parse_key(verifier_key)
        except LogInvalid as error:
            raise LedgerRejected(reason="malformed", origin=origin, stored_size=0) from error
        if key.name != origin or key.algorithm is not Algorithm.ED25519:
            raise LedgerRejected(reason="malformed", origin=origin, stored_size=0)
        self._keys[origin] = (KeyRange(key=key),)

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Anchored | LedgerRejected]:
        return [await self._answer(each) for each in submissions]

    async def _answer(self, submission: Submission) -> Anchored | LedgerRejected:
        try:
            checkpoint = self._judge(submission)
        except LedgerRejected as rejected:
            if self._without == "batch":
                raise
            return rejected
        if self._without == "isolation":
            await asyncio.sleep(0)
        self._held.setdefault(checkpoint.origin, {})[checkpoint.size] = checkpoint
        return Anchored(origin=checkpoint.origin, size=checkpoint.size)

    def _judge(self, submission: Submission) -> Checkpoint:
        checkpoint = self._opened(submission)
        held = self._held.get(checkpoint.origin, {})
        head = held[max(held)] if held else None
        stored = {"origin": checkpoint.origin, "stored_size": 0 if head is None else head.size}
        if checkpoint.size in held and self._without != "fork":
            if held[checkpoint.size] != checkpoint:
                raise LedgerRejected(reason="fork", **stored)
            return checkpoint
        if head is not None and checkpoint.size < head.size and self._without != "age":
            raise LedgerRejected(reason="stale", **stored)
        if self._without in {"old size", "age", "fork"}:
            # The checks below would catch what these let through.
            return checkpoint
        if submission.old_size != stored["stored_size"]:
            raise LedgerRejected(reason="wrong-old-size", **stored)
        try:
            if self._without != "proof":
                verify_extension(head, checkpoint, submission.proof)
        except ProofInvalid as error:
            raise LedgerRejected(reason="bad-proof", **stored) from error
        return checkpoint

    def _opened(self, submission: Submission) -> Checkpoint:
        try:
            checkpoint = parse_checkpoint(parse_note(submission.checkpoint).text)
        except LogInvalid as error:
            raise LedgerRejected(reason="malformed", origin=None, stored_size=0) from error
        if checkpoint.origin not in self._keys:
            raise LedgerRejected(reason="unknown-origin", origin=checkpoint.origin, stored_size=0)
        held = self._held.get(checkpoint.origin, {0: None})
        try:
            if self._without != "signature":
                ranges = self._keys[checkpoint.origin]
                good = [each.key for each in ranges if self._without == "ranges" or each.covers(checkpoint.size)]
                open_checkpoint(submission.checkpoint, good, verify)
        except SignatureInvalid as error:
            stored = {"origin": checkpoint.origin, "stored_size": max(held)}
            raise LedgerRejected(reason="bad-signature", **stored) from error
        return checkpoint

    async def evidence(self, origin: str, size: int) -> dict[str, object] | None:
        checkpoint = self._held.get(origin, {}).get(size)
        if checkpoint is None:
            return None
        signer = Signer(bytes([1]) * 32) if self._without == "evidence" else self._signer
        return {**local_evidence(cosign_checkpoint(checkpoint, self._witness, signer, time=1))}

    async def trust(self) -> dict[str, object]:
        return {**LedgerTrust(witnesses=(self._witness,)).to_json()}

    async def check(self) -> None:
        return None


class ForgetfulSuite(Rotations, LedgerContract):
    def __init__(self, without: str) -> None:
        self._without = without
        self._places: dict[Path, Ledger] = {}

    async def make(self, place: Path) -> Ledger:
        return self._places.setdefault(place, Forgetful(self._without))

    async def stop(self, ledger: Ledger) -> None:
        if self._without == "restart":
            self._places.clear()


def _proof(name: str) -> Callable[[ForgetfulSuite, Path], Awaitable[None]]:
    return lambda suite, place: suite.test_a_checkpoint_that_does_not_follow_is_refused(place, name)


def _note(name: str) -> Callable[[ForgetfulSuite, Path], Awaitable[None]]:
    return lambda suite, place: suite.test_a_forged_checkpoint_is_refused(place, name)


def _signed(place: int) -> Callable[[ForgetfulSuite, Path], Awaitable[None]]:
    return lambda suite, path: suite.test_both_keys_have_to_sign_the_rotation(path, place)


CAUGHT_BY: list[tuple[str, Callable[[ForgetfulSuite, Path], Awaitable[None]]]] = [
    ("signature", _note("signed by another key")),
    ("signature", _note("the size was altered")),
    ("proof", _proof("no proof")),
    ("proof", _proof("a fork that is consistent in itself")),
    ("proof", ForgetfulSuite.test_whatever_is_submitted_the_ledger_holds_one_tree),
    ("old size", _proof("a step from nothing")),
    ("age", _proof("an older size")),
    ("fork", _proof("the same size with another root")),
    ("fork", ForgetfulSuite.test_of_two_submitters_at_once_with_different_trees_one_wins),
    ("isolation", ForgetfulSuite.test_of_two_submitters_at_once_with_different_trees_one_wins),
    ("keys", ForgetfulSuite.test_registering_again_changes_nothing_and_another_key_is_refused),
    ("batch", ForgetfulSuite.test_a_bad_submission_does_not_sink_the_others_of_its_batch),
    ("old keys", ForgetfulSuite.test_from_its_size_on_the_new_key_is_needed_and_before_it_the_old_one),
    ("ranges", ForgetfulSuite.test_from_its_size_on_the_new_key_is_needed_and_before_it_the_old_one),
    ("rotation", ForgetfulSuite.test_a_log_that_was_never_anchored_may_rotate),
    ("no-op", ForgetfulSuite.test_to_rotate_again_to_the_same_changes_nothing),
    ("both keys", _signed(0)),
    ("both keys", _signed(1)),
    ("beyond the head", ForgetfulSuite.test_a_key_begins_beyond_the_head_and_beyond_the_last_one),
    ("used keys", ForgetfulSuite.test_a_key_that_the_log_had_before_is_refused),
    ("evidence", ForgetfulSuite.test_proven_extensions_are_held_each_with_evidence_that_verifies_offline),
    ("registered", ForgetfulSuite.test_the_logs_that_it_knows_are_named),
    ("restart", ForgetfulSuite.test_a_restart_forgets_nothing),
]


@pytest.mark.parametrize(("without", "test"), CAUGHT_BY)
async def test_a_ledger_without_a_check_is_reported(
    tmp_path: Path, without: str, test: Callable[[ForgetfulSuite, Path], Awaitable[None]]
) -> None:
    await test(ForgetfulSuite(""), tmp_path)
    with pytest.raises(REPORTED):
        await test(ForgetfulSuite(without), tmp_path)


async def test_a_ledger_that_leaves_out_nothing_refuses_every_forged_note(tmp_path: Path) -> None:
    for name in forged_notes():
        await ForgetfulSuite("").test_a_forged_checkpoint_is_refused(tmp_path, name)
