"""Standing grants under audit: there as long as the visit lasts, and what the home club's records say of the member."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.log.audit.aggregates import keys_of, known_of
from app.log.audit.following import Expected, check_rows
from app.log.audit.scene import Known, Scene
from core.clubs.club import Club
from core.clubs.decoding import from_plain
from core.clubs.geography import Position, distance_metres
from core.clubs.member import Member
from core.clubs.visit import Visit
from core.clubs.visit_states import VisitState
from core.log.audit.findings import Code
from core.log.audit.rows import LiveRow
from core.log.audit.states import KeyOf, differing_fields
from core.log.records import parse_record
from ports.audit import AuditedLog
from shared.canonical import Json
from shared.errors import Invalid

GRANT = "standing_grant"
Positions = dict[str, frozenset[Position]]
"""Where each club has ever stood: a grant keeps the distances of the day on which it was written."""

_TOLD = ("category", "facts")
_FROM_CLUB, _FROM_RESIDENCE = "distance_from_club_metres", "distance_from_residence_metres"
_LIVE = frozenset({VisitState.REQUESTED, VisitState.CONFIRMED, VisitState.CHECKED_IN})


async def positions_of(look: AuditedLog, club: str) -> frozenset[Position]:
    """Every position that the club's own log says it had; records that cannot be read are the log's own findings."""
    found = set()
    for entry in await look.history(Club.kind, club):
        data = entry.record.data if entry.record is not None else None
        try:
            record = parse_record(data if isinstance(data, bytes) else b"")
            said = [state.fields.get("position") for state in record.after]
            found |= {from_plain(Position, position) for position in said if isinstance(position, dict)}
        except Invalid:
            continue
    return frozenset(found)


async def people_behind(scene: Scene, visits: Sequence[Known]) -> dict[str, Known]:
    """The members of whom the visits know the reference alone, by that reference; their home club's to know."""
    refs = {str(said_of(each).get("member_ref")) for each in visits}
    rows = {str(row.key): row for row in await scene.look.live_by(Member.kind, "ref", refs)}
    known = await known_of(scene, Member.kind, rows)
    return {str(rows[key].values["ref"]): each for key, each in known.items()}


async def check_grants(
    scene: Scene, visits: Sequence[Known], people: Mapping[str, Known], positions: Positions
) -> None:
    """The grants of these visits; what they say of the member only the home club can tell."""
    expected = {each.id: _expected(each) for each in visits}
    rows = await check_rows(scene, GRANT, "visit_id", expected, kind=Visit.kind)
    key_of = await keys_of(scene, {person.id for person in people.values()})
    for each in visits:
        said, row = said_of(each), rows.get(each.id)
        person = people.get(str(said.get("member_ref")))
        if row is None or person is None or not expected[each.id] or said["home_club"] != str(scene.club):
            continue
        differing = _differing(row, person, key_of)
        if "residence" not in differing:
            differing |= _wrong_distances(row, person, said, positions)
        for field, detail in differing.items():
            if field in row.values:
                scene.report(Code.FIELD_MISMATCH, GRANT, detail, kind=Visit.kind, id=each.id, field=field)


def _differing(row: LiveRow, person: Known, key_of: KeyOf) -> dict[str, str]:
    """The grant as if it were the member's row, by the digests of the member's record."""
    if person.row is None or person.last is None:
        return {}
    as_member = replace(person.row, values={**person.row.values, **{name: row.values[name] for name in _TOLD}})
    return {differs.field: differs.detail for differs in differing_fields(Member, person.last, as_member, key_of)}


def _wrong_distances(row: LiveRow, person: Known, said: Mapping[str, Json], positions: Positions) -> dict[str, str]:
    hosts, homes = (positions.get(str(said[name]), frozenset()) for name in ("host_club", "home_club"))
    residence, wrong = None if person.row is None else person.row.values["residence"], dict[str, str]()
    if not hosts or not homes:
        return wrong
    if row.values[_FROM_CLUB] not in {distance_metres(host, home) for host in hosts for home in homes}:
        wrong[_FROM_CLUB] = "no distance that the two clubs ever had"
    possible: set[object] = {None}
    if isinstance(residence, Position):
        possible = {distance_metres(host, residence) for host in hosts}
    if row.values[_FROM_RESIDENCE] not in possible:
        wrong[_FROM_RESIDENCE] = "not the distance from where the member lives"
    return wrong


def _expected(known: Known) -> Expected:
    if known.last is None or known.last.state.fields["erased"] is True or known.last.state.fields["state"] not in _LIVE:
        return None
    return {name: known.last.state.fields[name] for name in ("home_club", "host_club", "member_ref")}


def said_of(known: Known) -> Mapping[str, Json]:
    """What the log says of a visit, or of one that was refused and never came to be."""
    return known.record.object if known.last is None else known.last.state.fields
