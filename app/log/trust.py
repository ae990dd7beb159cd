"""The trust bundle: what a verifier must know beforehand, gathered from the logs and the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast
from uuid import UUID

from app.workers import worker
from core.log.notes import parse_key
from core.log.policy import Policy, parse_policy
from core.log.trust import KeyRange, TrustBundle, parse_ledger_trust
from ports.ledger import Ledger
from ports.log import Backlog, LogKey, LogTx
from ports.unit_of_work import Begin
from shared.canonical import Json


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Public facts alone: no permission guards them. `policy` is the text of the witnesses' policy."""

    look: Begin[LogTx]
    backlog: Backlog
    ledger: Ledger
    policy: str

    @cached_property
    def witnesses(self) -> Policy:
        """The policy as it is read once: receipts ask for it with every call."""
        return parse_policy(self.policy)

    async def bundle(self) -> TrustBundle:
        """Every log of the network that has a key yet."""
        return await self._of(await self.backlog.keys())

    async def of(self, club: UUID) -> TrustBundle:
        """The same for one log alone."""
        async with self.look(worker("trust", club)) as tx:
            keys = await tx.log.keys()
        return await self._of({parse_key(keys[0].verifier_key).name: keys} if keys else {})

    async def _of(self, keys: Mapping[str, Sequence[LogKey]]) -> TrustBundle:
        logs = {origin: tuple(map(_range, held)) for origin, held in keys.items()}
        ledger = parse_ledger_trust(cast(Json, await self.ledger.trust()))
        return TrustBundle(logs=logs, policy=self.policy, ledger=ledger)


def _range(key: LogKey) -> KeyRange:
    return KeyRange(key=parse_key(key.verifier_key), from_size=key.from_size, until_size=key.until_size)
