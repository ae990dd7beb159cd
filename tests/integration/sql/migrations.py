"""What migrations have to keep to on every engine; a subclass brings an empty database."""

import asyncio

import pytest
from sqlalchemy import inspect

from adapters.outbound.sql.migrate import migrate, newest_revision
from tests.integration.sql.schemas import Schema, created, differences, looked_at, schema_of

REVISIONS = ["v0001", "v0002", "v0003", "v0004", "v0005"]


class Migrations:
    """`owner_url` is a fixture: an empty database; `another_url` is a second one."""

    async def test_a_migrated_database_is_what_the_metadata_says(self, owner_url: str, another_url: str) -> None:
        done = await migrate(owner_url)
        assert (done.before, done.after) == (None, newest_revision())
        assert await differences(owner_url) == []
        await created(another_url)
        assert await schema_of(owner_url) == await schema_of(another_url)

    async def test_down_and_up_again_leaves_the_same_schema(self, owner_url: str) -> None:
        await migrate(owner_url)
        before = await schema_of(owner_url)
        done = await migrate(owner_url, revision="base")
        assert (done.before, done.after) == (newest_revision(), None)
        assert await schema_of(owner_url) == set()
        await migrate(owner_url)
        assert await schema_of(owner_url) == before

    async def test_every_revision_goes_up_and_down_by_itself(self, owner_url: str) -> None:
        schemas: dict[str, Schema] = {"base": set()}
        for revision in REVISIONS:
            assert (await migrate(owner_url, revision=revision)).after == revision
            schemas[revision] = await schema_of(owner_url)
        assert REVISIONS[-1] == newest_revision()
        for revision in [*REVISIONS[-2::-1], "base"]:
            await migrate(owner_url, revision=revision)
            assert await schema_of(owner_url) == schemas[revision]

    async def test_migrating_again_changes_nothing(self, owner_url: str) -> None:
        await migrate(owner_url)
        before = await schema_of(owner_url)
        done = await migrate(owner_url)
        assert (done.before, done.after) == (newest_revision(), newest_revision())
        assert await schema_of(owner_url) == before

    async def test_a_migration_that_fails_leaves_nothing_behind(self, owner_url: str) -> None:
        await looked_at(owner_url, lambda connection: connection.exec_driver_sql("CREATE TABLE visit (id int)"))
        before = await schema_of(owner_url)
        with pytest.raises(Exception, match="visit"):
            await migrate(owner_url)
        assert await schema_of(owner_url) == before
        assert await looked_at(owner_url, lambda connection: inspect(connection).get_table_names()) == ["visit"]
        await looked_at(owner_url, lambda connection: connection.exec_driver_sql("DROP TABLE visit"))
        assert (await migrate(owner_url)).after == newest_revision()

    async def test_of_two_that_migrate_at_once_one_does_it_and_both_find_it_done(self, owner_url: str) -> None:
        done = await asyncio.gather(*(migrate(owner_url) for _ in range(3)))
        assert {one.after for one in done} == {newest_revision()}
        assert sorted(str(one.before) for one in done) == sorted(["None", *[newest_revision()] * 2], key=str)
        assert await differences(owner_url) == []

    async def test_a_difference_that_was_planted_is_found(self, owner_url: str, another_url: str) -> None:
        await migrate(owner_url)
        await migrate(another_url)
        await looked_at(owner_url, lambda connection: connection.exec_driver_sql("DROP INDEX uq_agreement_live"))
        assert await schema_of(owner_url) != await schema_of(another_url)
        await looked_at(another_url, lambda connection: connection.exec_driver_sql("ALTER TABLE visit ADD extra int"))
        assert [change[0] for change in await differences(another_url)] == ["remove_column"]
