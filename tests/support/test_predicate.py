"""The check of the club predicate finds every way to forget it that was planted, and lets the right ones pass."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import and_, delete, exists, literal, or_, select, text, true, update

from adapters.outbound.sql import schema
from adapters.outbound.sql.clubs import agreement, member
from adapters.outbound.sql.database import TENANT, everyones, mine
from adapters.outbound.sql.visits import visit
from tests.support.databases import MEMORY
from tests.support.predicate import PredicateMissing, unguarded
from tests.support.world import world_at

_other = member.alias("other")
_leaf, _record = schema.leaf, schema.record

FORGETFUL: dict[str, Any] = {
    "no condition at all": select(member),
    "another column": select(member).where(member.c.name == "Ada"),
    "a club named by hand": select(member).where(member.c.club_id == literal(None)),
    "an update": update(member).where(member.c.name == "Ada").values(name="Eve"),
    "a delete": delete(schema.disclosure).where(schema.disclosure.c.name == "name"),
    "one way around it": select(member).where(or_(mine(member), member.c.erased)),
    "a condition that is always true": select(visit).where(or_(visit.c.home_club == TENANT, true())),
    "its negation": select(member).where(~mine(member)),
    "only the other table of a join": select(_leaf).join(_record, mine(_record)),
    "an outer join that keeps all rows on the left": select(_leaf).outerjoin(
        _record, and_(_leaf.c.event_id == _record.c.event_id, mine(_record), mine(_leaf))
    ),
    "an alias": select(_other),
    "the predicate of the table and not of its alias": select(_other).where(member.c.club_id == TENANT),
    "a subquery": select(schema.directory).where(schema.directory.c.club.in_(select(member.c.club_id))),
    "exists": select(schema.directory).where(exists().where(member.c.club_id == schema.directory.c.club)),
    "a select in an insert": schema.inbox.insert().from_select(["consumer", "event_id"], select(visit.c.id)),
    "everybody's rows of what is a club's own": select(member).where(everyones(member)),
    "everybody's rows, to be changed": update(schema.log_key).where(everyones(schema.log_key)).values(until_size=1),
    "no condition on what may be read across clubs": select(schema.log_key),
    "the second half of a union": select(member.c.id).where(mine(member)).union(select(visit.c.id)),
    "plain text": text('SELECT * FROM "member"'),
    "plain text in a join": text("SELECT * FROM directory d JOIN agreement a ON true"),
}
CAREFUL: dict[str, Any] = {
    "the predicate": select(visit).where(mine(visit)),
    "a draft's": select(agreement).where(mine(agreement), agreement.c.scope == "visits"),
    "one column": delete(schema.disclosure).where(schema.disclosure.c.subject_club == TENANT),
    "everybody's rows of what may be read across clubs": select(schema.log_key).where(everyones(schema.log_key)),
    "an alias's own": select(_other).where(_other.c.club_id == TENANT),
    "both tables of a join": select(_leaf).join(_record, mine(_record)).where(mine(_leaf)),
    "no club's table": select(schema.directory),
    "an insert": member.insert(),
    "other text": text("SELECT pg_advisory_xact_lock(1)"),
}


@pytest.mark.parametrize("forgetful", FORGETFUL)
def test_statement_without_the_predicate_is_found(forgetful: str) -> None:
    assert unguarded(FORGETFUL[forgetful])


@pytest.mark.parametrize("careful", CAREFUL)
def test_statement_with_the_predicate_passes(careful: str) -> None:
    assert unguarded(CAREFUL[careful]) == []


async def test_statement_without_the_predicate_fails_in_a_transaction(tmp_path: Path) -> None:
    async with world_at(MEMORY, tmp_path) as world, world.database.reading(world.new_id()) as session:
        with pytest.raises(PredicateMissing, match="member"):
            await session.all(select(member.c.id))


async def test_statement_without_the_predicate_fails_in_a_read_of_its_own(tmp_path: Path) -> None:
    async with world_at(MEMORY, tmp_path) as world:
        with pytest.raises(PredicateMissing, match="member"):
            await world.database.rows(world.new_id(), select(member.c.id))
