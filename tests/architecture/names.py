"""What files, folders and packages may be called, and that each file says what it is for."""

import ast
import sys
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from tests.architecture.tree import RINGS, Tree

TOP_LEVEL = ("shared", "core", "ports", "app", "adapters", "concordat", "tests", "benchmarks")
_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "managers"}


def package_in_cmd(tree: Tree) -> list[str]:
    """An __init__.py in cmd/ would shadow the standard library's cmd, which pdb imports."""
    return [path for path in tree.files if path == "cmd/__init__.py"]


def names_that_say_nothing(tree: Tree) -> list[str]:
    found = []
    for path in tree.files:
        pure = PurePosixPath(path)
        words = {part.strip("_").lower() for part in (*pure.parts[:-1], pure.name.split(".")[0])}
        if words & _SAY_NOTHING:
            found.append(path)
    return found


def folders_without_init(tree: Tree) -> list[str]:
    """import-linter and mypy see a folder of a ring as a package only with an __init__.py."""
    folders = {str(PurePosixPath(source.path).parent) for source in tree.below(*RINGS)}
    return sorted(folder for folder in folders if f"{folder}/__init__.py" not in tree.files)


def modules_without_docstring(tree: Tree) -> list[str]:
    """Every Python file with code in it starts with what it may hold."""
    silent = (source for source in tree.sources if source.tree.body and ast.get_docstring(source.tree) is None)
    return [source.path for source in silent]


def shared_files_over(tree: Tree, limit: int) -> list[str]:
    """`shared/` stays small: everything in it can be seen from everywhere."""
    files = [source.path for source in tree.below("shared") if not source.path.endswith("__init__.py")]
    return files if len(files) > limit else []


def clashes(ours: Iterable[str], installed: Mapping[str, Iterable[str]], own: str = "concordat") -> list[str]:
    """Our top-level packages that the standard library or an installed distribution also calls its own.

    `installed` maps an import name to distributions, as importlib.metadata.packages_distributions() does.
    """
    found = [f"{name}: the standard library" for name in ours if name in sys.stdlib_module_names]
    for name in ours:
        found += [f"{name}: {distribution}" for distribution in installed.get(name, ()) if distribution != own]
    return sorted(found)
