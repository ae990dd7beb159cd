"""Casbin keeps the promises of the authoriser, with the model that ships; and planted bugs are reported."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.outbound.casbin.authoriser import CasbinAllow
from ports.authoriser import Allow
from ports.caller import Caller
from shared.errors import Forbidden
from tests.contracts.authoriser import NETWORK, PERMISSIONS, ROLES, AuthoriserContract, allowed, caller

MODEL = (Path(__file__).parents[2] / "configs" / "casbin" / "model.conf").read_text()


class TestCasbinAllow(AuthoriserContract):
    def make(
        self,
        *,
        permissions: Collection[str] = PERMISSIONS,
        network: Collection[str] = NETWORK,
        roles: Mapping[str, Collection[str]] = ROLES,
    ) -> CasbinAllow:
        return CasbinAllow(MODEL, permissions=permissions, network=network, roles=roles)

    def test_threads_that_ask_at_once_get_their_own_answers(self) -> None:
        allow = self.make()
        questions = [(caller(role, f"extra{n}"), name) for n in range(50) for role in ROLES for name in PERMISSIONS]
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda question: allowed(allow, *question), questions))
        expected = [any(name in ROLES.get(role, ()) for role in who.roles) for who, name in questions]
        assert answers == expected


class RolesOnly:
    """Planted bugs: forgets that a club is needed, and denies what nobody declared as if it were declared."""

    def __init__(self, roles: Mapping[str, Collection[str]]) -> None:
        self._roles = roles

    def __call__(self, caller: Caller, permission: str) -> None:
        if not any(permission in self._roles.get(role, ()) for role in caller.roles):
            raise Forbidden(permission=permission)


class PlantedSuite(AuthoriserContract):
    def make(
        self,
        *,
        permissions: Collection[str] = PERMISSIONS,
        network: Collection[str] = NETWORK,
        roles: Mapping[str, Collection[str]] = ROLES,
    ) -> Allow:
        return RolesOnly(roles)


def test_an_authoriser_that_forgets_the_club_is_reported() -> None:
    PlantedSuite().test_a_role_is_allowed_what_it_was_granted_and_nothing_else()
    with pytest.raises(AssertionError):
        PlantedSuite().test_outside_any_club_only_network_permissions_are_granted()
    with pytest.raises(AssertionError):
        PlantedSuite().test_any_policy_decides_as_its_plain_reading_does()


def test_an_authoriser_that_takes_any_permission_name_is_reported() -> None:
    with pytest.raises(Forbidden):
        PlantedSuite().test_a_permission_that_nobody_declared_is_a_defect_not_a_refusal("*")
