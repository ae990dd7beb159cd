"""The secrets of a pair of clubs, made for it alone when it first settles: what blinds it, and a key for each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from app.log.keys import KeyPair
from core.log.notes import Sign
from core.log.pairs import Settled
from core.log.settlements import Blinding
from ports.secrets import Secrets

SECRET_SIZE = 32
NAMES = ("blinding", "first", "second")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Those of one pair. `public` are both public keys, in the clubs' order."""

    blinding: Blinding
    public: tuple[bytes, bytes]
    sign: tuple[Sign, Sign] = field(repr=False)

    def signatures(self, settled: Settled) -> tuple[bytes, bytes]:
        """Both clubs' over a settlement; Ed25519 gives the same whenever it is asked."""
        one, other = self.sign
        return one(settled.message), other(settled.message)


@dataclass(frozen=True, kw_only=True)
class PairKeys:
    """They are in the secrets, never in the database."""

    secrets: Secrets
    key_pair: KeyPair
    random_bytes: Callable[[int], bytes]

    async def made(self, clubs: tuple[UUID, UUID]) -> Keys:
        """The keys of this pair, made now if there are none yet."""
        found = [await self.secrets.create(_name(clubs, name), self.random_bytes(SECRET_SIZE)) for name in NAMES]
        return self._keys(clubs, *found)

    async def known(self, clubs: tuple[UUID, UUID]) -> Keys | None:
        """The same, where they were made before and are there."""
        found = [await self.secrets.get(_name(clubs, name)) for name in NAMES]
        return None if None in found else self._keys(clubs, *(each or b"" for each in found))

    def _keys(self, clubs: tuple[UUID, UUID], blinding: bytes, one: bytes, other: bytes) -> Keys:
        (first, sign_first), (second, sign_second) = self.key_pair(one), self.key_pair(other)
        first_club, second_club = clubs
        return Keys(
            blinding=Blinding(secret=blinding, clubs=(first_club.bytes, second_club.bytes)),
            public=(first, second),
            sign=(sign_first, sign_second),
        )


def _name(clubs: tuple[UUID, UUID], name: str) -> str:
    return f"pair/{clubs[0]}.{clubs[1]}/{name}"
