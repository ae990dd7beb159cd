"""LogService: receipts of the caller's own records, checkpoints and proofs of any log."""

from typing import Any

import grpc
import msgspec

from adapters.inbound.grpc.edge.call import calling
from adapters.inbound.grpc.edge.fields import Fields
from adapters.inbound.grpc.generated.concordat.v1 import log_pb2 as pb
from adapters.inbound.grpc.generated.concordat.v1.log_pb2_grpc import LogServiceServicer
from app.log.published import PublishedLogs
from app.log.receipts import Receipts
from core.log.checkpoints import parse_checkpoint
from core.log.merkle import MAX_SIZE
from core.log.notes import parse_note
from core.log.receipts import Receipt, receipt_json, receipt_text
from core.log.records import leaf_of
from core.log.tiles import consistency_from_tiles, tiles_for_consistency
from ports.unit_of_work import Missing

NAME: str = pb.DESCRIPTOR.services_by_name["LogService"].full_name
LONGEST_ORIGIN = 255

_Context = grpc.aio.ServicerContext[Any, Any]


def spelt(receipt: Receipt) -> dict[str, Any]:
    """The fields of a message that answers with a receipt."""
    return {
        "text": receipt_text(receipt),
        "json": msgspec.json.encode(receipt_json(receipt)).decode(),
        "anchored": receipt.evidence is not None,
    }


class LogServicer(LogServiceServicer):
    """Checkpoints and consistency come out of what is published; receipts and inclusion are of the caller's own log."""

    def __init__(self, receipts: Receipts, published: PublishedLogs) -> None:
        self._receipts = receipts
        self._published = published

    async def GetReceipt(self, request: pb.GetReceiptRequest, context: _Context) -> pb.GetReceiptResponse:
        with Fields(request) as read:
            event_id = read.id("event_id")
        return pb.GetReceiptResponse(**spelt(await self._receipts.get(calling(), event_id)))

    async def GetCheckpoint(self, request: pb.GetCheckpointRequest, context: _Context) -> pb.GetCheckpointResponse:
        with Fields(request) as read:
            origin = read.text("origin", longest=LONGEST_ORIGIN)
        note = await self._published.checkpoint(origin)
        checkpoint = parse_checkpoint(parse_note(note).text)
        return pb.GetCheckpointResponse(
            note=note, origin=checkpoint.origin, tree_size=checkpoint.size, root_hash=checkpoint.root
        )

    async def GetProof(self, request: pb.GetProofRequest, context: _Context) -> pb.GetProofResponse:
        if request.HasField("inclusion"):
            return pb.GetProofResponse(inclusion=await self._inclusion(request.inclusion))
        return pb.GetProofResponse(consistency=await self._consistency(request.consistency))

    async def _inclusion(self, query: pb.InclusionQuery) -> pb.InclusionProof:
        with Fields(query, "inclusion.") as read:
            event_id = read.id("event_id")
        receipt = await self._receipts.get(calling(), event_id)
        return pb.InclusionProof(
            origin=receipt.checkpoint.origin,
            index=receipt.proof.index,
            tree_size=receipt.checkpoint.size,
            leaf_hash=leaf_of(receipt.commitment),
            hashes=receipt.proof.hashes,
            checkpoint=receipt.proof.note,
        )

    async def _consistency(self, query: pb.ConsistencyQuery) -> pb.ConsistencyProof:
        with Fields(query, "consistency.") as read:
            origin = read.text("origin", longest=LONGEST_ORIGIN)
            old = read.required_number("old_size", least=0, most=MAX_SIZE)
            new = read.number("new_size", least=old, most=MAX_SIZE, usual=-1)
        note = await self._published.checkpoint(origin)
        size = parse_checkpoint(parse_note(note).text).size
        new = size if new < 0 else new
        if not old <= new <= size:
            raise Missing(kind="checkpoint")
        hashes = await self._proved(origin, old, new)
        return pb.ConsistencyProof(origin=origin, old_size=old, new_size=new, hashes=hashes, checkpoint=note)

    async def _proved(self, origin: str, old: int, new: int) -> tuple[bytes, ...]:
        """The proof out of published tiles; from nothing, and between equal sizes, there is nothing to prove."""
        if old in (0, new):
            return ()
        tiles: dict[tuple[int, int], bytes] = {}
        for tile in tiles_for_consistency(old, new):
            tiles[tile.at] = await self._published.file(origin, tile.path)
        return consistency_from_tiles(old, new, lambda level, index: tiles[level, index])
