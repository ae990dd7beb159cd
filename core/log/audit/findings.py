"""What an audit finds: a stable code, and the row, aggregate, field or leaf that does not match."""

from dataclasses import dataclass
from enum import StrEnum

from shared.canonical import Json, plain


class Check(StrEnum):
    """The parts of an audit, in their order."""

    LEDGER = "ledger"
    TILES = "tiles"
    HEADS = "heads"
    COMMITMENTS = "commitments"
    EVENTS = "events"
    DISCLOSURES = "disclosures"
    PLACES = "places"
    LEAVES = "leaves"
    AGGREGATES = "aggregates"
    BESIDE = "beside"


ALL_CHECKS = frozenset(Check)


class Code(StrEnum):
    """What is the matter; stable for ever."""

    LOG_MISSING = "audit/log-missing"
    BEHIND_LEDGER = "audit/behind-ledger"
    OTHER_THAN_LEDGER = "audit/other-root-than-ledger"
    REWRITTEN = "audit/rewritten"
    TILE_MISSING = "audit/tile-missing"
    TILE_STRAY = "audit/tile-stray"
    TILE_MALFORMED = "audit/tile-malformed"
    TILE_MISMATCH = "audit/tile-mismatch"
    HEAD_MISSING = "audit/head-missing"
    HEAD_MISMATCH = "audit/head-mismatch"
    KEY_UNSOUND = "audit/key-unsound"
    CHECKPOINT_UNSOUND = "audit/checkpoint-unsound"
    CHECKPOINT_MISSING = "audit/checkpoint-missing"
    ANCHOR_UNSOUND = "audit/anchor-unsound"
    EVENT_MISSING = "audit/event-missing"
    EVENT_MISMATCH = "audit/event-mismatch"
    RECORD_MISSING = "audit/record-missing"
    RECORD_MALFORMED = "audit/record-malformed"
    RECORD_MISMATCH = "audit/record-mismatch"
    RECORD_UNPLACED = "audit/record-unplaced"
    COMMITMENT_MISMATCH = "audit/commitment-mismatch"
    LEAF_MISSING = "audit/leaf-missing"
    LEAF_STRAY = "audit/leaf-stray"
    LEAF_MISMATCH = "audit/leaf-mismatch"
    LEAF_LOST = "audit/leaf-lost"
    REBUILD_UNSOUND = "audit/rebuild-unsound"
    PENDING_STRAY = "audit/pending-stray"
    DISCLOSURE_MISMATCH = "audit/disclosure-mismatch"
    DISCLOSURE_MISSING = "audit/disclosure-missing"
    DISCLOSURE_STRAY = "audit/disclosure-stray"
    ERASURE_INCOMPLETE = "audit/erasure-incomplete"
    SUBJECT_KEY = "audit/subject-key"
    SUBJECT_MISSING = "audit/subject-missing"
    ROW_MISSING = "audit/row-missing"
    ROW_STRAY = "audit/row-stray"
    FIELD_MISMATCH = "audit/field-mismatch"
    FIELD_UNREADABLE = "audit/field-unreadable"


IN_THE_LOG = frozenset(
    {
        Code.TILE_MISMATCH,
        Code.REWRITTEN,
        Code.RECORD_MISSING,
        Code.COMMITMENT_MISMATCH,
        Code.LEAF_MISSING,
        Code.LEAF_STRAY,
        Code.LEAF_MISMATCH,
        Code.LEAF_LOST,
    }
)
"""Findings with a leaf index that say where the log itself stops being what was anchored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not match. `origin` is the log that testifies, `table` where the bad row stands, or stood.

    `record` is an event id, `kind` and `id` name an aggregate or a subject, `index` a leaf, `tile` is (level, index),
    `key` what else the row goes by. No detail shows a personal value.
    """

    code: Code
    origin: str
    table: str
    detail: str
    record: str | None = None
    kind: str | None = None
    id: str | None = None
    field: str | None = None
    index: int | None = None
    tile: tuple[int, int] | None = None
    key: str | None = None

    def to_json(self) -> dict[str, Json]:
        """What is known of it, without what is not."""
        named = plain(self)
        return {name: value for name, value in named.items() if value is not None} if isinstance(named, dict) else {}
