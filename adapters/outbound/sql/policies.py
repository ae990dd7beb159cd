"""Row-level security on Postgres: the second wall behind the club predicate, and the rights of the runtime role.

A table says in its `info` whose its rows are and what may be done; the few tables that differ say so here.
"""

from collections.abc import Collection, Iterator

from sqlalchemy import Table

from adapters.outbound.sql.schema import changeable

TENANT = "nullif(current_setting('app.club_id', true), '')::uuid"
"""The club of the transaction; after a transaction the setting is an empty text, not NULL."""

_PARTY_OF_THE_EVENT = """EXISTS (
    SELECT 1 FROM event e WHERE e.id = event_id
    AND $tenant IN (e.club_id, e.other_club) AND $table.club_id IN (e.club_id, e.other_club)
)""".replace("$tenant", TENANT)

_OWN = f"club_id = {TENANT}"
_SUBJECTS_OWN = f"{_OWN} OR subject_club = {TENANT}"
_SHOWN = f"proposer = {TENANT} OR (partner = {TENANT} AND state <> 'draft')"
_ACROSS = f"{TENANT} IS NULL OR {_OWN}"
_HOME, _HOST = f"home_club = {TENANT}", f"host_club = {TENANT}"

# Migrations that databases have been through read this: their hashes in tests/data tell whoever changes a line that a
# migration of its own has to change the policy, and the old ones have to spell out what they said.
#
# Postgres asks the policy for SELECT too wherever a statement has a condition, so who deletes has to see; a statement
# without any condition asks that of its own command alone, so each has to be complete in itself.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "event": {"INSERT": _OWN},
    "record": {"INSERT": _PARTY_OF_THE_EVENT.replace("$table", "record")},
    "disclosure": {
        "INSERT": _PARTY_OF_THE_EVENT.replace("$table", "disclosure"),
        "DELETE": _SUBJECTS_OWN,
        "SELECT": _SUBJECTS_OWN,
    },
    "subject": {"INSERT": _OWN, "DELETE": _OWN},
    "answer": {"DELETE": _SUBJECTS_OWN, "SELECT": _SUBJECTS_OWN},
    "log_key": {"SELECT": _ACROSS},
    "parked": {"SELECT": _ACROSS},
    "agreement": {"INSERT": f"proposer = {TENANT}", "SELECT": _SHOWN, "UPDATE": _SHOWN},
    "visit": {"INSERT": _HOME},
    "standing_grant": {"INSERT": _HOME, "UPDATE": _HOME},
    "visit_count": {"INSERT": _HOST, "UPDATE": _HOST},
}

_COMMANDS = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}


def enforce(table: str, parties: tuple[str, ...], rights: str) -> Iterator[str]:
    """The statements that put a table under row-level security: it shows a row to its parties alone."""
    yield f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY'
    yield f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY'
    usual = f"{TENANT} IN ({', '.join(parties)})"
    for initial in rights:
        command = _COMMANDS[initial]
        rule = EXCEPTIONS.get(table, {}).get(command, usual)
        clauses = {"INSERT": f"WITH CHECK ({rule})", "UPDATE": f"USING ({rule}) WITH CHECK ({rule})"}
        clause = clauses.get(command, f"USING ({rule})")
        yield f'CREATE POLICY {table}_{command.lower()} ON "{table}" FOR {command} {clause}'


def unsampled(table: str, columns: tuple[str, ...]) -> Iterator[str]:
    """The statements that keep Postgres from quoting values of these columns in its statistics."""
    for column in columns:
        yield f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET STATISTICS 0'


def grant(table: Table, role: str, present: Collection[str]) -> Iterator[str]:
    """What the runtime role may do with a table: it owns nothing, and cannot update an id or a club.

    `present` are the columns that the table has in the database, which may be at another revision.
    """
    rights = [_COMMANDS[initial] for initial in table.info["rights"] if initial != "U"]
    yield f'GRANT {", ".join(rights)} ON "{table.name}" TO {role}'
    if "U" in table.info["rights"]:
        columns = ", ".join(f'"{name}"' for name in changeable(table) if name in present)
        yield f'GRANT UPDATE ({columns}) ON "{table.name}" TO {role}'
