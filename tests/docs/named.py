"""What the documentation names and the code has to know: links, commands, targets, variables, files, rules.

Each checker returns what is wrong, as `page:line: what`.
"""

import re
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from concordat.settings import IGNORED, PREFIX, Settings
from tests.architecture.tree import Tree
from tests.docs.command_line import misnamed
from tests.docs.pages import Page

_COMMAND = re.compile(r"(?:^|[\s`(/$])concordat(?P<words>(?: [^\s|;&<>)`]+)+)")
_TARGET = re.compile(r"(?:^|[\s`$])make (?P<target>[a-z]+)\b")
_VARIABLE = re.compile(rf"\b{PREFIX}[A-Z_]+\b")
_FILE = re.compile(r"[\w.-]+(?:/[\w.*-]+)*/?")
_RULE = re.compile(r"(?<![a-z0-9])(?:sh|mem|agr|let|vis|aud|set|id)[0-9]+(?![a-z0-9])")
_DECLARED = re.compile(r"^(?P<target>[a-z-]+):", re.MULTILINE)
_RUN_IN = {"console", "sh", "text"}


def broken_links(page: Page, pages: Collection[Page]) -> list[str]:
    """Targets that are not there; a link to the outside has to be https and is not followed."""
    known = {each.path: each for each in pages}
    return [f"{page.path}:{line}: {target}" for line, target in page.links if not _leads_somewhere(page, target, known)]


def unreachable(start: Page, pages: Collection[Page]) -> list[str]:
    """Pages that nobody finds who follows links from `start`."""
    known = {each.path: each for each in pages}
    waiting, seen = [start], {start.path}
    while waiting:
        page = waiting.pop()
        for _, target in page.links:
            path = _resolved(page, target.partition("#")[0])
            if path in known and path not in seen:
                seen.add(path)
                waiting.append(known[path])
    return sorted(known.keys() - seen)


def unknown_commands(page: Page) -> list[str]:
    return [
        f"{page.path}:{line}: concordat{words}: {wrong}"
        for line, text in _code(page)
        for words in (found["words"] for found in _COMMAND.finditer(text))
        if (wrong := misnamed(words.split()))
    ]


def unknown_targets(page: Page, makefile: str) -> list[str]:
    declared = {found["target"] for found in _DECLARED.finditer(makefile)}
    return [
        f"{page.path}:{line}: make {found['target']}"
        for line, text in _code(page)
        for found in _TARGET.finditer(text)
        if found["target"] not in declared
    ]


def unknown_variables(page: Page) -> list[str]:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    return [
        f"{page.path}:{number}: {variable}"
        for number, line in enumerate(page.text.splitlines(), start=1)
        for variable in _VARIABLE.findall(line)
        if variable not in known and not variable.startswith(IGNORED)
    ]


def unknown_files(page: Page, tree: Tree) -> list[str]:
    """Paths in spans of code that begin with a folder of the tree; a star stands for any name."""
    folders = {path.split("/")[0] for path in tree.files if "/" in path}
    known = {*tree.files, *(f"{parent}/" for path in tree.files for parent in map(str, PurePosixPath(path).parents))}
    return [
        f"{page.path}:{line}: {span}"
        for line, span in page.code_spans
        if _FILE.fullmatch(span) and "/" in span and span.split("/")[0] in folders
        if not any(PurePosixPath(each).match(span) for each in known) and span not in known
    ]


def rules_in(text: str) -> set[str]:
    """The ids of the rules that a text cites."""
    return set(_RULE.findall(text))


def _leads_somewhere(page: Page, target: str, known: dict[str, Page]) -> bool:
    if "://" in target:
        return target.startswith("https://")
    path, _, anchor = target.partition("#")
    resolved = _resolved(page, path)
    if anchor:
        return resolved in known and anchor in known[resolved].anchors
    return (page.root / resolved).exists()


def _resolved(page: Page, path: str) -> str:
    """The path from the root that a relative link means; the page itself for an anchor alone."""
    if not path:
        return page.path
    parts: list[str] = [] if path.startswith("/") else list(PurePosixPath(page.path).parent.parts)
    for part in PurePosixPath(path).parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _code(page: Page) -> Iterator[tuple[int, str]]:
    """Every line that a reader could type: spans of code, and blocks of commands."""
    yield from page.code_spans
    for block in page.blocks:
        if block.language in _RUN_IN:
            for offset, line in enumerate(block.text.splitlines()):
                # In a console, what is printed names things as it likes.
                if block.language != "console" or line.startswith(("$ ", "> ")):
                    yield block.line + offset, line
