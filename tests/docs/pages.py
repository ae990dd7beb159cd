"""The documentation as the tests read it: pages, their headings, links, fenced blocks and generated parts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.architecture.tree import REPOSITORY

_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>[a-z]+)$")
_ANY_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *$")
_LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\((?P<target>[^)\s]+)\)")
_CODE_SPAN = re.compile(r"(?P<ticks>`+)(?P<code>.+?)(?P=ticks)")
_PART = re.compile(
    r"(?ms)(?P<head>^<!-- generated: (?P<name>[a-z-]+) -->\n)(?P<text>.*?)(?P<foot>^<!-- end of what is generated -->$)"
)
_SAID_TO_THE_TEST = re.compile(r"^<!-- test: (?P<order>[a-z ]+) -->$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block; `line` is the number of its first line of content."""

    language: str
    line: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a comment in a page tells the test to do at this place, where a reader does it by hand."""

    line: int
    order: str


@dataclass(frozen=True)
class Page:
    """One Markdown file of a tree; `path` is relative to `root`, in POSIX form."""

    path: str
    root: Path = REPOSITORY

    @property
    def file(self) -> Path:
        return self.root / self.path

    @cached_property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    @cached_property
    def steps(self) -> tuple[Block | Order, ...]:
        """Fenced blocks and orders to the test, as they follow each other."""
        return tuple(self._steps())

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(step for step in self.steps if isinstance(step, Block))

    @cached_property
    def prose(self) -> str:
        """The text with an empty line for each line of a fenced block."""
        lines = self.text.splitlines()
        for block in self.blocks:
            for number in range(block.line - 2, block.line + len(block.text.splitlines())):
                lines[number] = ""
        return "\n".join(lines)

    @cached_property
    def anchors(self) -> frozenset[str]:
        """The fragments that headings can be linked by, as GitHub makes them."""
        found: set[str] = set()
        for line in self.prose.splitlines():
            heading = _HEADING.match(line)
            if heading:
                anchor = slug(heading["title"])
                numbered = (anchor, *(f"{anchor}-{number}" for number in range(1, 100)))
                found.add(next(name for name in numbered if name not in found))
        return frozenset(found)

    @property
    def links(self) -> Iterator[tuple[int, str]]:
        """Line number and target of every link outside code."""
        for number, line in enumerate(self.prose.splitlines(), start=1):
            for link in _LINK.finditer(_CODE_SPAN.sub("``", line)):
                yield number, link["target"]

    @property
    def code_spans(self) -> Iterator[tuple[int, str]]:
        """Line number and content of every span of code in the prose."""
        for number, line in enumerate(self.prose.splitlines(), start=1):
            for span in _CODE_SPAN.finditer(line):
                yield number, span["code"]

    @property
    def generated(self) -> dict[str, str]:
        """The parts of the page that are made from the code, by name."""
        return {part["name"]: part["text"] for part in _PART.finditer(self.text)}

    def with_generated(self, parts: dict[str, str]) -> str:
        """The page's text with other content in its generated parts."""
        return _PART.sub(lambda part: part["head"] + parts[part["name"]] + part["foot"], self.text)

    def _steps(self) -> Iterator[Block | Order]:
        opened: re.Match[str] | None = None
        content: list[str] = []
        for number, line in enumerate(self.text.splitlines(), start=1):
            if opened is None:
                opened, content = _FENCE.match(line), []
                order = _SAID_TO_THE_TEST.match(line)
                if order:
                    yield Order(line=number, order=order["order"])
                if opened is None and _ANY_FENCE.match(line):
                    raise ValueError(f"{self.path}:{number}: a fence is three backticks and a language, not indented")
            elif line == opened["fence"]:
                yield Block(language=opened["language"], line=number - len(content), text="\n".join(content))
                opened = None
            else:
                content.append(line)
        if opened is not None:
            raise ValueError(f"{self.path}: a fenced block is not closed")


def slug(title: str) -> str:
    """The anchor of a heading: lower case, no punctuation, hyphens for spaces."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower().replace("`", "")
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def all_pages(root: Path = REPOSITORY) -> tuple[Page, ...]:
    """The front pages and everything below docs/."""
    front = [name for name in ("README.md", "CONTRIBUTING.md") if (root / name).is_file()]
    below = sorted(path.relative_to(root).as_posix() for path in (root / "docs").rglob("*.md"))
    return tuple(Page(path, root) for path in (*front, *below))
