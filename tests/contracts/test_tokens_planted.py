"""Planted bugs: tokens checked by the bare library, as its quick start shows it, are reported by the suite."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pyseto import Key, Paseto

from ports.tokens import Claims, TokenRefused, Tokens
from shared.canonical import Json
from shared.clock import parse_utc, utc_text
from tests.contracts.tokens import SETUP, Setup, TokensContract

REPORTED = (AssertionError, pytest.fail.Exception)


class BareTokens:
    """Leaves every check to pyseto, which makes only those that it is asked for."""

    def __init__(self, clock: Callable[[], datetime], setup: Setup) -> None:
        self._clock = clock
        self._setup = setup
        self._key = Key.from_asymmetric_key_params(4, d=setup.key)

    def issue(self, claims: Claims) -> str:
        said: dict[str, Any] = {"iss": self._setup.issuer, "aud": self._setup.audience, "sub": claims.principal}
        said |= {"club": str(claims.club), "roles": sorted(claims.roles), "exp": utc_text(claims.expires_at)}
        return self.encode(said)

    def encode(self, said: dict[str, Any]) -> str:
        return Paseto.new().encode(self._key, json.dumps(said)).decode()

    def check(self, token: str) -> Claims:
        try:
            payload: Any = Paseto.new().decode(self._key, token).payload
            said: Any = json.loads(payload)
            return Claims(
                principal=said["sub"],
                club=UUID(said["club"]) if said["club"] else None,
                roles=frozenset(said["roles"]),
                expires_at=parse_utc(said["exp"]) if "exp" in said else datetime.max.replace(tzinfo=UTC),
            )
        except Exception as error:
            raise TokenRefused from error


class BareSuite(TokensContract):
    def make(self, clock: Callable[[], datetime], setup: Setup = SETUP) -> Tokens:
        return BareTokens(clock, setup)

    def sign(self, said: dict[str, Json], setup: Setup = SETUP) -> str:
        return BareTokens(lambda: datetime.now(UTC), setup).encode(said)


def test_the_control_passes_so_that_the_others_fail_for_their_own_reason() -> None:
    BareSuite().test_a_token_signed_by_hand_is_accepted_as_the_controls_of_this_suite_assume()


@pytest.mark.parametrize("claim", ["exp", "aud", "iss"])
def test_tokens_that_need_no_such_claim_are_reported(claim: str) -> None:
    with pytest.raises(REPORTED):
        BareSuite().test_a_token_without_a_required_claim_is_refused(claim)


def test_tokens_that_never_expire_are_reported() -> None:
    with pytest.raises(REPORTED):
        BareSuite().test_a_token_expires_exactly_also_once_it_was_accepted()


def test_tokens_that_are_accepted_before_their_time_are_reported() -> None:
    with pytest.raises(REPORTED):
        BareSuite().test_a_token_is_refused_before_its_time_also_when_the_clock_goes_back()


def test_tokens_for_another_audience_are_reported() -> None:
    with pytest.raises(REPORTED):
        BareSuite().test_a_token_with_a_wrong_claim_is_refused({"aud": "other"})


def test_tokens_with_several_spellings_are_reported() -> None:
    with pytest.raises(REPORTED):
        BareSuite().test_a_token_has_one_spelling("\n" * 4)


def test_the_library_changes_the_claims_that_it_encodes_which_is_why_ours_gives_it_bytes() -> None:
    said: dict[str, Any] = {"sub": "user:01"}
    Paseto.new(exp=60).encode(Key.from_asymmetric_key_params(4, d=SETUP.key), said)
    assert said.keys() == {"sub", "exp"}
