"""How often somebody may call and how often be turned away: the same on every edge, before anything else is read."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil

from ports.caller import Caller
from ports.rates import Policy, Rates, Taken
from shared.errors import TooOften

_NETWORK_BITS = 64
"""Who has one IPv6 address has this network of them."""

_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`requests` is for each principal of each club, `refusals` for each address that shows no valid token.

    `anonymous` is for each address too, where no token is asked for. None is no limit. Who shows a valid token is never
    turned away for what came from the same address without one.
    """

    rates: Rates
    requests: Policy | None = None
    refusals: Policy | None = None
    anonymous: Policy | None = None

    async def of_caller(self, caller: Caller) -> Taken | None:
        """Counts a request of somebody who is known."""
        if self.requests is None:
            return None
        club = "" if caller.club is None else caller.club.hex
        return await self.rates.take(self.requests, f"{club} {caller.principal}")

    async def of_log(self, address: str) -> Taken | None:
        """Counts a request from `address` that shows a log's signature in the place of a token."""
        return None if self.requests is None else await self.rates.take(self.requests, f"log {_neighbourhood(address)}")

    async def of_stranger(self, address: str) -> Taken | None:
        """Counts a request from `address` that nobody vouches for."""
        return await self._of_address(self.refusals, address)

    async def of_anybody(self, address: str) -> Taken | None:
        """Counts a request from `address` for what anybody may ask."""
        return await self._of_address(self.anonymous, address)

    async def _of_address(self, policy: Policy | None, address: str) -> Taken | None:
        return None if policy is None else await self.rates.take(policy, _neighbourhood(address))


def check(taken: Taken | None) -> None:
    """Raises TooOften for a request that is one too many."""
    if taken is not None and not taken.allowed:
        raise TooOften(retry_after_seconds=ceil(taken.retry_seconds))


def _neighbourhood(address: str) -> str:
    """The address as far as it says who it is; what is no address is a name like any other, and not a long one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:_LONGEST_NAME]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return f"{int(parsed) >> _NETWORK_BITS:x}/{_NETWORK_BITS}" if mapped is None else str(mapped)
