"""Checkpoints with the cosignatures that are stored of them, and which of them a quorum of witnesses cosigned."""

from collections.abc import Sequence
from itertools import groupby

from core.log.notes import join_notes, parse_key, parse_note
from core.log.policy import Policy
from ports.log import Log, StoredCheckpoint

MOST = 64
"""As many cosignatures are looked at: those of the first checkpoints that cover a leaf."""


async def joined(log: Log, checkpoint: StoredCheckpoint) -> str:
    """The checkpoint's note with the signature lines of its witnesses after the log's own."""
    found = await log.cosignatures(checkpoint.size, MOST)
    lines = [each.line for each in found if each.size == checkpoint.size]
    if not lines:
        return checkpoint.note
    text = parse_note(checkpoint.note).text
    return join_notes(checkpoint.note, *("\n".join((text, line)) for line in lines))


async def quorate(log: Log, at_least: int, policy: Policy) -> Sequence[int]:
    """Sizes of checkpoints that cover `at_least` leaves and that a quorum cosigned, the smallest first."""
    if policy.quorum is None:
        return []
    found = groupby(await log.cosignatures(at_least, MOST), key=lambda each: each.size)
    return [size for size, held in found if policy.satisfied_by(parse_key(each.witness) for each in held)]
