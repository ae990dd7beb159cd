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
_OTHER_KIND = {
    Algorithm.ED25519: "the key is a witness's, and a log's belongs here",
    Algorithm.COSIGNATURE: "the key is a log's, and a witness's belongs here",
}
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
            raise MalformedPolicy("a log has a key and at most a URL: log <vkey> [<url>]")
        key = _key(words[0], Algorithm.ED25519)
        _refuse_duplicate(key, self.logs)
        self.logs.append(key)

    def witness(self, words: list[str]) -> None:
        if len(words) not in (2, 3):
            raise MalformedPolicy("a witness has a name, a key and at most a URL: witness <name> <vkey> [<url>]")
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
                raise MalformedPolicy("a group has a name, a threshold and members: group <name> <threshold> <name>...")
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise MalformedPolicy("the group has a member that no line before names")
            if member in self.grouped:
                raise MalformedPolicy("a name is a member twice, of this group or of two")
            self.grouped.add(member)
        self.groups[name] = Group(threshold=_threshold(count, len(members)), members=tuple(members))

    def set_quorum(self, words: list[str]) -> None:
        if self.quorum is not None:
            raise MalformedPolicy("a second quorum; to count several witnesses, make a group of them")
        if len(words) != 1:
            raise MalformedPolicy("a quorum is one name; to count several witnesses, make a group of them")
        if words[0] != NONE and words[0] not in self.witnesses and words[0] not in self.groups:
            raise MalformedPolicy("the quorum is of a name that no line before has")
        self.quorum = words[0]

    def _refuse_name(self, name: str) -> None:
        if not name or name == NONE or name in self.witnesses or name in self.groups:
            raise MalformedPolicy("the name is taken, or none, which is reserved")


def parse_policy(text: str) -> Policy:
    """Raises MalformedPolicy. Octets beyond ASCII must be UTF-8 here, since a policy travels inside JSON."""
    lines = text.split("\n")
    if len(text) > MAX_POLICY:
        raise MalformedPolicy("it is too long")
    if lines.pop():
        raise MalformedPolicy("its last line has no line break at its end")
    if _CONTROL.search(text):
        raise MalformedPolicy("it has control characters")
    draft = _Draft()
    verbs: dict[str, Callable[[list[str]], None]] = {
        "log": draft.log,
        "witness": draft.witness,
        "group": draft.group,
        "quorum": draft.set_quorum,
    }
    for number, line in enumerate(lines, 1):
        verb, *words = [word for word in re.split(r"[ \t]+", line) if word] or ["#"]
        if verb.startswith("#"):
            continue
        try:
            if verb not in verbs:
                raise MalformedPolicy("it is neither log, witness, group nor quorum")
            verbs[verb](words)
            if max(len(draft.logs), len(draft.witnesses) + len(draft.groups)) > MAX_NAMES:
                raise MalformedPolicy("too many names")
        except MalformedPolicy as error:
            raise MalformedPolicy(f"line {number}: {error.reason}") from error
    if draft.quorum is None:
        raise MalformedPolicy("it has no quorum line")
    quorum = None if draft.quorum == NONE else draft.quorum
    return Policy(
        logs=tuple(draft.logs), witnesses=draft.witnesses, urls=draft.urls, groups=draft.groups, quorum=quorum
    )


def _key(text: str, algorithm: Algorithm) -> VerifierKey:
    try:
        key = parse_key(text)
    except MalformedKey as error:
        raise MalformedPolicy(f"the key cannot be read, it was altered or not copied whole: {error.reason}") from error
    if key.algorithm is not algorithm:
        raise MalformedPolicy(_OTHER_KIND[algorithm])
    return key


def _refuse_duplicate(key: VerifierKey, others: Iterable[VerifierKey]) -> None:
    if any(key.public == other.public for other in others):
        raise MalformedPolicy("the key stands in a line before as well")


def _threshold(count: str, members: int) -> int:
    threshold = {"all": members, "any": 1}.get(count)
    if threshold is None and _COUNT.fullmatch(count):
        threshold = int(count)
    if threshold is None or not 1 <= threshold <= members:
        raise MalformedPolicy(f"a threshold is all, any, or a number from 1 to {members}, as many as there are members")
    return threshold
