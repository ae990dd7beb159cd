"""Applies unified diffs: a hunk goes where its old lines stand, nearest to the line that it names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HUNK = re.compile(r"@@ -(?P<line>\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")
NOTHING = "/dev/null"


class DoesNotApply(AssertionError):
    """The old lines of a hunk do not stand in the file any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePatch:
    """The hunks for one file: where each should begin, its old lines and its new ones."""

    path: str
    is_new: bool
    hunks: tuple[tuple[int, list[str], list[str]], ...]


def parse(text: str) -> list[FilePatch]:
    """One FilePatch per pair of `---` and `+++` lines."""
    found = []
    for part in re.split(r"^--- ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        path = lines[1].removeprefix("+++ b/")
        found.append(FilePatch(path=path, is_new=lines[0] == NOTHING, hunks=tuple(_hunks(lines[2:]))))
    return found


def apply(text: str, root: Path) -> list[str]:
    """Change the tree below `root`; returns the paths of the files that were changed or made."""
    patches = parse(text)
    for patch in patches:
        target = root / patch.path
        if target.exists() == patch.is_new:
            raise DoesNotApply(f"{patch.path} {'exists already' if patch.is_new else 'does not exist'}")
        lines = [] if patch.is_new else target.read_text(encoding="utf-8").splitlines()
        for at, old, new in reversed(patch.hunks):
            start = _place(lines, old, at, patch.path)
            lines[start : start + len(old)] = new
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [patch.path for patch in patches]


def _hunks(lines: list[str]) -> Iterator[tuple[int, list[str], list[str]]]:
    starts = [number for number, line in enumerate(lines) if line.startswith("@@")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        header = _HUNK.match(lines[start])
        if header is None:
            raise DoesNotApply(f"not the head of a hunk: {lines[start]}")
        body = lines[start + 1 : end]
        old = [line[1:] for line in body if not line.startswith("+")]
        yield int(header["line"]), old, [line[1:] for line in body if not line.startswith("-")]


def _place(lines: list[str], old: list[str], at: int, path: str) -> int:
    places = [start for start in range(len(lines) - len(old) + 1) if lines[start : start + len(old)] == old]
    if not places:
        raise DoesNotApply(f"{path}: these lines do not stand in it any more:\n" + "\n".join(old))
    return min(places, key=lambda place: abs(place + 1 - at))
