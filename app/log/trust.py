"""The trust bundle: what a verifier must know beforehand, gathered from the logs and the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast
from uuid import UUID

from app.log.keys import LogKeys, ranges_of
from app.workers import worker
from core.log.policy import Policy, parse_policy
from core.log.trust import KeyRange, TrustBundle, parse_ledger_trust
from ports.ledger import Ledger
from ports.log import Backlog, LogTx
from ports.unit_of_work import Begin
from shared.canonical import Json


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Public facts alone: no permission guards them. `policy` is the text of the witnesses' policy."""

    look: Begin[LogTx]
    backlog: Backlog
    ledger: Ledger
    keys: LogKeys
    policy: str

    @cached_property
    def witnesses(self) -> Policy:
        """The policy as it is read once: receipts ask for it with every call."""
        return parse_policy(self.policy)

    async def bundle(self) -> TrustBundle:
        """Every log of the network that has a key yet; raises KeysDisputed unless the secrets know the same keys."""
        held = await self.backlog.keys()
        return await self._with({origin: await self.keys.vouch(origin, keys) for origin, keys in held.items()})

    async def exported(self) -> TrustBundle:
        """The same, of keys on which the ledger agrees too; raises KeysDisputed, and what the ledger raises."""
        held = await self.backlog.keys()
        return await self._with({origin: await self.keys.agreed(origin, keys) for origin, keys in held.items()})

    async def of(self, club: UUID) -> TrustBundle:
        """The same for one log alone."""
        async with self.look(worker("trust", club)) as tx:
            keys = await tx.log.keys()
        ranges = ranges_of(keys)
        return await self._with({ranges[0].key.name: ranges} if ranges else {})

    async def _with(self, logs: Mapping[str, tuple[KeyRange, ...]]) -> TrustBundle:
        ledger = parse_ledger_trust(cast(Json, await self.ledger.trust()))
        return TrustBundle(logs=logs, policy=self.policy, ledger=ledger)
