"""May this caller do this? Roles and permissions come from the modules' manifests."""

from typing import Protocol

from ports.caller import Caller


class Allow(Protocol):
    """MUST deny what no role grants, and MUST raise Forbidden with the permission as a parameter.

    A permission whose manifest marks it as a network permission is granted outside any club; every other one needs
    `caller.club`. MUST be synchronous and fast (microseconds): it runs in every use case.
    """

    def __call__(self, caller: Caller, permission: str) -> None: ...
