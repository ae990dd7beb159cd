"""A person made of canaries: values that stand nowhere else, and a search for them in every byte of any files."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from app.clubs.members import AmendMember, EnrolMember, RecordFact
from app.clubs.visits import CheckIn, ConfirmVisit, Decision, EndVisit, RequestVisit
from core.clubs.geography import Position, distance_metres
from core.clubs.standing import FactKind
from ports.caller import Caller
from tests.support.scenes import FAR_APART, Scene, two_clubs
from tests.support.world import TODAY, World

NAME, FORMER_NAME = "Zebulon Quillfeather Ωmega", "Zebulona Quackenbush"
NUMBER, CATEGORY, REASON = "ZQX-904417", "honorary zqx", "Broke the vase of zqx"
HOME = Position(latitude_microdegrees=48_271_913, longitude_microdegrees=-97_719_317)
BORN_A_MEMBER = date(1961, 7, 23)

CANARIES = {
    "name": NAME,
    "former name": FORMER_NAME,
    "number": NUMBER,
    "category": CATEGORY,
    "reason": REASON,
    "latitude": str(HOME.latitude_microdegrees),
    "longitude": str(HOME.longitude_microdegrees),
    "day of a fact": BORN_A_MEMBER.isoformat(),
}


@dataclass(frozen=True, kw_only=True)
class Guest:
    """The person, of whom both clubs keep as much as they ever keep of anybody."""

    member: UUID
    home: Caller
    host: Caller
    checked_in: Decision
    refused: Decision


async def guest(world: World) -> Guest:
    """Every personal field of every event holds a canary, under idempotency keys where answers are stored."""
    scene = await two_clubs(world)
    home, host, members, visits = scene.home, scene.host, world.clubs.members, world.clubs.visits
    command = EnrolMember(number=NUMBER, name=FORMER_NAME, category=CATEGORY, residence=HOME)
    member = (await members.enrol(home.under("enrol", "k1"), command)).id
    await members.record(home.under("record", "k2"), member, RecordFact(kind=FactKind.TERM, first=BORN_A_MEMBER))
    paid = RecordFact(kind=FactKind.PAID_THROUGH, first=TODAY + timedelta(days=300))
    await members.record(home, member, paid)
    refused = await scene.request(member, TODAY)
    assert refused.visit is None
    await members.amend(home.under("amend", "k3"), member, AmendMember(name=NAME, category="full"))
    ended = await _confirmed(scene, member, TODAY)
    await visits.cancel(host.under("cancel", "k4"), ended, EndVisit(reason=REASON))
    checked_in = await visits.check_in(host.under("in", "k5"), await _confirmed(scene, member, TODAY), CheckIn())
    await _confirmed(scene, member, TODAY + timedelta(days=3))
    return Guest(member=member, home=home, host=host, checked_in=checked_in, refused=refused)


async def _confirmed(scene: Scene, member: UUID, day: date) -> UUID:
    command = RequestVisit(member_id=member, host_club=scene.host.of_club, first_day=day, last_day=day)
    caller = scene.home.under("ask", f"{day} {scene.world.new_id()}")
    visit = (await scene.world.clubs.visits.request(caller, command)).visit
    assert visit is not None
    await scene.world.clubs.visits.confirm(scene.host, visit.id, ConfirmVisit())
    return visit.id


def found_in(files: Iterable[Path], canaries: dict[str, str] | None = None) -> set[tuple[str, str]]:
    """Which canaries stand in which files, spelt in any of the ways in which software spells text."""
    spelt = {name: tuple(_spellings(text)) for name, text in (canaries or CANARIES | distances()).items()}
    found = set()
    for path in files:
        data = path.read_bytes()
        found |= {(name, path.name) for name, ways in spelt.items() if any(way in data for way in ways)}
    return found


def distances() -> dict[str, str]:
    """How far the person lives from the host; the figure alone may stand anywhere, with its name it may not."""
    latitude, longitude = FAR_APART["summit"]
    host = Position(latitude_microdegrees=latitude, longitude_microdegrees=longitude)
    return {"distance": f'"distance_from_residence_metres":{distance_metres(HOME, host)}'}


def every_file(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _spellings(text: str) -> Iterator[bytes]:
    yield text.encode()
    yield text.encode("utf-16-le")
    yield text.encode("unicode_escape")
    yield text.replace('"', '\\"').encode()
    # Base64 looks different by the place at which the text begins, and the ends depend on what stands beside it.
    for shift in range(3):
        yield b64encode(bytes(shift) + text.encode())[4:-4]
