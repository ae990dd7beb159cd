"""Erasure under the eyes of a byte scan, the same for both engines: what is left in files, and what still verifies."""

from collections.abc import Callable, Iterable
from pathlib import Path

from adapters.outbound.signatures import SIGNATURES
from adapters.outbound.sql.vacuum import vacuum
from core.log.receipts import Validity, receipt_text, verify_bytes
from tests.integration.audit.bank import audited
from tests.integration.audit.canaries import CANARIES, Guest, distances, every_file, found_in, guest
from tests.support.world import World

Files = Callable[[], Iterable[Path]]


async def erased_without_a_trace(world: World, database_files: Files, folder: Path, owner_url: str) -> None:
    """Before it the scan finds everything, after the erasure alone something, after rewriting nothing."""
    person = await guest(world)
    await world.settle()
    before = await saved_receipts(world, person)
    there = {name for name, _file in found_in(database_files())}
    assert there == set(CANARIES) | set(distances()), "the scan has to find everything that is there"
    await world.clubs.members.erase(person.home.under("erase", "k9"), person.member)
    await world.settle()
    left = found_in(database_files())
    assert left, "planted: without rewriting the files, the scan has to find something"
    await world.database.close()
    await vacuum(owner_url)
    assert found_in(database_files()) == set()
    assert found_in(every_file(folder)) == set()
    await everything_verifies(world, person, before)


async def saved_receipts(world: World, person: Guest) -> list[bytes]:
    """Receipts of a check-in and of a refusal, of both clubs, as they are handed out before the erasure."""
    decisions = (person.checked_in, person.refused)
    wanted = [(who, decision.receipt) for who in (person.home, person.host) for decision in decisions]
    return [receipt_text(await world.log.receipts.get(who, receipt)).encode() for who, receipt in wanted]


async def everything_verifies(world: World, person: Guest, before: list[bytes]) -> None:
    bundle = await world.log.trust.bundle()
    assert {verify_bytes(saved, bundle, SIGNATURES).validity for saved in before} == {Validity.VALID}
    anew = await saved_receipts(world, person)
    assert {verify_bytes(receipt, bundle, SIGNATURES).validity for receipt in anew} == {Validity.REDACTED}
    findings, _logs = await audited(world.database, world.ledger)
    assert findings == []
