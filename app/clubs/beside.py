"""What stands beside clubs, members and visits and follows from them: directory, subjects' keys, standing grants."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from app.clubs.granted import GRANT, Positions, check_grants, people_behind, positions_of, said_of
from app.clubs.numbers import check_mark_count, check_marks
from app.log.audit.following import Expected, check_rows
from app.log.audit.openings import SUBJECT
from app.log.audit.scene import Known, Scene
from app.log.audit.survey import DIRECTORY
from core.clubs.club import Club
from core.clubs.member import Member
from core.clubs.refused_visit import VisitRefusalErased
from core.clubs.visit import Visit
from core.log.audit.findings import Code
from ports.audit import AuditedLog
from shared.canonical import Json

_KINDS = (Club.kind, Member.kind, Visit.kind)


class BesideClubs:
    """Implements app.log.audit.catalogue.Beside."""

    def __init__(self) -> None:
        self._positions: Positions = {}

    async def survey(self, look: AuditedLog, club: UUID) -> None:
        self._positions[str(club)] = await positions_of(look, str(club))

    async def window(self, scene: Scene, kind: str, known: Sequence[Known]) -> None:
        people = await people_behind(scene, known) if kind == Visit.kind else {}
        if kind in _KINDS:
            await _check_subjects(scene, kind, known, people)
        if kind == Member.kind:
            await check_marks(scene, known)
        if kind == Club.kind:
            await check_rows(scene, DIRECTORY, "club", {each.id: _entry(each) for each in known}, kind=kind)
        if kind == Visit.kind:
            await check_grants(scene, known, people, self._positions)

    async def finish(self, scene: Scene) -> None:
        await check_mark_count(scene)
        for table, kinds in ((SUBJECT, _KINDS), (GRANT, (Visit.kind,))):
            async for window in scene.look.unspoken(table, kinds):
                for row in window:
                    if not any((kind, str(row.key)) in scene.doubtful for kind in kinds):
                        detail = "nothing in this log speaks of what it belongs to"
                        scene.report(Code.ROW_STRAY, table, detail, kind=table, id=str(row.key))


async def _check_subjects(scene: Scene, kind: str, known: Sequence[Known], people: Mapping[str, Known]) -> None:
    """Keys are there as long as nobody was erased, and are their owners' own."""
    expected: dict[str, Expected] = {}
    for each in known:
        if kind == Visit.kind:
            expected[each.id] = _key_of_visit(each, str(scene.club), people)
        else:
            person = each.id if kind == Member.kind else None
            erased = _fields(each).get("erased") is True
            expected[each.id] = None if erased else {"club_id": str(scene.club), "person": person, "shared_with": None}
    needless, known_missing = Code.ERASURE_INCOMPLETE, scene.bad_keys
    await check_rows(scene, SUBJECT, "id", expected, kind=SUBJECT, needless=needless, known_missing=known_missing)


def _key_of_visit(known: Known, club: str, people: Mapping[str, Known]) -> Expected:
    """The home club's, shared with the host; the person behind it is the home club's to know."""
    said = said_of(known)
    if said.get("erased") is True or known.record.type == VisitRefusalErased.type:
        return None
    columns = {"club_id": said["home_club"], "shared_with": said["host_club"]}
    person = people.get(str(said.get("member_ref")))
    return columns if person is None or said["home_club"] != club else {**columns, "person": person.id}


def _fields(known: Known) -> Mapping[str, Json]:
    return {} if known.last is None else known.last.state.fields


def _entry(known: Known) -> Expected:
    said = _fields(known)
    position = said.get("position")
    return {"name": said.get("name"), "zone": said.get("zone"), **(position if isinstance(position, dict) else {})}
