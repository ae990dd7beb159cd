"""Checkpoints with the cosignatures that are stored of them."""

from core.log.notes import join_notes, parse_note
from ports.log import Log, StoredCheckpoint

MOST = 64
"""As many cosignatures join a checkpoint at most: a note with more than 100 signatures is read by nobody."""


async def joined(log: Log, checkpoint: StoredCheckpoint) -> str:
    """The checkpoint's note with the signature lines of its witnesses after the log's own."""
    lines = [each.line for each in (await log.cosignatures(checkpoint.size))[:MOST]]
    text = parse_note(checkpoint.note).text
    return join_notes(checkpoint.note, *("\n".join((text, line)) for line in lines))
