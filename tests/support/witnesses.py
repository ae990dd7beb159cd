"""Witnesses in the test's own process: real ones, each with a key of its own, and ways in which they may fail."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.inbound.rest.witness import STATUS
from adapters.outbound.ed25519 import Signer, verify
from app.log.cosigner import Cosigner
from core.log.checkpoints import Checkpoint
from core.log.cosigning import AddCheckpoint
from core.log.notes import Algorithm, VerifierKey
from core.log.witness import LedgerRejected
from ports.cosigners import WitnessHolds, WitnessRefused
from ports.witnessed import Witnessed
from tests.support.world import START

URL = "http://{}.test/witness"


@dataclass
class MemoryHeads:
    """Implements ports.witnessed.WitnessedHeads but for outliving its process."""

    kept: dict[str, Witnessed] = field(default_factory=dict)

    async def get(self, origin: str) -> Witnessed | None:
        return self.kept.get(origin)

    async def move(self, old: Checkpoint | None, new: Witnessed) -> bool:
        held = self.kept.get(new.checkpoint.origin)
        if (None if held is None else held.checkpoint) != old:
            return False
        self.kept[new.checkpoint.origin] = new
        return True


def cosigner(
    name: str,
    *logs: VerifierKey,
    now: Callable[[], datetime] = lambda: START,
    seed: int | None = None,
    heads: Any = None,
) -> Cosigner:
    """A witness that follows these logs."""
    signer = Signer((sum(name.encode()) if seed is None else seed).to_bytes(32))
    keys: dict[str, tuple[VerifierKey, ...]] = {}
    for key in logs:
        keys[key.name] = (*keys.get(key.name, ()), key)
    return Cosigner(
        heads=heads or MemoryHeads(),
        logs=keys,
        key=VerifierKey(name=f"{name}.test/witness", public=signer.key, algorithm=Algorithm.COSIGNATURE),
        sign=signer,
        verify=verify,
        now=now,
    )


def policy_of(quorum: str, *witnesses: Cosigner) -> str:
    """A policy that names these witnesses by the first word of their keys' names, each with a URL."""
    names = [each.key.name.partition(".")[0] for each in witnesses]
    lines = [f"witness {name} {each.key} {URL.format(name)}" for name, each in zip(names, witnesses, strict=True)]
    group = f"group most {quorum} {' '.join(names)}\nquorum most" if quorum.isdigit() else f"quorum {quorum}"
    return "\n".join((*lines, group, ""))


Spoil = Callable[[AddCheckpoint, Callable[[], Any]], Any]
"""What a witness does in the place of answering: given the request, and a coroutine function that answers it well."""


@dataclass
class DirectCosigners:
    """Implements ports.cosigners.Cosigners without a network; `spoiled` are those that do something else, by URL."""

    witnesses: Mapping[str, Cosigner]
    spoiled: dict[str, Spoil] = field(default_factory=dict)
    asked: list[tuple[str, AddCheckpoint]] = field(default_factory=list)

    async def add_checkpoint(self, url: str, request: AddCheckpoint) -> str:
        self.asked.append((url, request))

        async def answer() -> str:
            try:
                return await self.witnesses[url].add_checkpoint(str(request).encode())
            except LedgerRejected as error:
                status = int(STATUS[str(error.parameters["reason"])])
                if status == 409:
                    raise WitnessHolds(url=url, size=int(str(error.parameters["stored_size"]))) from error
                raise WitnessRefused(url=url, status=status) from error

        if url in self.spoiled:
            return str(await self.spoiled[url](request, answer))
        return await answer()


def direct(*witnesses: Cosigner) -> DirectCosigners:
    """Them at the URLs of `policy_of`."""
    return DirectCosigners({URL.format(each.key.name.partition(".")[0]): each for each in witnesses})
