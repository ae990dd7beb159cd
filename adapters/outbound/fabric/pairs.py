"""Settlements on Hyperledger Fabric: pairs of the contract `witness`, whose keys both organisations must endorse."""

from adapters.outbound.fabric.ledger import FabricLedger
from core.log.fabric.attested import about_settlement
from core.log.pairs import Pair, Settled, Signed
from core.log.witness import Reason, rejected, unknown_origin
from shared.canonical import b64url, unb64url


class FabricPairs:
    """Implements ports.pairs.Pairs, by transactions that are stored and sent as those of the ledger.

    A club's organisation is the one that registered its log, for ever; the contract has each pair's own endorse what it
    settles.
    """

    def __init__(self, ledger: FabricLedger) -> None:
        self._ledger = ledger
        self._owners: dict[str, str] = {}

    async def open(self, pair: bytes, keys: tuple[bytes, bytes], origins: tuple[str, str]) -> Pair:
        one, other = await self._owners_of(origins)
        wanted = Pair(id=pair, organisations=(one, other), keys=keys)
        found = await self._look(pair)
        if found is None:
            await self._ledger.transact("OpenPair", b64url(pair), one, other, b64url(keys[0]), b64url(keys[1]))
            # Its first write needed no particular endorsement: what is held now may be somebody else's.
            found = await self._look(pair)
        if found is None:
            raise rejected(Reason.UNKNOWN_PAIR)
        found.require_same(wanted)
        return found

    async def settle(self, signed: Signed) -> None:
        settled = signed.settled
        await self._ledger.transact(
            "Settle",
            b64url(settled.pair),
            settled.period,
            b64url(settled.commitment),
            *map(b64url, signed.signatures),
        )

    async def settled(self, pair: bytes, period: str) -> Settled | None:
        answer = await self._ledger.ask("Settlement", b64url(pair), period)
        if answer is None:
            return None
        return Settled(pair=pair, period=period, commitment=unb64url(answer["commitment"]))

    async def evidence(self, settled: Settled) -> dict[str, object] | None:
        question = about_settlement(settled)
        return await self._ledger.attested(question.call, lambda _read: question)

    async def _owners_of(self, origins: tuple[str, str]) -> tuple[str, str]:
        """Raises LedgerRejected (unknown-origin) before a log is registered.

        All logs are asked for, and not these two alone: with our own peers away, others would learn whose pair it is.
        """
        if not self._owners.keys() >= set(origins):
            for origin in await self._ledger.origins():
                if origin not in self._owners:
                    self._owners[origin] = str((await self._ledger.ask("Owner", origin))["owner"])
        one, other = origins
        for origin in origins:
            if origin not in self._owners:
                raise unknown_origin(origin)
        return self._owners[one], self._owners[other]

    async def _look(self, pair: bytes) -> Pair | None:
        """The pair as a peer has it committed."""
        answer = await self._ledger.ask("Pair", b64url(pair), absent=Reason.UNKNOWN_PAIR)
        if answer is None:
            return None
        one, other = answer["organisations"]
        keys = unb64url(answer["keys"][0]), unb64url(answer["keys"][1])
        return Pair(id=pair, organisations=(one, other), keys=keys, settled=answer["settled"])
