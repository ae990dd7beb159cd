"""How long things are: files, functions, use cases, manifests. Each checker returns what is over its limit."""

import ast
from collections.abc import Iterator

from tests.architecture.tree import Source, Tree

FILE_LIMIT = 400
FUNCTION_LIMIT = 40
USE_CASE_LIMIT = 25
MANIFEST_LIMIT = 60


def long_files(tree: Tree) -> dict[str, int]:
    return {source.path: source.lines for source in tree.sources if source.lines > FILE_LIMIT}


def long_functions(tree: Tree) -> dict[str, int]:
    found = {}
    for source in tree.sources:
        for name, function in _functions(source):
            if _length(function) > FUNCTION_LIMIT:
                found[f"{source.path}::{name}"] = _length(function)
    return found


def long_use_cases(tree: Tree) -> dict[str, int]:
    """Methods of the app ring whose first parameter is the caller."""
    found = {}
    for source in tree.below("app"):
        for name, function in _functions(source):
            parameters = [argument.arg for argument in function.args.args]
            if parameters[:2] == ["self", "caller"] and _length(function) > USE_CASE_LIMIT:
                found[f"{source.path}::{name}"] = _length(function)
    return found


def long_manifests(tree: Tree) -> dict[str, int]:
    manifests = tree.below("cmd/concordat/modules")
    return {source.path: source.lines for source in manifests if source.lines > MANIFEST_LIMIT}


def _functions(source: Source) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function with its qualified name, inner ones too."""
    waiting: list[tuple[str, ast.AST]] = [("", source.tree)]
    while waiting:
        prefix, parent = waiting.pop()
        for node in ast.iter_child_nodes(parent):
            name = (
                f"{prefix}{node.name}."
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                else prefix
            )
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield name.rstrip("."), node
            waiting.append((name, node))


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end; the docstring is free, so that nobody saves lines there."""
    first = function.body[0]
    documented = ast.get_docstring(function, clean=False) is not None
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring
