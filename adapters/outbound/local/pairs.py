"""Settlements on the embedded ledger: pairs and what they settled, cosigned by its witness, in a file beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.outbound.ed25519 import Signer, verify
from adapters.outbound.local.held import Held
from adapters.outbound.local.journal import Journal
from adapters.outbound.local.ledger import WITNESS_NAME
from adapters.outbound.signatures import SIGNATURES
from core.log.errors import LogInvalid
from core.log.evidence import check_settled, local_evidence
from core.log.notes import Algorithm, VerifierKey, sign_note
from core.log.pairs import Pair, Settled, Signed
from core.log.trust import LedgerTrust
from core.log.witness import LedgerRejected, Reason, rejected
from shared.canonical import Json, NotCanonical, b64url, unb64url
from shared.clock import Now

FILE = "settlements"
ORGANISATIONS = (WITNESS_NAME, WITNESS_NAME)
"""Nobody but the one witness stands behind either of a pair."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What is held of a period: the commitment, and the witness's note over it."""

    settled: Settled
    cosigned: str


class LocalPairs(Held):
    """Implements ports.pairs.Pairs. `seed` is the key of the embedded ledger's witness (32 bytes)."""

    def __init__(self, folder: Path, seed: bytes, now: Now) -> None:
        super().__init__(Journal(folder, FILE))
        self._sign = Signer(seed)
        self._witness = VerifierKey(name=WITNESS_NAME, public=self._sign.key, algorithm=Algorithm.COSIGNATURE)
        self._trust = LedgerTrust(witnesses=(self._witness,))
        self._now = now
        self._pairs: dict[bytes, Pair] = {}
        self._settled: dict[tuple[bytes, str], _Held] = {}

    async def open(self, pair: bytes, keys: tuple[bytes, bytes], origins: tuple[str, str]) -> Pair:
        wanted = Pair(id=pair, organisations=ORGANISATIONS, keys=keys)
        return await self._writing(lambda: self._open(wanted))

    async def settle(self, signed: Signed) -> None:
        await self._writing(lambda: self._settle(signed))

    async def settled(self, pair: bytes, period: str) -> Settled | None:
        held = await self._reading(lambda: self._settled.get((pair, period)))
        return None if held is None else held.settled

    async def evidence(self, settled: Settled) -> dict[str, object] | None:
        held = await self._reading(lambda: self._settled.get((settled.pair, settled.period)))
        return None if held is None or held.settled != settled else {**local_evidence(held.cosigned)}

    def _open(self, wanted: Pair) -> Pair:
        known = self._pairs.get(wanted.id)
        if known is None:
            self._journal.append([{"pair": b64url(wanted.id), "keys": list[Json](map(b64url, wanted.keys))}])
            known = self._pairs[wanted.id] = wanted
        known.require_same(wanted)
        return known

    def _settle(self, signed: Signed) -> None:
        new = signed.settled
        pair = self._signed(signed)
        held = self._settled.get((new.pair, new.period))
        if not pair.require_new(new, None if held is None else held.settled.commitment):
            return
        cosigned = str(sign_note(new.text, self._witness, self._sign, time=int(self._now().timestamp())))
        self._journal.append([_entry(signed, cosigned)])
        self._add(pair, _Held(new, cosigned))

    def _signed(self, signed: Signed) -> Pair:
        """The pair, if both of it signed this; raises LedgerRejected."""
        pair = self._pairs.get(signed.settled.pair)
        if pair is None:
            raise rejected(Reason.UNKNOWN_PAIR)
        pair.require_signed(signed, verify)
        return pair

    def _add(self, pair: Pair, held: _Held) -> None:
        self._pairs[pair.id] = pair.with_another_period()
        self._settled[pair.id, held.settled.period] = held

    def _refresh(self) -> None:
        for _place, entry in self._journal.new_entries():
            try:
                self._take_in(entry)
            except (LookupError, TypeError, ValueError, NotCanonical, LogInvalid, LedgerRejected) as error:
                raise self._damaged("", "an entry that does not verify") from error

    def _take_in(self, entry: Any) -> None:
        """Every signature is checked: there is one entry for a pair's month."""
        pair_id = unb64url(entry["pair"])
        if "keys" in entry:
            one, other = map(unb64url, entry["keys"])
            if pair_id in self._pairs:
                raise ValueError("a pair that was opened twice")
            self._pairs[pair_id] = Pair(id=pair_id, organisations=ORGANISATIONS, keys=(one, other))
            return
        settled = Settled(pair=pair_id, period=entry["period"], commitment=unb64url(entry["commitment"]))
        one, other = map(unb64url, entry["signatures"])
        pair = self._signed(Signed(settled=settled, signatures=(one, other)))
        if (pair_id, settled.period) in self._settled:
            raise ValueError("a period that was settled twice")
        check_settled(local_evidence(entry["cosigned"]), settled, self._trust, SIGNATURES)
        self._add(pair, _Held(settled, entry["cosigned"]))


def _entry(signed: Signed, cosigned: str) -> dict[str, Json]:
    settled = signed.settled
    return {
        "pair": b64url(settled.pair),
        "period": settled.period,
        "commitment": b64url(settled.commitment),
        "signatures": list[Json](map(b64url, signed.signatures)),
        "cosigned": cosigned,
    }
