"""The contract `witness` keeps the promises of a ledger, in process: one transaction after the other, or at once."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.inbound.chaincode.stub import REFUSED, Answer
from adapters.inbound.chaincode.witness.arguments import MOST_ORIGINS
from adapters.inbound.chaincode.witness.contract import Witness
from adapters.outbound.ed25519 import Signer, verify
from core.log.checkpoints import Checkpoint, cosign_checkpoint
from core.log.evidence import local_evidence
from core.log.notes import Algorithm, VerifierKey
from core.log.trust import KeyRange, LedgerTrust, parse_range
from ports.ledger import Anchored, Ledger, LedgerHead, LedgerRejected, Submission
from shared.canonical import b64url, dumps, unb64url
from tests.contracts.ledger import HONEST, ORIGIN, LedgerContract
from tests.contracts.rotations import Rotations
from tests.support.chaincode import MemoryStub, ReadConflict, State, item

SIGNER = Signer(bytes([2]) * 32)
PEER = VerifierKey(name="peer", public=SIGNER.key, algorithm=Algorithm.COSIGNATURE)


class ContractLedger:
    """Implements ports.ledger.Ledger over the contract; evidence is the answer of Checkpoint, signed by one peer."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._contract = Witness(verify)

    async def head(self, origin: str) -> LedgerHead | None:
        answer = await self._asked("Head", origin)
        if answer.status == 404:
            return None
        told = json.loads(answer.payload)
        return LedgerHead(size=told["size"], root=unb64url(told["root"]))

    async def origins(self) -> Sequence[str]:
        found: list[str] = []
        while page := json.loads((await self._asked("Origins", found[-1] if found else "")).payload):
            found += page
        return found

    async def keys(self, origin: str) -> Sequence[KeyRange]:
        answer = await self._asked("Keys", origin)
        return [] if answer.status == 404 else [parse_range(each) for each in json.loads(answer.payload)["keys"]]

    async def register(self, origin: str, verifier_key: str) -> None:
        await self._decided("RegisterLog", origin, verifier_key)

    async def rotate(self, origin: str, size: int, verifier_key: str, signatures: tuple[bytes, bytes]) -> None:
        await self._decided("RotateKey", origin, str(size), verifier_key, *map(b64url, signatures))

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Anchored | LedgerRejected]:
        answer = await self._submit("Anchor", dumps([item(each) for each in submissions]))
        return [LedgerRejected(**told) if "reason" in told else Anchored(**told) for told in json.loads(answer.payload)]

    async def evidence(self, origin: str, size: int) -> dict[str, object] | None:
        held = await self._read("Checkpoint", origin, str(size))
        return None if held is None else {**local_evidence(cosign_checkpoint(held, PEER, SIGNER, time=1))}

    async def trust(self) -> dict[str, object]:
        return {**LedgerTrust(witnesses=(PEER,)).to_json()}

    async def check(self) -> None:
        await self.head(ORIGIN)

    async def _decided(self, function: str, origin: str, *arguments: str) -> None:
        answer = await self._submit(function, origin, *arguments)
        if answer.status >= REFUSED:
            raise LedgerRejected(reason=answer.message.partition(":")[0], origin=origin, stored_size=0)

    async def _asked(self, *arguments: str) -> Answer:
        stub = MemoryStub(self.state, arguments)
        answer = await self._contract(stub)
        assert stub.writes == {}
        return answer

    async def _read(self, *arguments: str) -> Checkpoint | None:
        answer = await self._asked(*arguments)
        if answer.status == 404:
            return None
        told = json.loads(answer.payload)
        return Checkpoint(origin=told["origin"], size=told["size"], root=unb64url(told["root"]))

    async def _submit(self, *arguments: str | bytes) -> Answer:
        """Others come in between endorsement and commit; after a conflict everything is built anew."""
        while True:
            stub = MemoryStub(self.state, arguments)
            answer = await self._contract(stub)
            await asyncio.sleep(0)
            if answer.status >= REFUSED:
                return answer
            try:
                self.state.commit(stub)
            except ReadConflict:
                continue
            return answer


class TestContractLedger(Rotations, LedgerContract):
    async def make(self, place: Path) -> ContractLedger:
        self._states = getattr(self, "_states", {})
        return ContractLedger(self._states.setdefault(place, State()))

    async def stop(self, ledger: Ledger) -> None:
        assert isinstance(ledger, ContractLedger)

    async def test_logs_are_named_page_by_page(self, tmp_path: Path) -> None:
        ledger = await self.make(tmp_path)
        names = [f"concordat.test/club-{number:04}/1" for number in range(2 * MOST_ORIGINS + 1)]
        for name in names:
            await ledger.register(name, str(replace(HONEST, origin=name).key))
        assert await ledger.origins() == names

    async def test_of_two_that_were_endorsed_on_the_same_head_one_is_not_committed(self, tmp_path: Path) -> None:
        ledger = await self.make(tmp_path)
        await ledger.register(ORIGIN, str(HONEST.key))
        steps = [HONEST.submission(5), HONEST.submission(8)]
        stubs = [MemoryStub(ledger.state, ("Anchor", dumps([item(step)]))) for step in steps]
        for stub in stubs:
            await Witness(verify)(stub)
        ledger.state.commit(stubs[0])
        with pytest.raises(ReadConflict):
            ledger.state.commit(stubs[1])
        assert await ledger.head(ORIGIN) == HONEST.head(5)
