"""Receipts: a club's record with everything that proves it offline, verified before it is handed out."""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from app.log.trees import inclusion
from app.log.trust import Trust
from core.log.disclosures import Disclosure, disclose
from core.log.evidence import Signatures
from core.log.receipts import Receipt, Validity, make_receipt, verify_receipt
from core.log.records import Record, parse_record
from ports.authoriser import Allow
from ports.caller import Caller
from ports.log import Log, LogTx, NotYetSigned, StoredAnchor, StoredCheckpoint, StoredRecord
from ports.unit_of_work import Begin
from shared.canonical import Json, b64url


class ReceiptUnsound(Exception):
    """A receipt that this very process made does not verify: the database was tampered with, or there is a defect."""


@dataclass(frozen=True, kw_only=True)
class Receipts:
    """`look` opens reading transactions."""

    look: Begin[LogTx]
    allow: Allow
    trust: Trust
    signatures: Signatures

    async def get(self, caller: Caller, event_id: UUID) -> Receipt:
        """The receipt of the caller's own record of an event; raises RecordMissing or NotYetSigned."""
        self.allow(caller, "log.receipt.read")
        async with self.look(caller) as tx:
            record = await tx.log.record(event_id)
            checkpoint, anchor = await _covering(tx.log, record)
            receipt = make_receipt(
                record=record.data,
                salt=record.salt,
                disclosures=await _disclosures(tx.log, record),
                evidence=None if anchor is None else anchor.evidence,
                index=cast(int, record.index),
                hashes=await inclusion(tx.log, cast(int, record.index), checkpoint.size),
                checkpoint=checkpoint.note,
            )
        bundle = await self.trust.of(caller.of_club)
        verification = verify_receipt(receipt, bundle, self.signatures)
        if verification.validity is Validity.INVALID:
            raise ReceiptUnsound(f"{event_id}: {verification.step}: {verification.reason}")
        return receipt

    async def record(self, caller: Caller, event_id: UUID) -> tuple[Record, dict[str, Json]]:
        """What the record says, and by JSON pointer the personal values that are left of it."""
        self.allow(caller, "log.receipt.read")
        async with self.look(caller) as tx:
            stored = await tx.log.record(event_id)
            values = {each.pointer: each.value for each in await tx.log.disclosures(event_id)}
        return parse_record(stored.data), values


async def _covering(log: Log, record: StoredRecord) -> tuple[StoredCheckpoint, StoredAnchor | None]:
    """The smallest anchored checkpoint over the record's leaf, else the newest signed one."""
    if record.index is not None:
        anchor = await log.anchor(record.index + 1)
        anchored = None if anchor is None else await log.checkpoint_of(anchor.size)
        if anchored is not None:
            return anchored, anchor
        signed = await log.checkpoint(record.index + 1)
        if signed is not None:
            return signed, None
    raise NotYetSigned(event_id=str(record.event_id), commitment=b64url(record.commitment))


async def _disclosures(log: Log, record: StoredRecord) -> list[Disclosure]:
    """The personal values that are left, each with the salt that its subject's key gives."""
    found = []
    for stored in await log.disclosures(record.event_id):
        key = await log.subject_key(stored.subject)
        if key is not None:
            event_id = str(record.event_id)
            one = disclose(
                key=key, origin=record.leading_origin, event_id=event_id, pointer=stored.pointer, value=stored.value
            )
            found.append(one)
    return found
