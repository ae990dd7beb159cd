"""What files, folders and packages may be called, and that each file says what it is for."""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from tests.architecture.tree import RINGS, Tree

TOP_LEVEL = ("shared", "core", "ports", "app", "adapters", "concordat", "tests", "benchmarks")
_OWN_SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
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


def names_bound_twice(tree: Tree) -> list[str]:
    """A constant `_WAITING` was bound twice in a module once, and what read the first one read the second in silence.

    The branches of an `if` or a `try` are one statement: of those, one is run.
    """
    found = []
    for source in tree.sources:
        bound: set[str] = set()
        for statement in source.tree.body:
            names = _bound(statement)
            found += [f"{source.path}:{statement.lineno}: {name}" for name in sorted(names & bound)]
            bound |= names
    return found


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement of a module binds; an overload announces a function and binds none."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        overloads = any(isinstance(each, ast.Name) and each.id == "overload" for each in statement.decorator_list)
        return set() if overloads else {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {
            (each.asname or each.name).partition(".")[0]
            for each in statement.names
            if each.asname or "." not in each.name
        }
    stored = (node for node in _inside(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return {node.id for node in stored}


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """What runs in the module's own scope: not what functions, classes and comprehensions hold."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _OWN_SCOPES):
            yield from _inside(child)


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
