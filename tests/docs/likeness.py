"""When two outputs say the same: what differs from run to run (ids, times, hashes, ports, folders) counts as equal."""

import re
from collections.abc import Mapping

_CHANGING = (
    # Columns are as wide as their longest cell, and lines are broken where they end.
    (re.compile(r"\s+"), " "),
    (re.compile(r"v4\.public\.[A-Za-z0-9_.-]+"), "<token>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| UTC)"), "<instant>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "<day>"),
    (re.compile(r"(?<![\w-])\d{4}-\d\d(?![\w-])"), "<month>"),
    (re.compile(r"(?<![\w-])[A-Za-z0-9_-]{43}(?![\w-])"), "<hash>"),
    (re.compile(r"(127\.0\.0\.1|localhost):\d+"), r"\1:<port>"),
    (re.compile(r"\b(harbour|summit)-[0-9a-f]{8}\b"), r"\1-<name>"),
    (re.compile(r"concordat-demo-\w+"), "concordat-demo-<name>"),
    # How much had been recorded when the ledger was next asked depends on the machine.
    (re.compile(r"\bcheckpoint of \d+ leaves"), "checkpoint of <count> leaves"),
    (re.compile(r"\bProcess \d+"), "Process <number>"),
    # How full the disk of whoever runs the tests is, and whether doctor warns of it.
    (re.compile(r"\b(?:ok|warning) disk \d+ % full (\([a-z, ]+\))(?: Make room, [^.]+\.)?"), r"disk <share> full \1"),
    (re.compile(r"\b\d+ serves this"), "<number> serves this"),
    (re.compile(r"\bworker [\w.-]+:\d+"), "worker <host and number>"),
    (re.compile(r"\(Postgres [\d.]+\)"), "(Postgres <version>)"),
    (re.compile(r"\(SQLite [\d.]+\)"), "(SQLite <version>)"),
    (re.compile(r"(postgresql://[a-z_]+):[^@\s]+@"), r"\1:<password>@"),
)


def general(text: str) -> str:
    """The text with a word in the place of everything that changes from run to run."""
    for pattern, word in _CHANGING:
        text = pattern.sub(word, text)
    return text.strip()


def alike(promised: str, found: str) -> bool:
    """Does the output keep what the page promises? `...` stands for any text, over several lines as well."""
    pattern = ".*?".join(re.escape(part) for part in general(promised).split("..."))
    return re.fullmatch(pattern, general(found), re.DOTALL) is not None


def readable(found: str, folders: Mapping[str, str]) -> str:
    """Output as a page may show it: folders of the test by the names that a reader would see."""
    for actual, shown in sorted(folders.items(), key=lambda pair: -len(pair[0])):
        found = found.replace(actual, shown)
    return "\n".join(line.rstrip() for line in found.strip("\n").splitlines())
