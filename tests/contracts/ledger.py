"""What every implementation of ports.ledger must do, the forged cases included: a ledger is there to refuse."""

import asyncio
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from adapters.outbound.ed25519 import Signer
from adapters.outbound.signatures import SIGNATURES
from core.log.checkpoints import Checkpoint, checkpoint_text, sign_checkpoint
from core.log.errors import EvidenceInvalid
from core.log.evidence import check_evidence
from core.log.merkle import consistency_proof, leaf_hash, root
from core.log.notes import Algorithm, VerifierKey, sign_note
from core.log.trust import parse_ledger_trust
from ports.ledger import Anchored, Ledger, LedgerHead, LedgerRejected, Submission
from shared.canonical import Json

ORIGIN, OTHER = "concordat.test/harbour/1", "concordat.test/summit/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLog:
    """A log of made-up leaves; `forked_at` is the first leaf that differs from those of the honest log."""

    origin: str = ORIGIN
    forked_at: int | None = None
    seed: bytes = bytes(32)

    @property
    def signer(self) -> Signer:
        return Signer(self.seed)

    @property
    def key(self) -> VerifierKey:
        return VerifierKey(name=self.origin, public=self.signer.key)

    def leaf(self, index: int) -> bytes:
        branch = self.forked_at is not None and index >= self.forked_at
        return leaf_hash(f"{self.origin} {index} {branch}".encode())

    def hash_at(self, level: int, index: int) -> bytes:
        return root(self.leaf(leaf) for leaf in range(index << level, (index + 1) << level))

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(origin=self.origin, size=size, root=root(map(self.leaf, range(size))))

    def note(self, size: int) -> str:
        return sign_checkpoint(self.checkpoint(size), self.key, self.signer)

    def head(self, size: int) -> LedgerHead:
        return LedgerHead(size=size, root=self.checkpoint(size).root)

    def submission(self, size: int, old_size: int = 0) -> Submission:
        proof = consistency_proof(old_size, size, self.hash_at) if 0 < old_size < size else ()
        return Submission(checkpoint=self.note(size), old_size=old_size, proof=proof)


HONEST = SampleLog()
FORKED = SampleLog(forked_at=3)
SUMMIT = SampleLog(origin=OTHER, seed=bytes([1]) * 32)


def forged_notes() -> dict[str, tuple[str, str]]:
    """Checkpoints that extend the head of 5 leaves to 8 and must not be taken, each with the reason."""
    good = HONEST.note(8)
    stranger = replace(HONEST, seed=bytes([9]) * 32)
    body = checkpoint_text(HONEST.checkpoint(8))
    line = good.rpartition("\n\n")[2]
    flipped = line[:-8] + ("A" if line[-8] != "A" else "B") + line[-7:]
    extended = str(sign_note(f"{body}extension\n", HONEST.key, HONEST.signer))
    renamed = good.replace(ORIGIN, "concordat.test/nobody/1")
    return {
        "signed by another key": (stranger.note(8), "bad-signature"),
        "the signature was altered": (f"{body}\n{flipped}", "bad-signature"),
        "the size was altered": (good.replace(f"{ORIGIN}\n8\n", f"{ORIGIN}\n9\n"), "bad-signature"),
        "the signature is of another size": (f"{body}\n{HONEST.note(7).rpartition(chr(10) * 2)[2]}", "bad-signature"),
        "an origin that nobody registered": (renamed, "unknown-origin"),
        "nothing": ("", "malformed"),
        "some text": ("a text\n", "malformed"),
        "no signature": (f"{body}\n", "malformed"),
        "an extension line": (extended, "malformed"),
        "a control character": (good.replace("8", "8\0", 1), "malformed"),
        "a size with a leading zero": (good.replace("\n8\n", "\n08\n"), "malformed"),
    }


def forged_proofs() -> dict[str, tuple[Submission, str]]:
    """Submissions with a well-signed checkpoint that must not follow the head of 5 leaves, each with the reason."""
    good = HONEST.submission(8, 5)
    return {
        "no proof": (replace(good, proof=()), "bad-proof"),
        "a proof cut short": (replace(good, proof=good.proof[:-1]), "bad-proof"),
        "a proof with more": (replace(good, proof=(*good.proof, bytes(32))), "bad-proof"),
        "a proof with another hash": (replace(good, proof=(bytes(32), *good.proof[1:])), "bad-proof"),
        "a proof with a short hash": (replace(good, proof=(good.proof[0][:-1], *good.proof[1:])), "bad-proof"),
        "the proof of another step": (replace(good, proof=HONEST.submission(8, 4).proof), "bad-proof"),
        "a fork that is consistent in itself": (FORKED.submission(8, 5), "bad-proof"),
        "a step from nothing": (HONEST.submission(8), "wrong-old-size"),
        "a step from an older size": (HONEST.submission(8, 4), "wrong-old-size"),
        "a step from a size to come": (HONEST.submission(8, 6), "wrong-old-size"),
        "an older size": (HONEST.submission(4), "stale"),
        "the same size with another root": (FORKED.submission(5, 5), "fork"),
    }


class LedgerContract:
    """A backend brings `make` and `stop`: made where another one was stopped, it is the same ledger restarted."""

    async def make(self, place: Path) -> Ledger:
        raise NotImplementedError

    async def stop(self, ledger: Ledger) -> None:
        raise NotImplementedError

    async def make_with(self, place: Path, *sizes: int) -> Ledger:
        """A ledger that knows two logs and holds these sizes of the honest one."""
        ledger = await self.make(place)
        await ledger.register(ORIGIN, str(HONEST.key))
        await ledger.register(OTHER, str(SUMMIT.key))
        for old, new in zip((0, *sizes), sizes, strict=False):
            assert await ledger.submit([HONEST.submission(new, old)]) == [Anchored(origin=ORIGIN, size=new)]
        return ledger

    async def test_a_log_that_was_never_anchored_has_neither_head_nor_evidence(self, tmp_path: Path) -> None:
        ledger = await self.make(tmp_path)
        await ledger.check()
        assert await ledger.head(ORIGIN) is None
        await ledger.register(ORIGIN, str(HONEST.key))
        assert await ledger.head(ORIGIN) is None
        assert await ledger.evidence(ORIGIN, 1) is None
        assert await ledger.submit([]) == []

    async def test_the_logs_that_it_knows_are_named(self, tmp_path: Path) -> None:
        ledger = await self.make(tmp_path)
        assert await ledger.origins() == []
        await ledger.register(OTHER, str(SUMMIT.key))
        assert await ledger.origins() == [OTHER]
        await ledger.register(ORIGIN, str(HONEST.key))
        await ledger.submit([HONEST.submission(5)])
        await self.stop(ledger)
        assert await (await self.make(tmp_path)).origins() == [ORIGIN, OTHER]

    async def test_proven_extensions_are_held_each_with_evidence_that_verifies_offline(self, tmp_path: Path) -> None:
        sizes = (1, 2, 3, 7, 8, 64, 65, 300)
        ledger = await self.make_with(tmp_path, *sizes)
        assert await ledger.head(ORIGIN) == HONEST.head(300)
        for size in sizes:
            await self.vouches(ledger, HONEST.checkpoint(size))
        assert await ledger.evidence(ORIGIN, 4) is None
        assert await ledger.evidence(OTHER, 8) is None
        assert await ledger.head(OTHER) is None

    async def test_evidence_vouches_for_no_other_checkpoint(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 5)
        others = (FORKED.checkpoint(5), HONEST.checkpoint(6), replace(HONEST.checkpoint(5), origin=OTHER))
        for other in others:
            with pytest.raises(EvidenceInvalid):
                await self.vouches(ledger, other, at=5)

    @pytest.mark.parametrize("name", forged_notes())
    async def test_a_forged_checkpoint_is_refused(self, tmp_path: Path, name: str) -> None:
        note, reason = forged_notes()[name]
        await self.refuses(tmp_path, replace(HONEST.submission(8, 5), checkpoint=note), reason)

    @pytest.mark.parametrize("name", forged_proofs())
    async def test_a_checkpoint_that_does_not_follow_is_refused(self, tmp_path: Path, name: str) -> None:
        submission, reason = forged_proofs()[name]
        await self.refuses(tmp_path, submission, reason)

    async def test_a_fork_at_an_older_held_size_is_refused(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 5, 8)
        answers = await ledger.submit([FORKED.submission(5), FORKED.submission(8, 8), HONEST.submission(6)])
        assert [reason_of(answer) for answer in answers] == ["fork", "fork", "stale"]

    async def test_a_first_checkpoint_needs_no_proof_and_takes_none(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path)
        with_proof = replace(HONEST.submission(8), proof=(bytes(32),))
        assert [reason_of(answer) for answer in await ledger.submit([with_proof])] == ["bad-proof"]
        assert [reason_of(answer) for answer in await ledger.submit([HONEST.submission(8, 3)])] == ["wrong-old-size"]
        assert await ledger.submit([HONEST.submission(8)]) == [Anchored(origin=ORIGIN, size=8)]

    async def test_what_is_held_may_be_submitted_again(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 5, 8)
        again = [HONEST.submission(8, 5), HONEST.submission(8, 8), HONEST.submission(5), HONEST.submission(8)]
        expected = [Anchored(origin=ORIGIN, size=size) for size in (8, 8, 5, 8)]
        assert await ledger.submit(again) == expected
        assert await ledger.head(ORIGIN) == HONEST.head(8)
        for size in (5, 8):
            await self.vouches(ledger, HONEST.checkpoint(size))

    async def test_a_bad_submission_does_not_sink_the_others_of_its_batch(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 5)
        batch = [
            FORKED.submission(8, 5),
            SUMMIT.submission(2),
            Submission(checkpoint="not a note", old_size=0, proof=()),
            HONEST.submission(8, 5),
            SUMMIT.submission(4, 2),
        ]
        answers = await ledger.submit(batch)
        assert [reason_of(answer) for answer in answers] == ["bad-proof", 2, "malformed", 8, 4]
        assert await ledger.head(ORIGIN) == HONEST.head(8)
        assert await ledger.head(OTHER) == SUMMIT.head(4)

    async def test_a_batch_is_judged_in_its_order(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path)
        batch = [
            HONEST.submission(5),
            FORKED.submission(5),
            HONEST.submission(8, 5),
            HONEST.submission(8, 5),
            HONEST.submission(5),
            HONEST.submission(9, 5),
        ]
        answers = await ledger.submit(batch)
        assert [reason_of(answer) for answer in answers] == [5, "fork", 8, 8, 5, "wrong-old-size"]
        await self.vouches(ledger, HONEST.checkpoint(5))
        await self.vouches(ledger, HONEST.checkpoint(8))

    async def test_of_two_submitters_at_once_with_different_trees_one_wins(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 2)
        rivals = [HONEST.submission(8, 2), FORKED.submission(8, 2)] * 5
        answers = await asyncio.gather(*(ledger.submit([rival]) for rival in rivals))
        outcomes = [reason_of(answer) for (answer,) in answers]
        assert sorted({tuple(outcomes[0::2]), tuple(outcomes[1::2])}, key=str) == [("fork",) * 5, (8,) * 5]
        winner = HONEST if outcomes[0] == 8 else FORKED
        assert await ledger.head(ORIGIN) == winner.head(8)
        await self.vouches(ledger, winner.checkpoint(8))

    async def test_submitters_of_the_same_at_once_all_succeed(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 2)
        answers = await asyncio.gather(*(ledger.submit([HONEST.submission(8, 2)]) for _submitter in range(10)))
        assert answers == [[Anchored(origin=ORIGIN, size=8)]] * 10

    async def test_a_restart_forgets_nothing(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 2, 5)
        trust = await ledger.trust()
        await self.stop(ledger)
        ledger = await self.make(tmp_path)
        assert await ledger.head(ORIGIN) == HONEST.head(5)
        assert await ledger.trust() == trust
        await self.vouches(ledger, HONEST.checkpoint(2))
        answers = await ledger.submit([FORKED.submission(5), FORKED.submission(8, 5), HONEST.submission(5)])
        assert [reason_of(answer) for answer in answers] == ["fork", "bad-proof", 5]
        assert await ledger.submit([HONEST.submission(8, 5), SUMMIT.submission(1)]) == [
            Anchored(origin=ORIGIN, size=8),
            Anchored(origin=OTHER, size=1),
        ]

    async def test_registering_again_changes_nothing_and_another_key_is_refused(self, tmp_path: Path) -> None:
        ledger = await self.make_with(tmp_path, 5)
        await ledger.register(ORIGIN, str(HONEST.key))
        stranger = replace(HONEST, seed=bytes([9]) * 32)
        with pytest.raises(LedgerRejected) as refusal:
            await ledger.register(ORIGIN, str(stranger.key))
        assert refusal.value.parameters["reason"] == "other-key"
        assert await ledger.head(ORIGIN) == HONEST.head(5)
        assert await ledger.submit([HONEST.submission(8, 5)]) == [Anchored(origin=ORIGIN, size=8)]

    @pytest.mark.parametrize(
        "key",
        [
            "",
            "not a key",
            str(SUMMIT.key),
            str(HONEST.key)[:-4],
            str(HONEST.key).replace("+", "+0", 1),
            str(replace(HONEST.key, algorithm=Algorithm.COSIGNATURE)),
        ],
    )
    async def test_what_is_no_key_of_the_log_is_refused(self, tmp_path: Path, key: str) -> None:
        ledger = await self.make(tmp_path)
        with pytest.raises(LedgerRejected) as refusal:
            await ledger.register(ORIGIN, key)
        assert refusal.value.parameters["reason"] == "malformed"
        assert [reason_of(answer) for answer in await ledger.submit([HONEST.submission(1)])] == ["unknown-origin"]

    async def test_whatever_is_submitted_the_ledger_holds_one_tree(self, tmp_path: Path) -> None:
        ledger, chance = await self.make_with(tmp_path), random.Random(7)
        held: dict[int, SampleLog] = {}
        for _attempt in range(150):
            log, size, old = chance.choice([HONEST, FORKED]), chance.randint(1, 24), chance.randint(0, 24)
            old = max(held, default=0) if chance.random() < 0.5 else min(old, size)
            answer = (await ledger.submit([log.submission(size, old)]))[0]
            assert isinstance(answer, Anchored) == _may_follow(held, log, size, old), (log.forked_at, size, old)
            if isinstance(answer, Anchored):
                held[size] = held.get(size, log)
        assert await ledger.head(ORIGIN) == held[max(held)].head(max(held))

    async def refuses(self, place: Path, submission: Submission, reason: str) -> None:
        """Refused for this reason, with nothing changed, and what is good goes on being taken."""
        ledger = await self.make_with(place, 5)
        answers = await ledger.submit([submission])
        assert [reason_of(answer) for answer in answers] == [reason]
        refusal = cast(LedgerRejected, answers[0])
        assert refusal.parameters["stored_size"] == (0 if reason in {"malformed", "unknown-origin"} else 5)
        assert await ledger.head(ORIGIN) == HONEST.head(5)
        assert [await ledger.evidence(ORIGIN, size) for size in (4, 6, 7, 8, 9)] == [None] * 5
        assert await ledger.submit([HONEST.submission(8, 5)]) == [Anchored(origin=ORIGIN, size=8)]

    async def vouches(self, ledger: Ledger, checkpoint: Checkpoint, *, at: int | None = None) -> None:
        """The evidence for a size verifies for this checkpoint, under the trust that the ledger itself exports."""
        evidence = await ledger.evidence(ORIGIN, checkpoint.size if at is None else at)
        assert evidence is not None
        trust = parse_ledger_trust(cast("dict[str, Json]", await ledger.trust()))
        check_evidence(cast("dict[str, Json]", evidence), checkpoint, trust, SIGNATURES)


def reason_of(answer: Anchored | LedgerRejected) -> object:
    """What was wrong, or the size that is held now."""
    return answer.size if isinstance(answer, Anchored) else answer.parameters["reason"]


def _may_follow(held: dict[int, SampleLog], log: SampleLog, size: int, old: int) -> bool:
    """The plain reading of the promise, on the sample logs' own knowledge of which leaves they share."""

    def same(one: SampleLog, upto: int) -> bool:
        return one.checkpoint(upto) == log.checkpoint(upto)

    newest = max(held, default=0)
    if size in held:
        return same(held[size], size)
    return size > newest and old == newest and (newest == 0 or same(held[newest], newest))
