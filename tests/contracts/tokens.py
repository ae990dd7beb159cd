"""What every implementation of ports.tokens must do, whatever its token format."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ports.tokens import Claims, TokenRefused, Tokens
from shared.canonical import Json
from shared.clock import utc_text

MOMENT = datetime(2026, 3, 12, 18, 4, 5, 250_000, tzinfo=UTC)
TICK = timedelta(microseconds=1)
CLAIMS = Claims(
    principal="user:01",
    club=UUID("01957f3e-8000-7000-8000-000000000001"),
    roles=frozenset({"desk", "secretary"}),
    expires_at=MOMENT + timedelta(minutes=15),
)

# Suites are classes that several backends inherit, and a property holds whichever of them runs it.
shared_property = settings(suppress_health_check=[HealthCheck.differing_executors], max_examples=60)


@dataclass(slots=True, kw_only=True)
class Clock:
    """A clock that stands still until a test moves it."""

    at: datetime = MOMENT

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Whose tokens these are."""

    key: bytes = bytes(range(32))
    issuer: str = "https://id.concordat.test"
    audience: str = "concordat"
    network: str = "concordat.test"


SETUP = Setup()


class TokensContract:
    """A backend brings `make` and `sign`; the claims that `sign` gets bear the usual names of `said`."""

    def make(self, clock: Callable[[], datetime], setup: Setup = SETUP) -> Tokens:
        raise NotImplementedError

    def sign(self, said: dict[str, Json], setup: Setup = SETUP) -> str:
        """A token with these claims, correctly signed under `setup`, whatever they are."""
        raise NotImplementedError

    def said(self, **changes: Json) -> dict[str, Json]:
        """The claims of a good token in their usual names, some changed."""
        said: dict[str, Json] = {
            "iss": SETUP.issuer,
            "aud": SETUP.audience,
            "sub": CLAIMS.principal,
            "club": str(CLAIMS.club),
            "roles": ["desk", "secretary"],
            "iat": utc_text(MOMENT),
            "exp": utc_text(CLAIMS.expires_at),
        }
        return said | changes

    def test_an_issued_token_says_what_was_put_into_it(self) -> None:
        tokens = self.make(Clock())
        assert tokens.check(tokens.issue(CLAIMS)) == CLAIMS

    def test_a_caller_without_a_club_or_role_comes_back_as_such(self) -> None:
        tokens = self.make(Clock())
        operator = replace(CLAIMS, club=None, roles=frozenset())
        assert tokens.check(tokens.issue(operator)) == operator

    def test_a_token_signed_by_hand_is_accepted_as_the_controls_of_this_suite_assume(self) -> None:
        assert self.make(Clock()).check(self.sign(self.said())) == CLAIMS

    def test_another_process_with_the_same_key_accepts_the_token(self) -> None:
        clock = Clock()
        assert self.make(clock).check(self.make(clock).issue(CLAIMS)) == CLAIMS

    def test_a_token_expires_exactly_also_once_it_was_accepted(self) -> None:
        clock = Clock()
        fresh, used = self.make(clock), self.make(clock)
        token = fresh.issue(CLAIMS)
        clock.at = CLAIMS.expires_at - TICK
        assert used.check(token) == CLAIMS
        clock.at = CLAIMS.expires_at
        for tokens in (used, fresh, used):
            self.refuses(tokens, token)

    def test_a_token_is_refused_before_its_time_also_when_the_clock_goes_back(self) -> None:
        clock = Clock()
        tokens = self.make(clock)
        token = self.sign(self.said(nbf=utc_text(MOMENT + TICK)))
        self.refuses(tokens, token)
        clock.at = MOMENT + TICK
        assert tokens.check(token) == CLAIMS
        clock.at = MOMENT
        self.refuses(tokens, token)

    @pytest.mark.parametrize("claim", ["iss", "aud", "sub", "exp", "roles", "club"])
    def test_a_token_without_a_required_claim_is_refused(self, claim: str) -> None:
        said = self.said()
        del said[claim]
        self.refuses(self.make(Clock()), self.sign(said))

    @pytest.mark.parametrize(
        "setup",
        [
            replace(SETUP, key=bytes(32)),
            replace(SETUP, issuer="https://id.other.test"),
            replace(SETUP, audience="other"),
            replace(SETUP, network="other.test"),
        ],
    )
    def test_a_token_of_another_key_issuer_audience_or_network_is_refused(self, setup: Setup) -> None:
        clock = Clock()
        self.refuses(self.make(clock), self.make(clock, setup).issue(CLAIMS))

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "https://id.other.test"},
            {"aud": "other"},
            {"aud": [SETUP.audience]},
            {"aud": None},
            {"sub": ""},
            {"sub": 7},
            {"club": "harbour"},
            {"club": "01957F3E-8000-7000-8000-000000000001"},
            {"club": 1},
            {"roles": "desk"},
            {"roles": {"desk": True}},
            {"roles": ["desk", 1]},
            {"roles": None},
            {"exp": "2099-01-01"},
            {"exp": "2099-01-01T00:00:00.000000+00:00"},
            {"exp": 4_070_908_800},
            {"exp": None},
            {"exp": ""},
            {"nbf": "soon"},
            {"nbf": None},
        ],
    )
    def test_a_token_with_a_wrong_claim_is_refused(self, changes: dict[str, Json]) -> None:
        self.refuses(self.make(Clock()), self.sign(self.said(**changes)))

    @shared_property
    @given(
        text=st.text() | st.text("v4.publicoa_-", max_size=200) | st.binary().map(lambda data: data.decode("latin-1"))
    )
    def test_arbitrary_text_is_refused_and_nothing_else_is_raised(self, text: str) -> None:
        self.refuses(self.make(Clock()), text)

    def test_a_token_that_was_cut_or_changed_anywhere_is_refused(self) -> None:
        tokens = self.make(Clock())
        token = tokens.issue(CLAIMS)
        for place in range(len(token)):
            before, letter, after = token[:place], token[place], token[place + 1 :]
            self.refuses(tokens, before)
            self.refuses(tokens, before + after)
            for bit in range(7):
                self.refuses(tokens, before + chr(ord(letter) ^ 1 << bit) + after)
        assert tokens.check(token) == CLAIMS

    @pytest.mark.parametrize(
        "stray", ["=", "\n", "\n" * 4, "!!!!", " ", "\0", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\ud800", "."]
    )
    def test_a_token_has_one_spelling(self, stray: str) -> None:
        tokens = self.make(Clock())
        token = tokens.issue(CLAIMS)
        for place in range(len(token) + 1):
            self.refuses(tokens, token[:place] + stray + token[place:])

    @shared_property
    @given(
        lifetime=st.timedeltas(min_value=-timedelta(days=1), max_value=timedelta(minutes=15)),
        asked=st.timedeltas(min_value=-timedelta(days=1), max_value=timedelta(days=1)),
        roles=st.frozensets(st.text("abcdefgh.-", min_size=1)),
    )
    def test_a_token_is_accepted_exactly_until_it_expires(
        self, lifetime: timedelta, asked: timedelta, roles: frozenset[str]
    ) -> None:
        clock = Clock()
        tokens = self.make(clock)
        claims = replace(CLAIMS, expires_at=MOMENT + lifetime, roles=roles)
        token = tokens.issue(claims)
        clock.at = MOMENT + asked
        if asked < lifetime:
            assert tokens.check(token) == claims
        else:
            self.refuses(tokens, token)

    def test_a_token_of_more_than_four_kilobytes_is_refused(self) -> None:
        self.refuses(self.make(Clock()), self.sign(self.said(roles=["x" * 5_000])))

    def test_a_token_that_no_check_would_accept_is_not_issued(self) -> None:
        tokens = self.make(Clock())
        too_long = replace(CLAIMS, roles=frozenset({"x" * 5_000}))
        for claims in (too_long, replace(CLAIMS, principal=""), replace(CLAIMS, roles=frozenset({""}))):
            with pytest.raises(ValueError, match=r"a token is|have a name"):
                tokens.issue(claims)

    def test_a_lifetime_beyond_fifteen_minutes_is_not_issued(self) -> None:
        with pytest.raises(ValueError, match="lives at most"):
            self.make(Clock()).issue(replace(CLAIMS, expires_at=CLAIMS.expires_at + TICK))

    def refuses(self, tokens: Tokens, token: str) -> None:
        with pytest.raises(TokenRefused) as refusal:
            tokens.check(token)
        assert refusal.value.parameters == {}, "a refusal tells a forger nothing"
