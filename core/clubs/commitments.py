"""What stands for a person and for a visit where neither may be named: salted commitments (rules vis12 and aud5)."""

from datetime import datetime
from uuid import UUID

from shared.canonical import dumps, plain, tagged_hash

NUMBER_TAG = "concordat/member-number/v1"
MEMBER_TAG = "concordat/member/v1"
VISIT_TAG = "concordat/visit/v1"


def number_mark(club_key: bytes, number: str) -> bytes:
    """What remembers that a member number was used (rule mem5), and says nothing to whoever lacks the club's key."""
    return tagged_hash(NUMBER_TAG, club_key, number.encode())


def member_commitment(visit_key: bytes, ref: UUID) -> bytes:
    """The member as a visit commitment names it: nothing to anybody without the visit's key."""
    return tagged_hash(MEMBER_TAG, visit_key, ref.bytes)


def visit_commitment(
    *,
    visit_id: UUID,
    terms_hash: bytes,
    verdict_hash: bytes,
    checked_in_at: datetime,
    host_club: UUID,
    home_club: UUID,
    member: bytes,
    letter_id: UUID | None = None,
) -> bytes:
    """What both clubs' records of a check-in hold alike; `member` is the member commitment."""
    body = {
        "visit": visit_id,
        "terms": terms_hash,
        "letter": letter_id,
        "verdict": verdict_hash,
        "checked_in_at": checked_in_at,
        "host": host_club,
        "home": home_club,
        "member": member,
    }
    return tagged_hash(VISIT_TAG, dumps(plain(body)))
