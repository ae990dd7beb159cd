"""What every implementation of ports.cosigners must do: an honest witness's every answer arrives as what it is."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest

from adapters.outbound.ed25519 import verify
from app.log.cosigner import Cosigner
from core.log.cosigning import AddCheckpoint, check_answer
from core.log.merkle import consistency_proof
from core.log.notes import encode64, parse_note, sign_note
from ports.cosigners import Cosigners, WitnessHolds, WitnessRefused
from tests.contracts.ledger import FORKED, HONEST, SUMMIT, SampleLog
from tests.support.witnesses import cosigner

Reached = AbstractAsyncContextManager[tuple[Cosigners, str]]


def request_of(size: int, old_size: int = 0, log: SampleLog = HONEST) -> AddCheckpoint:
    """An honest request, unless the log is not."""
    proof = consistency_proof(old_size, size, log.hash_at) if 0 < old_size < size else ()
    return AddCheckpoint(old_size=old_size, proof=proof, note=log.note(size))


EMPTY_WITH_ROOT = str(sign_note(f"{HONEST.origin}\n0\n{encode64(bytes(32))}\n", HONEST.key, HONEST.signer))
REFUSED = {
    "an old size beyond the checkpoint": (request_of(3, 4), 400),
    "no checkpoint": (replace(request_of(8, 5), note="a text\n"), 400),
    "another key": (replace(request_of(8, 5), note=replace(HONEST, seed=bytes([9]) * 32).note(8)), 403),
    "an unknown log": (request_of(2, log=SUMMIT), 404),
    "no proof": (replace(request_of(8, 5), proof=()), 422),
    "a fork that is consistent in itself": (request_of(8, 5, FORKED), 422),
    "a fork at the size that is held": (request_of(5, 5, FORKED), 422),
    "an empty log with a root": (replace(request_of(8), note=EMPTY_WITH_ROOT), 422),
}


class CosignersContract:
    """A backend brings `make`: itself, and the URL under which it reaches the witness."""

    def make(self, witness: Cosigner) -> Reached:
        raise NotImplementedError

    async def test_what_extends_is_cosigned_step_by_step_and_again(self) -> None:
        witness = cosigner("peak", HONEST.key)
        async with self.make(witness) as (cosigners, url):
            for old, new in ((0, 1), (1, 5), (5, 5), (5, 300)):
                request = request_of(new, old)
                lines = await cosigners.add_checkpoint(url, request)
                signed, line = check_answer(parse_note(request.note), lines, witness.key, verify)
                assert str(line) == lines
                assert signed.time is not None

    async def test_a_prefix_may_end_in_a_slash(self) -> None:
        async with self.make(cosigner("peak", HONEST.key)) as (cosigners, url):
            assert await cosigners.add_checkpoint(f"{url}/", request_of(1))

    @pytest.mark.parametrize("request_", [request_of(8), request_of(8, 4), request_of(3, 3)])
    async def test_what_the_witness_holds_is_told(self, request_: AddCheckpoint) -> None:
        async with self.make(cosigner("peak", HONEST.key)) as (cosigners, url):
            await cosigners.add_checkpoint(url, request_of(5))
            with pytest.raises(WitnessHolds) as told:
                await cosigners.add_checkpoint(url, request_)
        assert told.value.size == 5

    @pytest.mark.parametrize("name", REFUSED)
    async def test_a_refusal_comes_with_its_status(self, name: str) -> None:
        request, status = REFUSED[name]
        async with self.make(cosigner("peak", HONEST.key)) as (cosigners, url):
            await cosigners.add_checkpoint(url, request_of(5))
            with pytest.raises(WitnessRefused) as refused:
                await cosigners.add_checkpoint(url, request)
            assert refused.value.status == status
            assert await cosigners.add_checkpoint(url, request_of(8, 5))
