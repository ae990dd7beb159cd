"""A database in which every club's table has rows of Harbour, Summit and Meadow that can be told apart in any byte."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg

from adapters.outbound.sql.tables import metadata
from app.clubs.agreements import DraftAgreement, SuspendAgreement
from app.clubs.members import EnrolMember
from app.clubs.visits import EndVisit
from ports.bus import Message
from ports.caller import Caller
from ports.log import StoredCosignature
from tests.support.scenes import Scene, agree, found, terms, two_clubs
from tests.support.world import START, World, caller

PROTECTED = sorted(name for name, table in metadata.tables.items() if "parties" in table.info)
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Canaries:
    """Harbour and Summit have dealings with each other, and Harbour a draft that Summit must not see."""

    scene: Scene
    meadow: Caller

    @property
    def tenants(self) -> dict[str, UUID | None]:
        """Everybody who may ask: the two clubs, one that deals with neither, one that does not exist, nobody."""
        return {
            "home": self.scene.home.of_club,
            "host": self.scene.host.of_club,
            "meadow": self.meadow.of_club,
            "unknown": self.scene.world.new_id(),
            "none": None,
        }


async def planted(world: World) -> Canaries:
    """Every table of clubs gets rows the way the product writes them."""
    scene = await two_clubs(world)
    scene = replace(scene, home=replace(scene.home, principal="canary-ann"))
    home, host = scene.home, scene.host
    meadow = caller((await found(world, "meadow")).id, "eve")
    await agree(world, meadow, host)
    for club, canary in ((home, "canary"), (meadow, "meadow")):
        enrolment = EnrolMember(number=f"{canary}-1", name=f"{canary} Ada", category=f"{canary}-full")
        await world.clubs.members.enrol(club, enrolment)
    member = await scene.member()
    await scene.requested(member.id)
    decision = await scene.checked_in(member.id)
    assert decision.visit is not None
    refused = await scene.requested(member.id)
    await world.clubs.visits.decline(host.under("decline", "canary-key"), refused.id, EndVisit(reason="canary"))
    draft = DraftAgreement(partner=host.of_club, terms=terms(categories=("canary-terms",)), scope="dining")
    await world.clubs.agreements.draft(home, draft)
    third = await agree(world, home, meadow)
    await world.clubs.agreements.suspend(home, third.id, SuspendAgreement(reason="canary"))
    await world.clubs.agreements.give_notice(home, scene.agreement.id)
    await world.settle()
    await world.relay.tick()
    async with world.begin_log(home) as tx:
        (message,) = (await tx.log.messages([decision.receipt])).values()
    await _park(world, message)
    await _cosign(world, home, host)
    await _lose(world, home)
    return Canaries(scene=scene, meadow=meadow)


async def _cosign(world: World, *clubs: Caller) -> None:
    """A cosignature of a checkpoint that there is, as a witness answers."""
    for club in clubs:
        async with world.begin_log(club) as tx:
            newest = await tx.log.checkpoint()
            assert newest is not None
            line = f"canary {club.principal}"
            await tx.log.add_cosignature(StoredCosignature(size=newest.size, witness="canary", line=line, at=START))


async def _lose(world: World, club: Caller) -> None:
    """A leaf without its record, as a rebuild leaves it."""
    async with world.begin_log(club) as tx:
        head = await tx.log.head()
        await tx.log.grow(head, replace(head, size=head.size + 1), {}, [b"canary".ljust(32)])


async def _park(world: World, message: Message) -> None:
    for clubs in (message.clubs, message.clubs[::-1]):
        await world.parking.add("canary", replace(message, clubs=clubs, at=START), "canary")


def sql(*words: str) -> str:
    """A statement out of its words; names come from the metadata."""
    return " ".join(words)


async def rows(connection: "asyncpg.Connection[Any]", table: str) -> list[Row]:
    """What this connection sees of a table."""
    return [dict(row) for row in await connection.fetch(sql("SELECT * FROM", f'"{table}"'))]


def key(table: str, row: Row) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in metadata.tables[table].primary_key)


def allowed(table: str, command: str, row: Row, tenant: UUID | None) -> bool:
    """Whom the design lets do this with a row: its parties, but for the exceptions that it names."""
    if tenant is None:
        return command == "SELECT" and bool(metadata.tables[table].info["across"])
    parties = {row[party] for party in metadata.tables[table].info["parties"]}
    match table, command:
        case "agreement", "SELECT" | "UPDATE":
            return tenant in parties and (row["state"] != "draft" or tenant == row["proposer"])
        case "agreement", "INSERT":
            return bool(tenant == row["proposer"])
        case "disclosure" | "answer", "SELECT" | "DELETE":
            return tenant in {*parties, row["subject_club"]}
        case "subject", "INSERT" | "DELETE":
            return bool(tenant == row["club_id"])
        case "event", "INSERT":
            return bool(tenant == row["club_id"])
        case "visit" | "standing_grant", "INSERT":
            return bool(tenant == row["home_club"])
        case "standing_grant", "UPDATE":
            return bool(tenant == row["home_club"])
        case "visit_count", "INSERT" | "UPDATE":
            return bool(tenant == row["host_club"])
        case "record" | "disclosure", "INSERT":
            return tenant in row["parties_of_event"]
        case _:
            return tenant in parties
