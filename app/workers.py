"""What the workers share: the caller that they are, in each club in turn."""

from uuid import UUID

from ports.caller import Caller


def worker(name: str, club: UUID) -> Caller:
    """A worker inside one club: it drives no use case, so it needs no permission."""
    return Caller(principal=f"system:{name}", club=club, roles=frozenset(), request_id=f"{name}")
