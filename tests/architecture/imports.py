"""Who may import whom, read from the syntax tree: deferred and conditional imports are seen as well.

The contracts of import-linter in pyproject.toml say the same of whole chains of imports.
"""

import ast
import sys
from collections.abc import Iterator

from tests.architecture.tree import PURE_RINGS, Source, Tree

_ALLOWED = {
    "shared": {"shared"},
    "core": {"core", "shared"},
    "ports": {"ports", "core", "shared"},
    "app": {"app", "ports", "core", "shared"},
}
_OURS = {"shared", "core", "ports", "app", "adapters", "concordat", "tests", "benchmarks"}


def foreign_imports(tree: Tree) -> list[str]:
    """Imports of the four inner rings other than the standard library and the rings further in."""
    found = []
    for source in tree.below(*PURE_RINGS):
        allowed = _ALLOWED[source.path.split("/", 1)[0]]
        for line, name in _imported(source):
            top = name.split(".", 1)[0]
            if top not in allowed and top not in sys.stdlib_module_names:
                found.append(f"{source.path}:{line}: {name}")
    return found


def impure_imports(tree: Tree) -> list[str]:
    """Modules of the standard library that bring I/O, a clock or randomness into `core/`."""
    banned = {
        "asyncio",
        "io",
        "logging",
        "os",
        "pathlib",
        "random",
        "secrets",
        "socket",
        "subprocess",
        "threading",
        "time",
    }
    return [
        f"{source.path}:{line}: {name}"
        for source in tree.below("core")
        for line, name in _imported(source)
        if name.split(".", 1)[0] in banned
    ]


def core_modules_that_meet(tree: Tree) -> list[str]:
    """Packages of `core/` that import each other."""
    packages = {source.path.split("/")[1] for source in tree.below("core") if source.path.count("/") > 1}
    found = []
    for source in tree.below("core"):
        own = source.path.split("/")[1]
        for line, name in _imported(source):
            parts = name.split(".")
            if own in packages and parts[0] == "core" and len(parts) > 1 and parts[1] in packages - {own}:
                found.append(f"{source.path}:{line}: {name}")
    return found


def deferred_imports(tree: Tree) -> list[str]:
    """Imports inside functions: they hide a cycle from every tool that reads the top of a file."""
    found = set()
    for source in tree.below(*PURE_RINGS):
        for function in ast.walk(source.tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Import | ast.ImportFrom):
                        found.add(f"{source.path}:{node.lineno}")
    return sorted(found)


def type_checking_imports(tree: Tree) -> list[str]:
    """TYPE_CHECKING hides a cycle as well, and breaks whoever reads annotations at run time."""
    found = set()
    for source in tree.below(*PURE_RINGS):
        for node in ast.walk(source.tree):
            match node:
                case ast.Attribute(attr="TYPE_CHECKING") | ast.alias(name="TYPE_CHECKING"):
                    found.add(f"{source.path}:{node.lineno}")
    return sorted(found)


def _imported(source: Source) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported; `from core import log` counts as core.log."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            whole = module.split(".", 1)[0] in _OURS and "." not in module
            yield from ((node.lineno, f"{module}.{alias.name}" if whole else module) for alias in node.names)
