"""PASETO tokens keep the promises of the port; what only PASETO can get wrong is tested beside them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from pyseto import Key, encode

from adapters.outbound.ed25519 import Signer
from adapters.outbound.paseto.tokens import PasetoTokens, Settings
from shared.canonical import Json, dumps
from tests.contracts.tokens import CLAIMS, MOMENT, SETUP, Clock, Setup, TokensContract


def _footer(setup: Setup) -> bytes:
    return dumps({"kid": Key.from_asymmetric_key_params(4, x=Signer(setup.key).key).to_paserk_id()})


def _assertion(setup: Setup) -> bytes:
    return b"\0".join((b"concordat/token/v1", setup.audience.encode(), setup.network.encode()))


def _settings(setup: Setup) -> Settings:
    return Settings(issuer=setup.issuer, audience=setup.audience, network=setup.network)


class TestPasetoTokens(TokensContract):
    def make(self, clock: Callable[[], datetime], setup: Setup = SETUP) -> PasetoTokens:
        return PasetoTokens(setup.key, _settings(setup), clock)

    def sign(self, said: dict[str, Json], setup: Setup = SETUP) -> str:
        return self._signed(dumps(said), setup)

    def _signed(
        self, payload: bytes, setup: Setup = SETUP, *, footer: bytes | None = None, assertion: bytes | None = None
    ) -> str:
        key = Key.from_asymmetric_key_params(4, d=setup.key)
        footer = _footer(setup) if footer is None else footer
        return encode(key, payload, footer, _assertion(setup) if assertion is None else assertion).decode()

    @pytest.mark.parametrize("footer", [b"", b"{}", b'{"kid":"other"}', b"\xff", _footer(Setup(key=bytes(32)))])
    def test_a_footer_other_than_the_key_id_is_refused(self, footer: bytes) -> None:
        self.refuses(self.make(Clock()), self._signed(dumps(self.said()), footer=footer))

    @pytest.mark.parametrize("assertion", [b"", b"concordat", b"concordat.test"])
    def test_another_implicit_assertion_is_refused(self, assertion: bytes) -> None:
        self.refuses(self.make(Clock()), self._signed(dumps(self.said()), assertion=assertion))

    @pytest.mark.parametrize(
        "payload", [b"", b"null", b"[]", b'"text"', b"1", b"{", b"\xff", b'{"exp":1e400}', b"[" * 1_500]
    )
    def test_a_signed_payload_that_is_no_claims_is_refused(self, payload: bytes) -> None:
        self.refuses(self.make(Clock()), self._signed(payload))

    @pytest.mark.parametrize("change", [(b'"exp":', b'"exp":null,"exp":'), (b'{"aud"', b'{ "aud"')])
    def test_signed_claims_in_another_spelling_are_refused(self, change: tuple[bytes, bytes]) -> None:
        payload = dumps(self.said())
        assert change[0] in payload
        self.refuses(self.make(Clock()), self._signed(payload.replace(*change)))

    def test_an_encrypted_token_is_refused_also_when_its_key_is_public(self) -> None:
        public = Signer(SETUP.key).key
        for secret in (SETUP.key, public):
            key = Key.new(4, "local", secret)
            token = encode(key, dumps(self.said()), _footer(SETUP), _assertion(SETUP)).decode()
            self.refuses(self.make(Clock()), token)
            self.refuses(self.make(Clock()), token.replace("v4.local.", "v4.public."))

    def test_tokens_remembered_are_bounded_and_forgotten_ones_are_checked_again(self) -> None:
        clock = Clock()
        tokens = PasetoTokens(SETUP.key, replace(_settings(SETUP), remembered=2), clock)
        issued = [tokens.issue(replace(CLAIMS, principal=f"user:{number}")) for number in range(5)]
        for _round in range(2):
            assert [tokens.check(token).principal for token in issued] == [f"user:{number}" for number in range(5)]
        clock.at = CLAIMS.expires_at
        for token in issued:
            self.refuses(tokens, token)

    def test_development_settings_may_allow_a_longer_life(self) -> None:
        tokens = PasetoTokens(SETUP.key, replace(_settings(SETUP), longest_seconds=86_400), Clock())
        claims = replace(CLAIMS, expires_at=MOMENT + timedelta(days=1))
        assert tokens.check(tokens.issue(claims)) == claims
