"""This deployment's witness: it follows the logs of other operators and cosigns what extends what it saw of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.log.checkpoints import checkpoint_text
from core.log.cosigning import brought, followed, parse_request
from core.log.notes import Sign, VerifierKey, Verify, sign_note
from core.log.trust import KeyRange
from core.log.witness import WitnessedLog, unknown_origin
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

        Raises LedgerRejected: malformed, unknown-origin, bad-signature, wrong-old-size, fork or bad-proof.
        """
        request = parse_request(body)
        claim = brought(request)
        origin = claim.checkpoint.origin
        if origin not in self.logs:
            raise unknown_origin(origin)
        ranges = tuple(KeyRange(key=key) for key in self.logs[origin])
        while True:
            held = await self.heads.get(origin)
            head = None if held is None else held.checkpoint
            log = WitnessedLog(origin=origin, keys=ranges, head=head)
            new = followed(log, claim, request.old_size, request.proof, self.verify)
            if await self.heads.move(head, Witnessed(checkpoint=new, note=request.note)):
                break
            # Another request was faster; what is held now decides anew, and heads only ever grow.
        time = int(self.now().timestamp())
        return str(sign_note(checkpoint_text(new), self.key, self.sign, time=time).signatures[0])
