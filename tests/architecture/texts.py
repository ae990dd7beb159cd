"""What no tracked text may carry: places on one machine, package indexes, unpinned locks, silenced checkers."""

import io
import re
import tokenize
from collections import Counter

from tests.architecture.tree import Tree

_INDEXES = re.compile(
    r"\b(?:[\w-]+\.)*(?:pypi\.(?:org|io)|pythonhosted\.org|registry\.(?:npmjs|yarnpkg)\.(?:org|com)|crates\.io"
    r"|proxy\.golang\.org)\b"
)
_MACHINE_PATHS = re.compile(r"(?<![\w.}*/-])(?:/(?:home|Users|root|work)/[\w.-]+|[A-Z]:\\Users\\)")
_PRAGMAS = {
    "noqa": re.compile(r"#.*\bnoqa\b"),
    "type: ignore": re.compile(r"#.*\btype:\s*ignore\b"),
    "pragma: no cover": re.compile(r"#.*\bpragma:\s*no\s*(?:cover|branch)\b"),
}
_PINNED = re.compile(r"[\w.-]+(?:\[[\w,.-]+\])?==\S+(?: ; [^\\]+)? \\")
_HASHED = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def index_hosts(tree: Tree) -> list[str]:
    """Which index serves the packages is the affair of whoever installs."""
    return _lines_with(tree, _INDEXES)


def machine_paths(tree: Tree) -> list[str]:
    return _lines_with(tree, _MACHINE_PATHS)


def loose_locks(tree: Tree) -> list[str]:
    """Lines of locks that are neither a pinned requirement nor its hash: a URL, an index, an option, a range."""
    found = []
    for path, text in tree.texts():
        if path.startswith("requirements/") and path.endswith(".lock"):
            lines = text.splitlines()
            for number, line in enumerate(lines, start=1):
                known = _PINNED.fullmatch(line) or _HASHED.fullmatch(line)
                if not known or "://" in line:
                    found.append(f"{path}:{number}: {line.strip()}")
            if not lines:
                found.append(f"{path}: empty")
        elif path.endswith((".lock", "-lock.json", "-lock.yaml")) and "://" in text:
            found.append(f"{path}: a URL")
    return found


def pragmas(tree: Tree) -> dict[str, int]:
    """How often a checker is told to look away, by kind; only comments count, not strings."""
    counted: Counter[str] = Counter(dict.fromkeys(_PRAGMAS, 0))
    for source in tree.sources:
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
            if token.type == tokenize.COMMENT:
                counted.update(kind for kind, pattern in _PRAGMAS.items() if pattern.search(token.string))
    return dict(counted)


def _lines_with(tree: Tree, pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path}:{number}: {match.group()}"
        for path, text in tree.texts()
        for number, line in enumerate(text.splitlines(), start=1)
        for match in pattern.finditer(line)
    ]
