"""A checkout as the checkers see it: a root folder, the files that belong to it, and Python files parsed once."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

RINGS = ("shared", "core", "ports", "app", "adapters", "cmd/concordat")
PURE_RINGS = ("shared", "core", "ports", "app")
REPOSITORY = Path(__file__).parents[2]
_GENERATED = ("_pb2.py", "_pb2_grpc.py")
_IGNORED = {".git", ".venv", ".venv-dev", "node_modules", "__pycache__"}


@dataclass(frozen=True)
class Source:
    """One Python file: its path relative to the root, in POSIX form, its text and its syntax tree."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def stem(self) -> str:
        """The name that imports use last: a package goes by its folder."""
        parts = Path(self.path)
        return parts.parent.name if parts.name == "__init__.py" else parts.stem

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())


class Tree:
    """The files below a root that git tracks or would track; without git, all that are no caches."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def files(self) -> tuple[str, ...]:
        found = self._from_git() if (self.root / ".git").exists() else self._from_disk()
        return tuple(sorted(path for path in found if (self.root / path).is_file()))

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Every Python file that people write; generated ones are left out."""
        paths = [path for path in self.files if path.endswith(".py") and not path.endswith(_GENERATED)]
        return tuple(Source(path, (self.root / path).read_text(encoding="utf-8")) for path in paths)

    def below(self, *folders: str) -> Iterator[Source]:
        """The Python files in these folders, all levels down."""
        starts = tuple(f"{folder}/" for folder in folders)
        return (source for source in self.sources if source.path.startswith(starts))

    def texts(self) -> Iterator[tuple[str, str]]:
        """Path and content of every file that is text."""
        for path in self.files:
            content = (self.root / path).read_bytes()
            if b"\0" not in content:
                yield path, content.decode("utf-8", errors="replace")

    def _from_git(self) -> list[str]:
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=self.root,
            check=True,
            capture_output=True,
            text=True,
        )
        return [path for path in listing.stdout.split("\0") if path]

    def _from_disk(self) -> list[str]:
        relative = (path.relative_to(self.root) for path in self.root.rglob("*"))
        return [path.as_posix() for path in relative if not _IGNORED.intersection(path.parts)]


@cache
def repository() -> Tree:
    """This checkout, read and parsed once for all checkers."""
    return Tree(REPOSITORY)
