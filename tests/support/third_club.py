"""What two clubs would rather keep to themselves, and whoever can read the ledger must not find there (rule aud7)."""

from uuid import UUID

from app.clubs.settlements import SettlementView
from core.log.records import parse_record
from core.log.settlements import parse_proof
from shared.canonical import Json
from tests.support.leaks import Secret
from tests.support.scenes import Scene
from tests.support.settling import standing

VISITS = 7
"""So many visits; few numbers on a ledger are 7 by chance."""


async def settled_month(scene: Scene) -> SettlementView:
    (found,) = await standing(scene.world, scene.home)
    assert found.state == "settled", found.reason
    return found


async def secrets_of(scene: Scene, visits: list[UUID]) -> dict[str, Secret]:
    """Everything of the clubs, their terms, their visits and their settlement, by what it is."""
    proof = parse_proof(await scene.world.clubs.settlements.prove(scene.home, visits[0]))
    found: dict[str, Secret] = {
        "the home club's name": "Harbour",
        "the host club's name": "Summit",
        "the home club": scene.home.of_club,
        "the host club": scene.host.of_club,
        "the agreement": scene.agreement.id,
        "the terms' hash": scene.agreement.versions[0].hash,
        "the root": proof.opening.root,
        "the salt": proof.opening.salt,
    }
    for number, key in enumerate(visits):
        visit = await scene.world.clubs.visits.get(scene.host, key)
        assert visit.commitment is not None
        found |= {
            f"visit {number}": visit.id,
            f"the member of visit {number}": visit.member_ref,
            f"the commitment of visit {number}": visit.commitment,
            f"the verdict of visit {number}": visit.verdict_hash,
        }
    found |= await _secrets_of_the_pair(scene)
    return found | await _salted(scene, visits)


async def _secrets_of_the_pair(scene: Scene) -> dict[str, Secret]:
    row = await settled_month(scene)
    secrets = scene.world.system.infrastructure.secrets
    names = [f"pair/{row.first_club}.{row.second_club}/{name}" for name in ("blinding", "first", "second")]
    found = {f"the secret {name}": await secrets.get(name) for name in names}
    assert all(found.values())
    return {name: value for name, value in found.items() if value is not None}


async def _salted(scene: Scene, visits: list[UUID]) -> dict[str, Secret]:
    """Salt and commitment of the records of the check-ins: what the leaves of both logs are made of."""
    found: dict[str, Secret] = {}
    for club in (scene.home, scene.host):
        async with scene.world.begin(club) as tx:
            events = [await tx.visits.admission(visit) for visit in visits]
        async with scene.world.look(club) as log:
            for number, event in enumerate(events):
                record = await log.log.record(event)
                origin = parse_record(record.data).log
                found |= {
                    f"the record of visit {number} in {origin}": record.data,
                    f"its salt {number} in {origin}": record.salt,
                    f"its commitment {number} in {origin}": record.commitment,
                }
    return found


def counts(value: Json, count: int) -> bool:
    """Does this number stand in a value that was read, as a number or as a text?"""
    if isinstance(value, dict):
        return any(counts(each, count) for each in (*value.keys(), *value.values()))
    if isinstance(value, list):
        return any(counts(each, count) for each in value)
    return value == count or value == str(count)
