"""C2SP tlog-policy: which logs and witnesses are known, and which witnesses together make a quorum."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from core.log.errors import MalformedKey, MalformedPolicy
from core.log.notes import Algorithm, VerifierKey, parse_key

NONE = "none"
MAX_POLICY = 1 << 18
MAX_NAMES = 256
"""The most logs, and the most witnesses and groups together; tlog-policy asks for at least 32 of each."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_COUNT = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Witnesses when at least `threshold` of its members do; a member is a witness or a group defined before."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A parsed policy; `quorum` is the name of a witness or group, None if no cosignature is asked for.

    `urls` are the submission prefixes of those witnesses that have one.
    """

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, VerifierKey]
    urls: Mapping[str, str]
    groups: Mapping[str, Group]
    quorum: str | None

    def satisfied_by(self, keys: Iterable[VerifierKey]) -> bool:
        """Whether the owners of these keys, whose cosignatures were checked, make the quorum."""
        cosigners = set(keys)
        reached = {name for name, key in self.witnesses.items() if key in cosigners}
        for name, group in self.groups.items():
            if len(reached.intersection(group.members)) >= group.threshold:
                reached.add(name)
        return self.quorum is None or self.quorum in reached


@dataclass(slots=True)
class _Draft:
    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    grouped: set[str] = field(default_factory=set)
    quorum: str | None = None

    def log(self, words: list[str]) -> None:
        if len(words) not in (1, 2):
            raise MalformedPolicy("log <vkey> [<url>]")
        key = _key(words[0], Algorithm.ED25519)
        _refuse_duplicate(key, self.logs)
        self.logs.append(key)

    def witness(self, words: list[str]) -> None:
        if len(words) not in (2, 3):
            raise MalformedPolicy("witness <name> <vkey> [<url>]")
        self._refuse_name(words[0])
        key = _key(words[1], Algorithm.COSIGNATURE)
        _refuse_duplicate(key, self.witnesses.values())
        self.witnesses[words[0]] = key
        self.urls.update((words[0], url) for url in words[2:])

    def group(self, words: list[str]) -> None:
        match words:
            case [name, count, *members] if members:
                self._refuse_name(name)
            case _:
                raise MalformedPolicy("group <name> <threshold> <name>...")
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise MalformedPolicy("a group of names not yet defined")
            if member in self.grouped:
                raise MalformedPolicy("a name is a member of two groups")
            self.grouped.add(member)
        self.groups[name] = Group(threshold=_threshold(count, len(members)), members=tuple(members))

    def set_quorum(self, words: list[str]) -> None:
        if self.quorum is not None or len(words) != 1:
            raise MalformedPolicy("one quorum <name>")
        if words[0] != NONE and words[0] not in self.witnesses and words[0] not in self.groups:
            raise MalformedPolicy("a quorum of a name not yet defined")
        self.quorum = words[0]

    def _refuse_name(self, name: str) -> None:
        if not name or name == NONE or name in self.witnesses or name in self.groups:
            raise MalformedPolicy("a name that is reserved, missing or taken")


def parse_policy(text: str) -> Policy:
    """Raises MalformedPolicy. Octets beyond ASCII must be UTF-8 here, since a policy travels inside JSON."""
    lines = text.split("\n")
    if len(text) > MAX_POLICY or lines.pop() or _CONTROL.search(text):
        raise MalformedPolicy("too long, with control characters, or without a last newline")
    draft = _Draft()
    verbs: dict[str, Callable[[list[str]], None]] = {
        "log": draft.log,
        "witness": draft.witness,
        "group": draft.group,
        "quorum": draft.set_quorum,
    }
    for line in lines:
        verb, *words = [word for word in re.split(r"[ \t]+", line) if word] or ["#"]
        if verb.startswith("#"):
            continue
        if verb not in verbs:
            raise MalformedPolicy("a line that is neither log, witness, group nor quorum")
        verbs[verb](words)
        if max(len(draft.logs), len(draft.witnesses) + len(draft.groups)) > MAX_NAMES:
            raise MalformedPolicy("too many names")
    if draft.quorum is None:
        raise MalformedPolicy("no quorum line")
    quorum = None if draft.quorum == NONE else draft.quorum
    return Policy(
        logs=tuple(draft.logs), witnesses=draft.witnesses, urls=draft.urls, groups=draft.groups, quorum=quorum
    )


def _key(text: str, algorithm: Algorithm) -> VerifierKey:
    try:
        key = parse_key(text)
    except MalformedKey as error:
        raise MalformedPolicy(f"not a key: {error.reason}") from error
    if key.algorithm is not algorithm:
        raise MalformedPolicy("a key of a kind that does not belong here")
    return key


def _refuse_duplicate(key: VerifierKey, others: Iterable[VerifierKey]) -> None:
    if any(key.public == other.public for other in others):
        raise MalformedPolicy("the same key twice")


def _threshold(count: str, members: int) -> int:
    threshold = {"all": members, "any": 1}.get(count)
    if threshold is None and _COUNT.fullmatch(count):
        threshold = int(count)
    if threshold is None or not 1 <= threshold <= members:
        raise MalformedPolicy("a threshold is all, any, or a number of members")
    return threshold
