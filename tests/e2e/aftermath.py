"""What has to hold after kills: the clients' journal against what is there, the logs, keys and receipts."""

import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from uuid import UUID

from adapters.outbound.ed25519 import verify
from concordat.running import find_running
from core.log.checkpoints import open_checkpoint
from core.log.merkle import root
from core.log.records import commitment_of_leaf, leaf_of
from core.log.tiles import TILE_WIDTH, EntryBundle, decode_entries
from core.log.trust import TrustBundle, parse_bundle
from tests.e2e.journal import REPLAYED, Acknowledged, Client, Journal, Json
from tests.e2e.lives import MOST_DAYS, Club
from tests.e2e.served import Installation, said

REFUSALS = {"visit/already-checked-in", "visit/wrong-state", "visit/quota-exceeded"}
"""What desks that get in each other's way are told."""

STATES_THAT_CONSUME = {"confirmed", "checked_in", "checked_out"}
SETTLED_WITHIN_SECONDS = 30.0

Rows = Callable[[str], list[list[str]]]
"""Asks the database itself, past the application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A row of the journal of events: its id, and which version of which aggregate it made."""

    id: str
    aggregate: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Views as the clubs see them, events as they are stored, and check-ins of a pair (host, home) as counted."""

    members: Sequence[Json]
    visits: Sequence[Json]
    events: Sequence[Event]
    counts: Counter[tuple[str, str]]


def api_of(installation: Installation) -> Callable[[], str | None]:
    """Where the network answers at the moment."""

    def api() -> str | None:
        running = find_running(installation.data_folder)
        return None if running is None else running.api

    return api


@contextmanager
def clients_of(installation: Installation, clubs: Sequence[Club]) -> Iterator[list[Client]]:
    """One for each club, to look around."""
    api, nowhere = api_of(installation), Journal(path=installation.folder / "nowhere")
    with ExitStack() as stack:
        made = [
            Client(club=club.id, token=club.token, api=api, journal=nowhere, chance=random.Random(0)) for club in clubs
        ]
        yield [stack.enter_context(closing(client)) for client in made]


def trust_of(installation: Installation) -> Path:
    """The bundle, exported when it is first asked for: every log has its key by then."""
    path = installation.folder / "trust.json"
    if not path.exists():
        exported = installation.run("trust", "export", str(path))
        assert exported.returncode == 0, said(exported)
    return path


def found(clients: Sequence[Client], rows: Rows) -> Found:
    """Everything that is there; a visit is taken from its host's list."""
    visits = [(client.club, visit) for client in clients for visit in client.everything("/v1/visits")]
    counts: Counter[tuple[str, str]] = Counter()
    for one in clients[0].get("/v1/visit-counts").json()["data"]:
        counts[one["host_club"], one["home_club"]] += one["visits"]
    events = rows("SELECT id, aggregate_id, version FROM event WHERE kind IN ('member', 'visit')")
    return Found(
        members=[member for client in clients for member in client.everything("/v1/members")],
        visits=[visit for club, visit in visits if club == visit["host_club"]],
        events=[Event(id=str(UUID(key)), aggregate=str(UUID(of)), version=int(at)) for key, of, at in events],
        counts=counts,
    )


def drained(rows: Rows) -> list[str]:
    """Waits until no work is pending; says what is left if that never comes."""
    until = time.monotonic() + SETTLED_WITHIN_SECONDS
    while True:
        left = rows("SELECT consumer, count(*) FROM pending GROUP BY consumer")
        if not left or time.monotonic() > until:
            return [f"{count} of {consumer} are pending" for consumer, count in left]
        time.sleep(0.05)


def complaints(acknowledged: Sequence[Acknowledged], found: Found) -> list[str]:
    """What the journal says and the system does not, or says twice, or otherwise; nothing if all is well."""
    return [
        *_unforeseen(acknowledged),
        *_versions(acknowledged, found),
        *_contents(acknowledged, found),
        *_decisions(acknowledged, found),
        *_numbers(found),
        *_stays(found),
        *_counts(found),
    ]


def _unforeseen(acknowledged: Iterable[Acknowledged]) -> Iterator[str]:
    for one in acknowledged:
        if not one.done and one.answer.get("type") not in REFUSALS:
            yield f"{one.request.key} was answered {one.status} {one.answer.get('type')}"


def _versions(acknowledged: Iterable[Acknowledged], found: Found) -> Iterator[str]:
    """Of every aggregate, each version was told to one client once, and has one event."""
    told, recorded = defaultdict(list), defaultdict(list)
    for one in acknowledged:
        if one.shows is not None:
            told[one.shows["id"]].append(one.shows["version"])
    for event in found.events:
        recorded[event.aggregate].append(event.version)
    versions = {view["id"]: view["version"] for view in (*found.members, *found.visits)}
    for key, version in versions.items():
        for what, have in (("told", told.pop(key, [])), ("recorded", recorded.pop(key, []))):
            if sorted(have) != list(range(1, version + 1)):
                yield f"{key} is at version {version}, and {what} were {sorted(have)}"
    yield from (f"{key} is lost" for key in told)
    yield from (f"{key} has events and is not there" for key in recorded)


def _contents(acknowledged: Iterable[Acknowledged], found: Found) -> Iterator[str]:
    """Every aggregate is what its last acknowledged change left."""
    last: dict[str, Json] = {}
    for shown in (one.shows for one in acknowledged):
        if shown is not None and shown["version"] >= last.get(shown["id"], shown)["version"]:
            last[shown["id"]] = shown
    for view in (*found.members, *found.visits):
        if view["id"] in last and view != last[view["id"]]:
            yield f"{view['id']} is not as it was acknowledged"


def _decisions(acknowledged: Iterable[Acknowledged], found: Found) -> Iterator[str]:
    ids = {event.id for event in found.events}
    for one in acknowledged:
        if one.kept and "receipt" in one.answer and one.answer["receipt"] not in ids:
            yield f"the event {one.answer['receipt']} of a decision is lost"


def _numbers(found: Found) -> Iterator[str]:
    for number, count in Counter(member["number"] for member in found.members).items():
        if count > 1:
            yield f"{number} is there {count} times"


def _stays(found: Found) -> Iterator[str]:
    """Of every member, at most one open check-in at any time, and no more days than the quota has."""
    visits = defaultdict(list)
    for visit in found.visits:
        visits[visit["member_ref"]].append(visit)
    for ref, theirs in visits.items():
        days = sum(_days(visit) for visit in theirs if visit["state"] in STATES_THAT_CONSUME)
        if days > MOST_DAYS:
            yield f"{ref} uses {days} days of {MOST_DAYS}"
        came = sorted((visit for visit in theirs if visit["checked_in_at"]), key=lambda visit: visit["checked_in_at"])
        for earlier, later in pairwise(came):
            if earlier["checked_out_at"] is None or earlier["checked_out_at"] > later["checked_in_at"]:
                yield f"{ref} is checked in twice at a time"


def _days(visit: Json) -> int:
    return (date.fromisoformat(visit["last_day"]) - date.fromisoformat(visit["first_day"])).days + 1


def _counts(found: Found) -> Iterator[str]:
    happened = Counter((visit["host_club"], visit["home_club"]) for visit in found.visits if visit["checked_in_at"])
    for pair in happened | found.counts:
        if happened[pair] != found.counts[pair]:
            yield f"{happened[pair]} check-ins of {pair} were counted as {found.counts[pair]}"


def replays(clients: Sequence[Client], acknowledged: Iterable[Acknowledged]) -> list[str]:
    """Every key that has an answer for good gives that very answer again, and says so."""
    at = {client.club: client for client in clients}
    failed = []
    for one in acknowledged:
        if one.kept:
            answer = at[one.request.club].again(one.request)
            same = (answer.status_code, _said(answer.json())) == (one.status, _said(one.answer))
            if not same or REPLAYED not in answer.headers:
                failed.append(f"the key {one.request.key!r} does not replay: {answer.status_code}")
    return failed


def _said(answer: Json) -> Json:
    """Without the name of the request, which is each one's own."""
    return {name: value for name, value in answer.items() if name != "instance"}


def log_complaints(client: Client, origin: str, bundle: TrustBundle, rows: Rows) -> list[str]:
    """The published log from its genesis: as many leaves as the club has events, and the root that was signed."""
    events = rows("SELECT club_id, other_club FROM event")
    due = sum(client.club in {str(UUID(club)) for club in parties if club} for parties in events)
    keys = [each.key for each in bundle.logs[origin]]
    until = time.monotonic() + SETTLED_WITHIN_SECONDS
    while True:
        note = client.get(f"/log/{origin}/checkpoint").text
        signed = open_checkpoint(note, keys, verify).checkpoint
        if signed.size >= due or time.monotonic() > until:
            break
        time.sleep(0.1)
    entries = [
        entry for place in range(0, signed.size, TILE_WIDTH) for entry in _entries(client, origin, place, signed.size)
    ]
    wrong = root(leaf_of(commitment_of_leaf(entry)) for entry in entries) != signed.root
    return [f"{origin} has {signed.size} leaves of {due}"] * (signed.size != due) + [
        f"{origin} has another root"
    ] * wrong


def require_sound_logs(installation: Installation, clubs: Sequence[Club], rows: Rows) -> None:
    """Each verifies from its genesis, and the audit finds nothing."""
    bundle = parse_bundle(trust_of(installation).read_bytes())
    with clients_of(installation, clubs) as clients:
        for client, club in zip(clients, clubs, strict=True):
            assert log_complaints(client, club.origin, bundle, rows) == []
    audit = installation.run("log", "audit", within_seconds=120.0)
    assert audit.returncode == 0, said(audit)


def _entries(client: Client, origin: str, place: int, size: int) -> Sequence[bytes]:
    bundle = EntryBundle(place // TILE_WIDTH, min(TILE_WIDTH, size - place))
    return decode_entries(client.get(f"/log/{origin}/{bundle.path}").content)


def receipts(clients: Sequence[Client], acknowledged: Iterable[Acknowledged], folder: Path) -> dict[str, Path]:
    """Of every acknowledged check-in, the receipt as the host gets it, saved; by the id of the event."""
    at = {client.club: client for client in clients}
    saved = {}
    for one in acknowledged:
        if one.done and one.request.path.endswith("/check-in"):
            key = one.answer["receipt"]
            saved[key] = folder / f"{key}.receipt"
            saved[key].write_bytes(at[one.request.club].get(f"/v1/log/receipts/{key}", Accept="text/plain").content)
    return saved


def receipt_complaints(installation: Installation, saved: dict[str, Path], trust: Path) -> list[str]:
    """Verified in a process that has nothing but the files and the trust bundle."""
    done = installation.run("verify", "--json", "--trust", str(trust), *map(str, saved.values()))
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(verdicts) == len(saved), said(done)
    return [
        f"the receipt of {key} is {verdict['validity']} for {verdict['record']}"
        for key, verdict in zip(saved, verdicts, strict=True)
        if (verdict["validity"], verdict["record"]) != ("valid", key)
    ]
