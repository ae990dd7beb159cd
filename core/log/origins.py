"""The names of logs: `<network>/<club>/<epoch>`, one per club, fixed for ever."""

import re
from dataclasses import dataclass

from core.log.errors import MalformedOrigin

MAX_ORIGIN = 200
_ORIGIN = re.compile(r"([a-z0-9][a-z0-9.-]*)/([a-z0-9][a-z0-9.-]*)/([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A log's name; `network` reads like a host name, `epoch` rises only when a club's log must start anew."""

    network: str
    club: str
    epoch: int = 1

    def __post_init__(self) -> None:
        text = str(self)
        if len(text) > MAX_ORIGIN or _ORIGIN.fullmatch(text) is None:
            raise MalformedOrigin("not <network>/<club>/<epoch> in lower case")

    def __str__(self) -> str:
        return f"{self.network}/{self.club}/{self.epoch}"


def parse_origin(text: str) -> Origin:
    """Raises MalformedOrigin for any other text than an origin's own."""
    match = _ORIGIN.fullmatch(text) if len(text) <= MAX_ORIGIN else None
    if match is None:
        raise MalformedOrigin("not <network>/<club>/<epoch> in lower case")
    return Origin(network=match[1], club=match[2], epoch=int(match[3]))
