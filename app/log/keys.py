"""The keys of logs: their seeds among the secrets, their ranges in the database, and the ledger's word on them.

The first key of a log is the secret `log/<origin>`, the n-th `log/<origin>/<n>`. Whoever can write to the database can
write keys there: secrets and ledger know better.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.log.errors import LogInvalid
from core.log.notes import Sign, VerifierKey, parse_key
from core.log.trust import KeyRange
from core.log.witness import rotation_message
from ports.ledger import Ledger
from ports.log import LogKey
from ports.secrets import Secrets
from shared.errors import Conflict

SEED_SIZE = 32
ROTATION = "rotate"
"""The consumer of wishes to exchange a log's key."""

SIGNING = "signer"
"""The lock under which a log is signed: no wish is noted while a signature is under way."""

KeyPair = Callable[[bytes], tuple[bytes, Sign]]
"""The public key of an Ed25519 seed (32 bytes), and the function that signs with it."""

Pair = tuple[VerifierKey, Sign]
_LOST = "put the seed back among the secrets"
_OTHER = "run concordat log audit, and restore a backup in which it finds nothing"


class KeysDisputed(Conflict):
    """Database, secrets and ledger do not agree on the keys of a log. Parameters: origin, reason, remedy."""

    code = "log/keys-disputed"
    title = "The keys of a log in the database are not those that secrets and ledger know."

    def __init__(self, origin: str, reason: str, remedy: str = _OTHER) -> None:
        super().__init__(origin=origin, reason=reason, remedy=remedy)


def secret_of(origin: str, number: int = 1) -> str:
    """The name of the seed of a log's `number`-th key among the secrets."""
    return f"log/{origin}" if number == 1 else f"log/{origin}/{number}"


def ranges_of(keys: Sequence[LogKey]) -> tuple[KeyRange, ...]:
    """Raises LogInvalid for what is no key."""
    return tuple(
        KeyRange(key=parse_key(each.verifier_key), from_size=each.from_size, until_size=each.until_size)
        for each in keys
    )


def precede(ours: Sequence[KeyRange], told: Sequence[KeyRange]) -> bool:
    """Are these the first keys of those that were told, each from the same size on?"""
    starts = [(each.key, each.from_size) for each in told]
    return [(each.key, each.from_size) for each in ours] == starts[: len(ours)]


def behind(told: Sequence[KeyRange], ours: Sequence[KeyRange]) -> bool:
    """Does the ledger know all of our keys but the last ones, while ours follow each other without a gap?"""
    ends = [each.from_size for each in ours[1:]]
    return len(told) < len(ours) and precede(told, ours) and [each.until_size for each in ours] == [*ends, None]


@dataclass(frozen=True, kw_only=True)
class LogKeys:
    """Where the keys of every log of this deployment are looked up and made."""

    secrets: Secrets
    key_pair: KeyPair
    ledger: Ledger

    async def held(self, origin: str, number: int) -> Pair | None:
        """The `number`-th key of a log, if the secrets have it; raises KeysDisputed where they have something else."""
        seed = await self.secrets.get(secret_of(origin, number))
        return None if seed is None else self._pair(origin, number, seed)

    async def made(self, origin: str, number: int, seed: bytes) -> Pair:
        """The same, made of this seed where there is none yet; durable either way."""
        return self._pair(origin, number, await self.secrets.create(secret_of(origin, number), seed))

    async def introduce(self, origin: str, keys: Sequence[KeyRange]) -> None:
        """Tell the ledger those of a log's keys that it does not know yet, oldest first.

        Raises KeysDisputed where a seed that has to sign for that is gone, and what the ledger raises.
        """
        told = await self.ledger.keys(origin)
        if not told:
            await self.ledger.register(origin, str(keys[0].key))
        for number in range(max(len(told), 1), len(keys)):
            old, new = [await self._required(origin, each) for each in (number, number + 1)]
            message = rotation_message(origin, keys[number].from_size, old[0], new[0])
            signatures = old[1](message), new[1](message)
            await self.ledger.rotate(origin, keys[number].from_size, str(new[0]), signatures)

    async def vouch(self, origin: str, keys: Sequence[LogKey]) -> tuple[KeyRange, ...]:
        """The keys that the database has of a log, if the secrets agree; raises KeysDisputed.

        Seeds of keys that were left may be gone; the present one has to be there.
        """
        try:
            ranges = ranges_of(keys)
        except LogInvalid as error:
            raise KeysDisputed(origin, f"a key in the database is none: {error.reason}") from error
        for number, each in enumerate(ranges, 1):
            pair = await self.held(origin, number)
            if pair is None and number == len(ranges):
                raise KeysDisputed(origin, f"key {number} of the log is not among the secrets", _LOST)
            if pair is not None and pair[0] != each.key:
                raise KeysDisputed(origin, f"key {number} in the database is not the one among the secrets")
        return ranges

    async def agreed(self, origin: str, keys: Sequence[LogKey]) -> tuple[KeyRange, ...]:
        """The keys of a log that database, secrets and ledger agree on; raises KeysDisputed, and what the ledger does.

        A key that the ledger was told a moment ago counts already, if its seed is among the secrets.
        """
        ranges = await self.vouch(origin, keys)
        told = tuple(await self.ledger.keys(origin))
        if not told and len(ranges) == 1:
            return ranges
        if told == ranges:
            return told
        new = await self.held(origin, len(told)) if len(told) == len(ranges) + 1 else None
        if new is None or new[0] != told[-1].key or not precede(ranges, told):
            raise KeysDisputed(origin, "the ledger verifies the log with other keys, or for other sizes")
        return told

    async def _required(self, origin: str, number: int) -> Pair:
        pair = await self.held(origin, number)
        if pair is None:
            reason = f"key {number} of the log is not among the secrets, and the ledger has to be told what follows it"
            raise KeysDisputed(origin, reason, _LOST)
        return pair

    def _pair(self, origin: str, number: int, seed: bytes) -> Pair:
        if len(seed) != SEED_SIZE:
            reason = f"what the secrets have for key {number} of the log is no seed of {SEED_SIZE} bytes"
            raise KeysDisputed(origin, reason, _LOST)
        public, sign = self.key_pair(seed)
        return VerifierKey(name=origin, public=public), sign
