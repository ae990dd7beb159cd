"""Submissions that differ from a good one in one place, by chance that can be had again."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from ports.ledger import Submission
from tests.contracts.ledger import HONEST

Mutate = Callable[[Submission, Random], Submission]
STEPS = [(5, 8), (5, 6), (5, 64), (5, 77)]


def good_steps() -> list[Submission]:
    """Each is taken of a log of five leaves."""
    return [HONEST.submission(new, old) for old, new in STEPS]


def mutated(good: Submission, chance: Random) -> Submission:
    """Another submission than the good one, by one change."""
    while True:
        other = chance.choice(_ALL)(good, chance)
        if other != good:
            return other


def _character(good: Submission, chance: Random) -> Submission:
    """One character of the note replaced, taken out, put in or doubled."""
    note, place = good.checkpoint, chance.randrange(len(good.checkpoint))
    new = chance.choice(["", chance.choice(note), chr(chance.randrange(32, 127)), note[place] * 2, "\n", "\0", "é"])
    return replace(good, checkpoint=note[:place] + new + note[place + 1 :])


def _two_swapped(good: Submission, chance: Random) -> Submission:
    note = good.checkpoint
    one, other = sorted(chance.sample(range(len(note)), 2))
    swapped = note[:one] + note[other] + note[one + 1 : other] + note[one] + note[other + 1 :]
    return replace(good, checkpoint=swapped)


def _cut(good: Submission, chance: Random) -> Submission:
    start, end = sorted(chance.sample(range(len(good.checkpoint) + 1), 2))
    return replace(good, checkpoint=good.checkpoint[:start] + good.checkpoint[end:])


def _bit_of_a_hash(good: Submission, chance: Random) -> Submission:
    proof = [bytearray(each) for each in good.proof]
    hash_ = chance.choice(proof)
    hash_[chance.randrange(len(hash_))] ^= 1 << chance.randrange(8)
    return replace(good, proof=tuple(map(bytes, proof)))


def _hashes_moved(good: Submission, chance: Random) -> Submission:
    """A hash left out, doubled, or in another place."""
    proof, place = list(good.proof), chance.randrange(len(good.proof))
    taken = proof.pop(place)
    again: list[bytes] = [[], [taken], [taken, taken]][chance.randrange(3)]
    where = chance.randint(0, len(proof))
    return replace(good, proof=(*proof[:where], *again, *proof[where:]))


def _old_size(good: Submission, chance: Random) -> Submission:
    return replace(good, old_size=chance.randrange(0, 2 * good.old_size))


_ALL: tuple[Mutate, ...] = (
    _character,
    _character,
    _two_swapped,
    _cut,
    _bit_of_a_hash,
    _bit_of_a_hash,
    _hashes_moved,
    _old_size,
)
