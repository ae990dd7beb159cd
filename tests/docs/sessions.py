"""Plays a page as a reader would: commands in a terminal, one Python session, servers in terminals of their own.

A `console` block holds commands after `$ ` (further lines after `> `) with what they print; a `pycon` block is part of
the page's one Python session. Both are run, and what they print is compared with what the page says.
"""

import contextlib
import doctest
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.architecture.tree import REPOSITORY
from tests.docs.likeness import alike, readable
from tests.docs.pages import Block, Order, Page
from tests.support.processes import CONCORDAT, Process, clean_environment

STOP_WITHIN_SECONDS = 8.0
PRINTED_API = "127.0.0.1:8000"
"""What pages say; the test's server may have another port."""

_USUAL = {"API": PRINTED_API, "gRPC": "127.0.0.1:50051", "Admin": "127.0.0.1:8001"}
"""Where a server listens when nothing else has its ports: what its announcement shows in a page."""

_SERVES = re.compile(r"\bconcordat serve\b")
_RECIPE = re.compile(r"^(?P<target>[a-z]+):[^\n]*\n\t@exec \$\(RUN\)/(?P<command>[^\n]*?) \$\(ARGS\)$", re.MULTILINE)


class Differs(AssertionError):
    """A page says something else than what happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command or a statement, with what the page promises; lines are counted from 0 inside the page."""

    language: str
    source: str
    promised: str
    first_line: int
    end_line: int


class Shell:
    """One shell for all commands of a page, so that variables and `$?` last."""

    _MARK = "\x01done\x01"

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._child = subprocess.Popen(
            ["sh"],
            cwd=folder,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )

    def run(self, command: str) -> tuple[str, int]:
        """What the command prints, errors included, and its exit status."""
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write(f"{command}\n_status=$?; printf '{self._MARK}%s\\n' $_status; (exit $_status)\n")
        printed = ""
        for line in self._child.stdout:
            before, mark, status = line.partition(self._MARK)
            printed += before
            if mark:
                return printed, int(status)
        raise Differs(f"the shell ended during: {command}")

    def close(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait(STOP_WITHIN_SECONDS)


@dataclass(kw_only=True)
class Session:
    """A folder that looks like a checkout after `make run`, with a home of its own, and what runs in it."""

    page: Page
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)
    """Texts of the page that are something else in the test, such as the address of a database."""
    orders: Mapping[str, Callable[["Session"], None]] = field(default_factory=dict)
    """What comments in the page may ask for, besides to stop the servers."""
    servers: list[Process] = field(default_factory=list)
    printed: dict[Step, str] = field(default_factory=dict)
    _api: str = PRINTED_API

    def __post_init__(self) -> None:
        self.clone = self.folder / "concordat"
        (self.clone / ".venv").mkdir(parents=True)
        (self.clone / ".venv" / "bin").symlink_to(CONCORDAT.parent)
        (self.clone / "tests").symlink_to(REPOSITORY / "tests")
        home, temporary = self.folder / "home", self.folder / "tmp"
        home.mkdir()
        temporary.mkdir()
        self.folders = {str(home): "~", str(temporary): "/tmp", f"{self.clone}/": "", **_reversed(self.replaced)}
        ports = {f"CONCORDAT_{name}_PORT": "0" for name in ("HTTP", "GRPC", "ADMIN")}
        self._env = clean_environment(**ports, COLUMNS="120", **self.env)
        self._env |= {"HOME": str(home), "TMPDIR": str(temporary), "PATH": _without_concordat(self._env["PATH"])}
        self._shell = Shell(self.clone, self._env)
        self._names: dict[str, object] = {}

    def play(self, *, compare: bool = True) -> None:
        """Run every step of the page in order; raises Differs at the first that says something else."""
        status = 0
        for step in self.page.steps:
            if isinstance(step, Order):
                self._obey(step)
                continue
            for each in steps_of(step):
                if status and each.source != "echo $?":
                    raise Differs(f"{self.page.path}: before line {each.first_line + 1} a command ended with {status}")
                found, status = self._run(each)
                self.printed[each] = readable(found, self.folders)
                if compare and not alike(each.promised, self.printed[each]):
                    raise Differs(self._difference(each))
        if status:
            raise Differs(f"{self.page.path}: the last command ended with {status}")

    def rewritten(self) -> str:
        """The page with what was really printed; a promise with `...` in it is left as it is."""
        lines = self.page.text.splitlines()
        for step, printed in sorted(self.printed.items(), key=lambda pair: -pair[0].first_line):
            if "..." not in step.promised:
                lines[step.first_line : step.end_line] = printed.splitlines()
        return "\n".join(lines) + "\n"

    def _run(self, step: Step) -> tuple[str, int]:
        source = self._here(step.source)
        if step.language == "pycon":
            return self._evaluate(source), 0
        command = _without_make(source)
        if _SERVES.search(command) and not step.promised.startswith("Error: "):
            return self._serve(command), 0
        return self._shell.run(command)

    def export(self, **variables: str) -> None:
        """Set variables as `export` does, for commands and servers that follow."""
        self._env |= variables
        for name, value in variables.items():
            self._shell.run(f"export {name}={shlex.quote(value)}")

    def _here(self, source: str) -> str:
        source = source.replace(PRINTED_API, self._api)
        for said, actual in self.replaced.items():
            source = source.replace(said, actual)
        return source

    def _serve(self, command: str) -> str:
        """Start a server in a terminal of its own; what it announced is what the block shows."""
        log = self.folder / f"server-{len(self.servers)}.log"
        server = Process(
            ["sh", "-c", f"exec {command}"], log=log, ready="Ctrl-C stops it", env=self._env, cwd=self.clone
        )
        server.start()
        self.servers.append(server)
        announced = server.output()
        addresses = {name: found[2] for name in _USUAL if (found := _at(name, announced))}
        self.folders |= {actual: _USUAL[name] for name, actual in addresses.items()}
        self._api = addresses.get("API", self._api)
        return announced

    def _obey(self, order: Order) -> None:
        if order.order in self.orders:
            self.orders[order.order](self)
        elif order.order != "stop the servers":
            raise Differs(f"{self.page.path}:{order.line}: nobody knows how to: {order.order}")
        else:
            self._stop_servers(order)

    def _stop_servers(self, order: Order) -> None:
        for server in self.servers:
            if server.returncode is None:
                server.send(signal.SIGINT)
        for server in self.servers:
            if server.wait(within_seconds=STOP_WITHIN_SECONDS):
                raise Differs(f"{self.page.path}:{order.line}: a server ended with {server.returncode}")
        self.servers.clear()

    def _evaluate(self, source: str) -> str:
        """What the interactive interpreter would print."""
        output = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.chdir(self.clone), contextlib.redirect_stdout(output):
            patch.setenv("HOME", self._env["HOME"])
            try:
                exec(compile(source, self.page.path, "single"), self._names)  # noqa: S102
            except Exception:
                kind, error, _ = sys.exc_info()
                output.write("Traceback (most recent call last):\n  ...\n")
                output.write("".join(traceback.format_exception_only(kind, error)))
        return output.getvalue()

    def _difference(self, step: Step) -> str:
        return (
            f"{self.page.path}:{step.first_line}: {step.source}\n--- promised\n{step.promised}\n"
            f"--- printed\n{self.printed[step]}\n---"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self.servers:
            server.kill()
        self._shell.close()


def steps_of(block: Block) -> Iterator[Step]:
    """The commands or statements of a block; blocks in other languages have none."""
    if block.language == "pycon":
        yield from _statements(block)
    elif block.language == "console":
        yield from _commands(block)


def _statements(block: Block) -> Iterator[Step]:
    lines = block.text.splitlines()
    for example in doctest.DocTestParser().get_examples(block.text):
        first = example.lineno + 1
        while first < len(lines) and lines[first].startswith("..."):
            first += 1
        first += block.line - 1
        promised = example.want.rstrip("\n")
        end = first + len(promised.splitlines())
        yield Step(language="pycon", source=example.source, promised=promised, first_line=first, end_line=end)


def _commands(block: Block) -> Iterator[Step]:
    lines = block.text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    if starts[:1] != [0]:
        raise ValueError(f"line {block.line}: a console block begins with a command")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        source, first = [lines[start][2:]], start + 1
        while first < end and lines[first].startswith("> "):
            source.append(lines[first][2:])
            first += 1
        offset = block.line - 1
        yield Step(
            language="console",
            source="\n".join(source),
            promised="\n".join(lines[first:end]),
            first_line=offset + first,
            end_line=offset + end,
        )


def _without_make(command: str) -> str:
    """What `make run` and its like execute, once the environment is there."""
    if not command.startswith("make "):
        return command
    _, target, *arguments = shlex.split(command)
    recipes = {each["target"]: each["command"] for each in _RECIPE.finditer((REPOSITORY / "Makefile").read_text())}
    return " ".join([f".venv/bin/{recipes[target]}", *(argument.removeprefix("ARGS=") for argument in arguments)])


def _without_concordat(path: str) -> str:
    """A reader's path has no `concordat` on it, whatever environment runs the tests."""
    return os.pathsep.join(folder for folder in path.split(os.pathsep) if not (Path(folder) / "concordat").exists())


def _at(name: str, announced: str) -> re.Match[str] | None:
    return re.search(rf"^  {name} +(http://)?([\d.]+:\d+)", announced, re.MULTILINE)


def _reversed(replaced: Mapping[str, str]) -> dict[str, str]:
    return {actual: said for said, actual in replaced.items()}
