"""Receipts: a club's record with everything that proves it offline, verified before it is handed out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from app.log.cosigned import joined
from app.log.trees import inclusion
from app.log.trust import Trust
from core.log.disclosures import Disclosure, disclose
from core.log.evidence import Signatures
from core.log.policy import Policy
from core.log.receipts import Receipt, Step, Validity, Verification, make_receipt, verify_receipt
from core.log.records import Record, parse_record
from ports.authoriser import Allow
from ports.caller import Caller
from ports.log import Log, LogTx, NotYetSigned, StoredAnchor, StoredCheckpoint, StoredRecord
from ports.unit_of_work import Begin
from shared.canonical import Json, b64url

Covered = tuple[StoredCheckpoint, StoredAnchor | None]
Covering = Callable[[Log, int], Awaitable[Covered | None]]
"""Chooses a checkpoint over the leaf of this index, with its anchor where there is one; None before there is any."""


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
        """The receipt of the caller's own record of an event; raises RecordMissing or NotYetSigned.

        Evidence that is not believed, since an endorser was revoked, the ledger is another one, or an endorser's
        certificate had ended when a witness first cosigned, gives way to that of the newest anchor, and that to none:
        the receipt is provisional then.
        """
        self.allow(caller, "log.receipt.read")
        receipt, found = await self._verified(caller, event_id, _first(self.trust.witnesses))
        for covering in (_newest_anchored, _signed):
            if found.step in (Step.EVIDENCE, Step.CERTIFICATES):
                receipt, found = await self._verified(caller, event_id, covering)
        if found.validity is Validity.INVALID:
            raise ReceiptUnsound(f"{event_id}: {found.step}: {found.reason}")
        return receipt

    async def _verified(self, caller: Caller, event_id: UUID, covering: Covering) -> tuple[Receipt, Verification]:
        receipt = await self._made(caller, event_id, covering)
        bundle = await self.trust.of(caller.of_club)
        return receipt, verify_receipt(receipt, bundle, self.signatures)

    async def _made(self, caller: Caller, event_id: UUID, covering: Covering) -> Receipt:
        async with self.look(caller) as tx:
            record = await tx.log.record(event_id)
            index = record.index
            found = None if index is None else await covering(tx.log, index)
            if index is None or found is None:
                raise NotYetSigned(event_id=str(event_id), commitment=b64url(record.commitment))
            checkpoint, anchor = found
            return make_receipt(
                record=record.data,
                salt=record.salt,
                disclosures=await _disclosures(tx.log, record),
                evidence=None if anchor is None else anchor.evidence,
                index=index,
                hashes=await inclusion(tx.log, index, checkpoint.size),
                checkpoint=await joined(tx.log, checkpoint),
            )

    async def record(self, caller: Caller, event_id: UUID) -> tuple[Record, dict[str, Json]]:
        """What the record says, and by JSON pointer the personal values that are left of it."""
        self.allow(caller, "log.receipt.read")
        async with self.look(caller) as tx:
            stored = await tx.log.record(event_id)
            values = {each.pointer: each.value for each in await tx.log.disclosures(event_id)}
        return parse_record(stored.data), values


def _first(policy: Policy) -> Covering:
    """The smallest checkpoint over the leaf that is anchored and that a quorum of witnesses cosigned.

    Else the smallest anchored one, else the smallest that a quorum cosigned, else the newest signed one.
    """

    async def covering(log: Log, index: int) -> Covered | None:
        both = await log.witnessed(index + 1, policy, anchored=True)
        anchored = await _with_checkpoint(log, await log.anchor(index + 1 if both is None else both))
        if anchored is not None:
            return anchored
        witnessed = await log.witnessed(index + 1, policy, anchored=False)
        cosigned = None if witnessed is None else await log.checkpoint_of(witnessed)
        return await _signed(log, index) if cosigned is None else (cosigned, None)

    return covering


async def _newest_anchored(log: Log, index: int) -> Covered | None:
    newest = await log.anchor()
    covers = newest is not None and index < newest.size
    return (await _with_checkpoint(log, newest) if covers else None) or await _signed(log, index)


async def _signed(log: Log, index: int) -> Covered | None:
    signed = await log.checkpoint(index + 1)
    return None if signed is None else (signed, None)


async def _with_checkpoint(log: Log, anchor: StoredAnchor | None) -> Covered | None:
    checkpoint = None if anchor is None else await log.checkpoint_of(anchor.size)
    return None if checkpoint is None else (checkpoint, anchor)


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
