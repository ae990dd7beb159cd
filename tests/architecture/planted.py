"""Small trees with a known fault in them: a checker that was never seen to fail is not a checker."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from tests.architecture.tree import Tree


def plant(root: Path, files: Mapping[str, str]) -> Tree:
    """A tree with these files below `root`; contents are dedented."""
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dedent(content), encoding="utf-8")
    return Tree(root)
