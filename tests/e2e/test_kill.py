"""SIGKILL under load: nothing acknowledged is lost, nothing is there twice, and the logs verify from their genesis."""

import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from uuid import uuid4

import pytest

from core.log.trust import parse_bundle
from tests.e2e import aftermath
from tests.e2e.aftermath import Rows, api_of
from tests.e2e.journal import Acknowledged, Client, Journal
from tests.e2e.lives import Club, Writer, two_clubs
from tests.e2e.served import Installation
from tests.support.databases import PostgresDatabase, PostgresTemplate
from tests.support.processes import Process

pytestmark = pytest.mark.timeout(240)

KILLS = 10
"""On each database: twenty in all."""
LIVES_PER_KILL = 3
LINES_BEFORE_KILL = (5, 45)
"""So many requests are acknowledged between kills, of the sixty or so that the lives take."""
WRITERS = 4
WRITTEN_WITHIN_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Survivor:
    """A network that serves after the kills, with what its clients wrote down; `rows` asks its database."""

    installation: Installation
    clubs: Sequence[Club]
    acknowledged: Sequence[Acknowledged]
    rows: Rows

    @contextmanager
    def clients(self) -> Iterator[list[Client]]:
        """One for each club, to look around."""
        with aftermath.clients_of(self.installation, self.clubs) as clients:
            yield clients

    def failed_replays(self, acknowledged: Sequence[Acknowledged]) -> list[str]:
        with self.clients() as clients:
            return aftermath.replays(clients, acknowledged)

    def complaints(self) -> list[str]:
        """About what is there now; once all work is done."""
        with self.clients() as clients:
            left = aftermath.drained(self.rows)
            return [*left, *aftermath.complaints(self.acknowledged, aftermath.found(clients, self.rows))]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def survivor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survivor]:
    """On SQLite one process does everything; on Postgres a worker stands beside the one that serves."""
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        if request.param == "sqlite":
            installation, roles = Installation(folder=folder), ["all"]
            rows = sqlite_rows(installation)
        else:
            template: PostgresTemplate = request.getfixturevalue("postgres_template")
            database = stack.enter_context(template.copied())
            installation, roles = Installation(folder=folder, database_url=database.url), ["worker", "http"]
            rows = postgres_rows(database)
        # Many lives in little time, by few clients.
        installation.settings["requests_per_minute"] = "0"
        processes = [stack.enter_context(installation.serve("--role", role, name=role)) for role in roles]
        clubs = two_clubs(installation)
        journal = Journal(path=folder / "journal")
        killed_under_load(processes, clubs, api_of(installation), journal)
        yield Survivor(installation=installation, clubs=clubs, acknowledged=journal.read(), rows=rows)


def killed_under_load(
    processes: Sequence[Process], clubs: tuple[Club, Club], api: Callable[[], str | None], journal: Journal
) -> None:
    """Kills one process after the other, while members of both clubs visit the other one."""
    chance, lives = random.Random(20), SimpleQueue[str | None]()
    writers = [
        Writer(number=number, home=clubs[number % 2], host=clubs[1 - number % 2], api=api, journal=journal, lives=lives)
        for number in range(WRITERS)
    ]
    with ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(writer.run) for writer in writers]
        try:
            for kill in range(KILLS):
                for each in range(LIVES_PER_KILL):
                    lives.put(f"J{kill}-{each}")
                written(journal, chance.randrange(*LINES_BEFORE_KILL))
                process = chance.choice(processes)
                process.kill()
                process.start()
        finally:
            for _ in writers:
                lives.put(None)
        for writer in running:
            writer.result()


def written(journal: Journal, more: int) -> None:
    """Waits for so many more lines: however slow the machine is, kills come while there is something to lose."""
    enough, until = journal.lines + more, time.monotonic() + WRITTEN_WITHIN_SECONDS
    while journal.lines < enough and time.monotonic() < until:
        time.sleep(0.001)


def sqlite_rows(installation: Installation) -> Rows:
    def rows(statement: str) -> list[list[str]]:
        with closing(sqlite3.connect(installation.data_folder / "concordat.db")) as connection:
            return [["" if cell is None else str(cell) for cell in row] for row in connection.execute(statement)]

    return rows


def postgres_rows(database: PostgresDatabase) -> Rows:
    """As superuser, who sees the rows of every club."""
    return lambda statement: [
        line.split("|") for line in database.server.execute(statement, database.name).splitlines()
    ]


def test_what_was_acknowledged_is_there_once_and_every_key_replays(survivor: Survivor) -> None:
    # Keys first: one that does not replay does its work twice.
    assert survivor.failed_replays(survivor.acknowledged) == []
    assert survivor.complaints() == []


def test_clients_wrote_all_along_and_lost_connections_were_settled_by_their_keys(survivor: Survivor) -> None:
    done = Counter(one.request.path.rpartition("/")[2] for one in survivor.acknowledged if one.done)
    assert min(done[what] for what in ("members", "facts", "visits", "confirm", "check-in", "check-out")) > KILLS
    assert sum(one.request.method == "PATCH" for one in survivor.acknowledged) == done["members"]
    assert sum(one.tries > 1 for one in survivor.acknowledged) > KILLS
    assert sum(one.replayed for one in survivor.acknowledged) > 0


def test_both_logs_verify_from_their_genesis_and_the_audit_finds_nothing(survivor: Survivor) -> None:
    aftermath.require_sound_logs(survivor.installation, survivor.clubs, survivor.rows)


def test_receipts_of_acknowledged_check_ins_verify_offline(survivor: Survivor, tmp_path: Path) -> None:
    with survivor.clients() as clients:
        saved = aftermath.receipts(clients, survivor.acknowledged, tmp_path)
    assert len(saved) > KILLS
    assert aftermath.receipt_complaints(survivor.installation, saved, aftermath.trust_of(survivor.installation)) == []


@pytest.fixture(scope="module")
def tampered(survivor: Survivor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survivor]:
    """A copy of the survivor on SQLite, for bugs to be planted in."""
    source = survivor.installation.data_folder
    copy = Installation(folder=tmp_path_factory.mktemp("tampered"))
    shutil.copytree(source, copy.data_folder, ignore=shutil.ignore_patterns("concordat.db*", "running.json"))
    with (
        closing(sqlite3.connect(source / "concordat.db")) as original,
        closing(sqlite3.connect(copy.data_folder / "concordat.db")) as database,
    ):
        original.backup(database)
    with copy.serve():
        yield replace(survivor, installation=copy, rows=sqlite_rows(copy))


on_sqlite = pytest.mark.parametrize("survivor", ["sqlite"], indirect=True)

PLANTED = {
    "an acknowledged member is deleted": (
        "DELETE FROM member WHERE id = '{member}'",
        "{member} is lost",
    ),
    "a member is there twice": (
        "INSERT INTO member SELECT club_id, '{new}', version, '{new}', number, name, category, residence, facts, erased"
        " FROM member WHERE id = '{member}'",
        "{number} is there 2 times",
    ),
    "an acknowledged change is lost": (
        "UPDATE member SET name = 'Ada Marsh' WHERE id = '{member}'",
        "{member} is not as it was acknowledged",
    ),
    "an acknowledged event is deleted": (
        "DELETE FROM event WHERE aggregate_id = '{admitted}' AND version = 1",
        "{admitted} is at version",
    ),
    "an event is there twice": (
        "INSERT INTO event SELECT '{new}', club_id, other_club, leading_club, kind, aggregate_id, version + 1, type,"
        " at, actor, request_id FROM event WHERE aggregate_id = '{member}' ORDER BY version DESC LIMIT 1",
        "{member} is at version 4, and recorded were [1, 2, 3, 4, 5]",
    ),
    "a check-in is counted twice": (
        "UPDATE visit_count SET visits = visits + 1",
        "check-ins of",
    ),
    "the quota is exceeded": (
        "UPDATE visit SET state = 'confirmed' WHERE id = '{refused}'",
        "{ref} uses 6 days of 4",
    ),
    "a member has two open check-ins": (
        "DROP INDEX uq_visit_open; UPDATE visit SET state = 'checked_in', checked_out_at = NULL, checked_in_at ="
        " (SELECT checked_in_at FROM visit WHERE id = '{admitted}') WHERE id IN ('{admitted}', '{refused}')",
        "{ref} is checked in twice at a time",
    ),
}


@on_sqlite
@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_complained_about(tampered: Survivor, bug: str) -> None:
    script, complaint = PLANTED[bug]
    names = life(tampered, list(PLANTED).index(bug))
    expected = complaint.format(**names)
    assert not any(expected in said for said in tampered.complaints())
    plant(tampered, script.format(**{name: value.replace("-", "") for name, value in names.items()}))
    assert any(expected in said for said in tampered.complaints())


@on_sqlite
def test_a_key_that_does_its_work_twice_is_complained_about(tampered: Survivor) -> None:
    paid = [one for one in tampered.acknowledged if one.request.key.endswith(" paid")][-1:]
    assert tampered.failed_replays(paid) == []
    plant(tampered, "DELETE FROM answer")
    assert tampered.failed_replays(paid) == [f"the key {paid[0].request.key!r} does not replay: 200"]


@on_sqlite
def test_a_log_with_another_leaf_is_complained_about(tampered: Survivor) -> None:
    bundle, club = parse_bundle(aftermath.trust_of(tampered.installation).read_bytes()), tampered.clubs[0]
    plant(tampered, "UPDATE record SET commitment = randomblob(32)")
    with tampered.clients() as clients:
        found = aftermath.log_complaints(clients[0], club.origin, bundle, lambda _: [[club.id, ""]])
    assert [said.removeprefix(club.origin) for said in found][1:] == [" has another root"]
    assert found[0].endswith(" leaves of 1")


@on_sqlite
def test_receipts_of_something_else_are_complained_about(survivor: Survivor, tmp_path: Path) -> None:
    with survivor.clients() as clients:
        saved = aftermath.receipts(clients, survivor.acknowledged[:200], tmp_path)
    one, other, third = list(saved)[:3]
    third_path = saved[third]
    third_path.write_bytes(third_path.read_bytes().replace(b"index ", b"index 9"))
    found = aftermath.receipt_complaints(
        survivor.installation,
        {one: saved[other], other: saved[one], third: third_path},
        aftermath.trust_of(survivor.installation),
    )
    assert found == [
        f"the receipt of {one} is valid for {other}",
        f"the receipt of {other} is valid for {one}",
        f"the receipt of {third} is invalid for None",
    ]


def test_work_that_is_never_done_is_complained_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aftermath, "SETTLED_WITHIN_SECONDS", 0.0)
    assert aftermath.drained(lambda _: [["relay", "2"]]) == ["2 of relay are pending"]


def life(survivor: Survivor, number: int) -> dict[str, str]:
    """What a bug may be planted in: a member, a visit of it that took place, and the one that the quota refused."""
    name = sorted({one.request.key.partition(" ")[0] for one in survivor.acknowledged})[number]
    mine = [one for one in survivor.acknowledged if one.request.key.startswith(f"{name} ")]
    shown = [one.shows for one in mine if one.shows is not None]
    admitted = [view for view in shown if view.get("state") == "checked_in"]
    refused = [one.shows for one in mine if not one.done and one.shows is not None]
    return {
        "new": str(uuid4()),
        "number": name,
        "member": shown[0]["id"],
        "ref": shown[0]["ref"],
        "admitted": admitted[0]["id"],
        "refused": refused[0]["id"],
    }


def plant(survivor: Survivor, script: str) -> None:
    """As somebody does it who has the file in an editor."""
    file = survivor.installation.data_folder / "concordat.db"
    with closing(sqlite3.connect(file, timeout=10.0)) as database:
        database.executescript(script)
