"""What asks the Unicode tables of one Python: peers of a consortium run the contract on several versions of it.

Tables grow with each version (15.1 knows characters that 14.0 does not), so two peers would answer differently, and the
transaction would get no endorsements.
"""

import ast
import re
from collections.abc import Iterator

from tests.architecture.tree import Source, Tree

_DETERMINISTIC = ("shared", "core/log", "adapters/inbound/chaincode")
_FOR_PEOPLE = "core/log/audit/"
"""Reports of an audit, which no peer compares."""

_MODULES = {"unicodedata", "locale", "stringprep"}
_METHODS = {
    "capitalize",
    "casefold",
    "isalnum",
    "isalpha",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "lower",
    "splitlines",
    "swapcase",
    "title",
    "upper",
}
_WITH_ARGUMENTS_ONLY = {"lstrip", "rsplit", "rstrip", "split", "strip"}
"""Without any they look for white space."""

_QUOTING = {"repr", "ascii"}
_CLASSES = re.compile(r"(?<!\\)(?:\\\\)*\\[wWdDsSbB]")


def uses_of_unicode_tables(tree: Tree) -> list[str]:
    """Methods and functions of text, and classes in patterns, whose result depends on the tables."""
    return [
        f"{source.path}:{line}: {what}"
        for source in tree.below(*_DETERMINISTIC)
        if not source.path.startswith(_FOR_PEOPLE)
        for line, what in sorted(_uses(source))
    ]


def _uses(source: Source) -> Iterator[tuple[int, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {node.module or ""} if isinstance(node, ast.ImportFrom) else {each.name for each in node.names}
            yield from ((node.lineno, name) for name in names & _MODULES)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            # A method of text that is handed on, or a flag.
            if (node.value.id == "str" and node.attr in _METHODS) or node.attr == "IGNORECASE":
                yield node.lineno, node.attr
        elif isinstance(node, ast.FormattedValue) and node.conversion in {ord("r"), ord("a")}:
            yield node.lineno, "!r"
        elif isinstance(node, ast.Call):
            yield from _calls(node)


def _calls(node: ast.Call) -> Iterator[tuple[int, str]]:
    called = node.func
    if isinstance(called, ast.Name) and called.id in _QUOTING:
        yield node.lineno, called.id
    if not isinstance(called, ast.Attribute):
        return
    if called.attr in _METHODS or (called.attr in _WITH_ARGUMENTS_ONLY and not node.args):
        yield node.lineno, called.attr
    if isinstance(called.value, ast.Name) and called.value.id == "re" and not _is_ascii(node):
        patterns = (each.value for each in node.args[:1] if isinstance(each, ast.Constant))
        yield from ((node.lineno, one) for one in patterns if isinstance(one, str) and _CLASSES.search(one))


def _is_ascii(node: ast.Call) -> bool:
    flags = {each.attr for flag in node.args[1:] for each in ast.walk(flag) if isinstance(each, ast.Attribute)}
    return "ASCII" in flags
