"""Marks of used member numbers under audit: one for every member that was ever enrolled, and the right one."""

from collections.abc import Sequence

from app.log.audit.aggregates import keys_of
from app.log.audit.openings import SUBJECT
from app.log.audit.scene import Known, Scene
from core.clubs.commitments import number_mark
from core.clubs.member import Member, MemberEnrolled
from core.log.audit.findings import Code
from core.log.audit.states import differing_fields

NUMBERS = "member_number"


async def check_marks(scene: Scene, known: Sequence[Known]) -> None:
    """A member that was not erased has its mark; if nobody has one, the key that they are made with was changed."""
    club = str(scene.club)
    keys = [row.key for row in await scene.look.subjects({club})]
    if not keys or not isinstance(keys[0], bytes):
        return
    numbers = await _numbers(scene, known)
    marks = {key: number_mark(keys[0], number) for key, number in numbers.items()}
    found = {row.values["mark"] for row in await scene.look.live_by(NUMBERS, "mark", list(marks.values()))}
    missing = [key for key, mark in marks.items() if mark not in found]
    if missing and len(missing) == len(marks):
        detail = f"none of {len(missing)} member numbers has a mark under this key: the key is another than it was"
        scene.report(Code.SUBJECT_KEY, SUBJECT, detail, kind=SUBJECT, id=club, field="key")
    for key in missing if len(missing) < max(len(marks), 2) else ():
        detail = "the member's number has no mark, and could be given again"
        scene.report(Code.ROW_MISSING, NUMBERS, detail, kind=Member.kind, id=key)


async def _numbers(scene: Scene, known: Sequence[Known]) -> dict[str, str]:
    """The numbers that are as the log says; a changed one is its row's matter."""
    key_of = await keys_of(scene, [each.id for each in known])
    found: dict[str, str] = {}
    for each in known:
        number = None if each.row is None else each.row.values.get("number")
        if each.row is not None and each.last is not None and isinstance(number, str):
            differing = {differs.field for differs in differing_fields(Member, each.last, each.row, key_of)}
            found |= {} if "number" in differing else {each.id: number}
    return found


async def check_mark_count(scene: Scene) -> None:
    """Those of erased members say nothing of whom they belong to: they can only be counted."""
    marks, enrolled = await scene.look.count(NUMBERS), scene.told[MemberEnrolled.type]
    if marks != enrolled:
        detail = f"{marks} marks, and {enrolled} members were enrolled"
        scene.report(Code.ROW_STRAY if marks > enrolled else Code.ROW_MISSING, NUMBERS, detail, kind=NUMBERS)
