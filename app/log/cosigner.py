"""This deployment's witness: it follows the logs of other operators and cosigns what extends what it saw of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.log.checkpoints import checkpoint_text
from core.log.cosigning import LogForked, brought, followed, parse_request
from core.log.notes import Sign, VerifierKey, Verify, sign_note
from core.log.trust import KeyRange
from core.log.witness import LedgerRejected, Reason, WitnessedLog, unknown_origin
from ports.witnessed import Witnessed, WitnessedHeads
from shared.clock import Now


@dataclass(frozen=True, kw_only=True)
class Cosigner:
    """`logs` has the keys of each log that is followed, by its origin. No permission: the log's signature is all."""

    heads: WitnessedHeads
    logs: Mapping[str, tuple[VerifierKey, ...]]
    key: VerifierKey
    sign: Sign = field(repr=False)
    verify: Verify
    now: Now

    async def add_checkpoint(self, body: bytes) -> str:
        """The signature line over the checkpoint of a tlog-witness request, kept before it is signed.

        Raises LedgerRejected: malformed, unknown-origin, bad-signature, wrong-old-size, bad-proof, fork (LogForked).
        """
        request = parse_request(body)
        claim = brought(request)
        origin = claim.checkpoint.origin
        if origin not in self.logs:
            raise unknown_origin(origin)
        ranges = tuple(KeyRange(key=key) for key in self.logs[origin])
        while True:
            # Before the head moves: afterwards a larger one may be held, and this would no longer be the largest.
            time = int(self.now().timestamp())
            held = await self.heads.get(origin)
            log = WitnessedLog(origin=origin, keys=ranges, head=None if held is None else held.checkpoint)
            try:
                new = followed(log, claim, request.old_size, request.proof, self.verify)
            except LedgerRejected as refused:
                if held is None or refused.parameters["reason"] != Reason.FORK:
                    raise
                raise LogForked((held.note, request.note), **refused.parameters) from refused
            if await self.heads.move(log.head, Witnessed(checkpoint=new, note=request.note)):
                return str(sign_note(checkpoint_text(new), self.key, self.sign, time=time).signatures[0])
            # Another request was faster; what is held now decides anew, and heads only ever grow.
