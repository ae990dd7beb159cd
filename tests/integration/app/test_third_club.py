"""Rule aud7 on the embedded ledger: its files say nothing of the visits that two clubs settle."""

from pathlib import Path

from adapters.outbound.local.journal import FILE
from shared.canonical import Json, loads
from tests.support.databases import MEMORY
from tests.support.leaks import Secret, leaks
from tests.support.scenes import terms, two_clubs
from tests.support.settling import after_march, settle, visited
from tests.support.third_club import VISITS, counts, secrets_of, settled_month
from tests.support.world import world_at

SETTLEMENTS = "settlements.jsonl"


async def test_aud7_the_embedded_ledgers_files_say_nothing_of_visits_terms_and_counts(tmp_path: Path) -> None:
    async with world_at(MEMORY, tmp_path) as world:
        scene = await two_clubs(world, terms(quotas=()))
        visits = await visited(scene, VISITS)
        after_march(world)
        assert await settle(world, scene.home, scene.host) == 1
        month, secrets = await settled_month(scene), await secrets_of(scene, visits)
        slugs: dict[str, Secret] = {each.origin: each.origin.split("/")[1] for each in await world.backlog.directory()}
    assert month.pair is not None and month.commitment is not None
    everything = b"".join((tmp_path / "ledger" / name).read_bytes() for name in (FILE, SETTLEMENTS))
    here: dict[str, Secret] = {"the pair": month.pair, "the commitment": month.commitment, "the period": month.period}
    assert {each.partition(" as ")[0] for each in leaks(everything, here, hashes=False)} == here.keys()
    assert leaks(everything, secrets) == []
    settlements = (tmp_path / "ledger" / SETTLEMENTS).read_bytes()
    assert leaks(settlements, slugs, hashes=False) == []
    entries: list[Json] = [loads(line) for line in settlements.splitlines()]
    assert len(entries) == len(("opened", "settled"))
    assert not counts(entries, VISITS)


async def test_the_secrets_of_a_pair_and_its_salts_are_in_no_byte_of_the_database(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with world_at(sqlite_url, tmp_path / "world") as world:
        scene = await two_clubs(world)
        visits = await visited(scene, 1)
        after_march(world)
        await settle(world, scene.home, scene.host)
        secrets = await secrets_of(scene, visits)
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    stored = b"".join(each.read_bytes() for each in sorted(file.parent.glob(f"{file.name}*")))
    never = {name: value for name, value in secrets.items() if name.startswith("the secret") or name == "the salt"}
    assert len(never) == len(("blinding", "first", "second", "salt"))
    assert leaks(stored, {"the host": scene.host.of_club}), "these are the right bytes"
    assert leaks(stored, never) == []
