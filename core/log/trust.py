"""The trust bundle: everything that a verifier of receipts must know beforehand, as one canonical JSON object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.log.errors import LogInvalid, MalformedBundle
from core.log.notes import Algorithm, VerifierKey, parse_key
from core.log.origins import parse_origin
from core.log.policy import Policy, parse_policy
from shared.canonical import Json, NotCanonical, dumps, loads

VERSION = 1
NO_QUORUM = "quorum none\n"

_MEMBERS = {"v", "logs", "policy", "ledger"}
_RANGE_MEMBERS = {"key", "from", "until"}
_LEDGER_MEMBERS = {"witnesses", "channel", "contract", "k", "organisations", "revocations"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRange:
    """A log's key, good for checkpoints of `from_size` up to, not including, `until_size` leaves (None: no end)."""

    key: VerifierKey
    from_size: int = 0
    until_size: int | None = None

    def covers(self, size: int) -> bool:
        return self.from_size <= size and (self.until_size is None or size < self.until_size)

    def to_json(self) -> dict[str, Json]:
        return {"key": str(self.key), "from": self.from_size, "until": self.until_size}


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTrust:
    """What makes ledger evidence believable: the embedded witness's keys, and for Fabric whom to ask and how many.

    `organisations` maps a member's id to its root certificates in PEM; all but `witnesses` stays empty without Fabric.
    """

    witnesses: tuple[VerifierKey, ...] = ()
    channel: str | None = None
    contract: str | None = None
    k: int = 0
    organisations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    revocations: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        return {
            "witnesses": [str(key) for key in self.witnesses],
            "channel": self.channel,
            "contract": self.contract,
            "k": self.k,
            "organisations": {name: list[Json](roots) for name, roots in self.organisations.items()},
            "revocations": list[Json](self.revocations),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustBundle:
    """Which logs there are and what their keys were when, the witnesses' policy, and the ledger's part."""

    logs: Mapping[str, tuple[KeyRange, ...]]
    policy: str = NO_QUORUM
    ledger: LedgerTrust = LedgerTrust()

    def __post_init__(self) -> None:
        parse_policy(self.policy)
        for origin, ranges in self.logs.items():
            _check_ranges(origin, ranges)

    @property
    def witnesses(self) -> Policy:
        return parse_policy(self.policy)


def write_bundle(bundle: TrustBundle) -> bytes:
    """The bundle's canonical bytes, which `parse_bundle` reads."""
    logs: dict[str, Json] = {origin: [each.to_json() for each in ranges] for origin, ranges in bundle.logs.items()}
    data = dumps({"v": VERSION, "logs": logs, "policy": bundle.policy, "ledger": bundle.ledger.to_json()})
    parse_bundle(data)
    return data


def parse_bundle(data: bytes) -> TrustBundle:
    """Raises MalformedBundle for anything but the canonical bytes of a bundle of version 1."""
    try:
        return _bundle(loads(data))
    except MalformedBundle:
        raise
    except (NotCanonical, LogInvalid) as error:
        raise MalformedBundle(str(error.parameters["reason"])) from error


def parse_ledger_trust(value: Json) -> LedgerTrust:
    """The ledger's part of a bundle; raises MalformedBundle."""
    ledger = _object(value, _LEDGER_MEMBERS)
    try:
        witnesses = tuple(parse_key(text) for text in _texts(ledger["witnesses"]))
    except LogInvalid as error:
        raise MalformedBundle(str(error.parameters["reason"])) from error
    if any(key.algorithm is not Algorithm.COSIGNATURE for key in witnesses):
        raise MalformedBundle("a witness's key is of another kind")
    organisations = ledger["organisations"]
    if not isinstance(organisations, dict):
        raise MalformedBundle("organisations is not an object")
    return LedgerTrust(
        witnesses=witnesses,
        channel=_optional(ledger["channel"]),
        contract=_optional(ledger["contract"]),
        k=_count(ledger["k"]),
        organisations={name: _texts(roots) for name, roots in organisations.items()},
        revocations=_texts(ledger["revocations"]),
    )


def parse_range(value: Json) -> KeyRange:
    """What `KeyRange.to_json` wrote; raises MalformedBundle or MalformedKey."""
    members = _object(value, _RANGE_MEMBERS)
    until = members["until"]
    return KeyRange(
        key=parse_key(_text(members["key"])),
        from_size=_count(members["from"]),
        until_size=None if until is None else _count(until),
    )


def _bundle(value: Json) -> TrustBundle:
    bundle = _object(value, _MEMBERS)
    logs, policy = bundle["logs"], bundle["policy"]
    if _count(bundle["v"]) != VERSION or not isinstance(logs, dict) or not isinstance(policy, str):
        raise MalformedBundle("another version, or logs or policy of another shape")
    ranges = {origin: tuple(parse_range(each) for each in _array(keys)) for origin, keys in logs.items()}
    return TrustBundle(logs=ranges, policy=policy, ledger=parse_ledger_trust(bundle["ledger"]))


def _check_ranges(origin: str, ranges: tuple[KeyRange, ...]) -> None:
    parse_origin(origin)
    if any(each.key.name != origin or each.key.algorithm is not Algorithm.ED25519 for each in ranges):
        raise MalformedBundle("a key that is not its log's")
    start: int | None = 0
    for each in ranges:
        is_empty = each.until_size is not None and each.until_size <= each.from_size
        if start is None or each.from_size < start or is_empty:
            raise MalformedBundle("the ranges of a log's keys overlap or are out of order")
        start = each.until_size


def _object(value: Json, members: set[str]) -> dict[str, Json]:
    if not isinstance(value, dict) or value.keys() != members:
        raise MalformedBundle(f"not an object of {', '.join(sorted(members))}")
    return value


def _array(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise MalformedBundle("not an array")
    return value


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(_text(each) for each in _array(value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise MalformedBundle("not text")
    return value


def _optional(value: Json) -> str | None:
    return None if value is None else _text(value)


def _count(value: Json) -> int:
    if type(value) is not int or value < 0:
        raise MalformedBundle("not a count")
    return value
