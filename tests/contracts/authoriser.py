"""What every implementation of ports.authoriser must do."""

from collections.abc import Collection, Mapping
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ports.authoriser import Allow
from ports.caller import Caller
from shared.errors import Forbidden

CLUB = UUID("01957f3e-8000-7000-8000-000000000001")
PERMISSIONS = ("clubs.visit.check_in", "clubs.visit.read", "clubs.club.found", "log.trust.export")
NETWORK = ("clubs.club.found", "log.trust.export")
ROLES: Mapping[str, Collection[str]] = {
    "desk": ("clubs.visit.check_in", "clubs.visit.read"),
    "guest": ("clubs.visit.read",),
    "operator": ("clubs.club.found",),
    "idle": (),
}

names = st.sampled_from([*PERMISSIONS[:3], "a.b.c"])
role_names = st.sampled_from(["desk", "guest", "*", "p", "", "desk, network", 'x" || true'])


def caller(*roles: str, club: UUID | None = CLUB) -> Caller:
    return Caller(principal="user:01", club=club, roles=frozenset(roles), request_id="r")


def allowed(allow: Allow, who: Caller, permission: str) -> bool:
    """What was decided; a refusal has to name the permission."""
    try:
        allow(who, permission)
    except Forbidden as refusal:
        assert refusal.parameters == {"permission": permission}
        return False
    return True


class AuthoriserContract:
    """A backend brings `make`; `network` are those of `permissions` that need no club."""

    def make(
        self,
        *,
        permissions: Collection[str] = PERMISSIONS,
        network: Collection[str] = NETWORK,
        roles: Mapping[str, Collection[str]] = ROLES,
    ) -> Allow:
        raise NotImplementedError

    def test_a_role_is_allowed_what_it_was_granted_and_nothing_else(self) -> None:
        allow = self.make()
        for role, granted in ROLES.items():
            for permission in PERMISSIONS:
                for _again in range(2):
                    assert allowed(allow, caller(role), permission) == (permission in granted), (role, permission)

    def test_a_caller_without_roles_or_with_unknown_ones_is_denied(self) -> None:
        allow = self.make()
        for permission in PERMISSIONS:
            assert not allowed(allow, caller(), permission)
            assert not allowed(allow, caller("stranger"), permission)
            assert not allowed(allow, caller(permission), permission)

    def test_one_of_several_roles_is_enough(self) -> None:
        assert allowed(self.make(), caller("stranger", "guest", "desk"), "clubs.visit.check_in")

    def test_outside_any_club_only_network_permissions_are_granted(self) -> None:
        allow = self.make()
        assert allowed(allow, caller("operator", club=None), "clubs.club.found")
        assert not allowed(allow, caller("desk", club=None), "clubs.visit.check_in")

    def test_a_decision_for_one_caller_does_not_leak_to_another(self) -> None:
        allow = self.make()
        assert allowed(allow, caller("desk"), "clubs.visit.check_in")
        assert not allowed(allow, caller("desk", club=None), "clubs.visit.check_in")
        assert not allowed(allow, caller("guest"), "clubs.visit.check_in")
        assert allowed(allow, caller("desk"), "clubs.visit.check_in")

    @pytest.mark.parametrize("permission", ["", "*", "clubs.visit", "clubs.visit.check_in ", "Clubs.Visit.Check_in"])
    def test_a_permission_that_nobody_declared_is_a_defect_not_a_refusal(self, permission: str) -> None:
        with pytest.raises(LookupError):
            self.make()(caller("desk", "operator"), permission)

    def test_a_role_cannot_be_granted_what_nobody_declared(self) -> None:
        with pytest.raises(ValueError, match=r"clubs\.visit\.invent"):
            self.make(roles={"desk": ["clubs.visit.invent"]})

    @settings(suppress_health_check=[HealthCheck.differing_executors], max_examples=60)
    @given(
        granted=st.dictionaries(role_names, st.sets(names)),
        network=st.sets(names),
        held=st.frozensets(role_names),
        club=st.sampled_from([CLUB, None]),
    )
    def test_any_policy_decides_as_its_plain_reading_does(
        self, granted: dict[str, set[str]], network: set[str], held: frozenset[str], club: UUID | None
    ) -> None:
        allow = self.make(permissions=[*PERMISSIONS[:3], "a.b.c"], network=network, roles=granted)
        for permission in [*PERMISSIONS[:3], "a.b.c"]:
            has = any(permission in granted.get(role, ()) for role in held)
            expected = has and (club is not None or permission in network)
            assert allowed(allow, caller(*held, club=club), permission) == expected
