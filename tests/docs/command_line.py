"""The command line as the documentation may name it: commands, sub-commands and their options."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import typer

from concordat.main import command_line


@cache
def root() -> Any:
    """The whole command line; Any, since Typer brings a Click of its own."""
    return typer.main.get_command(command_line())


def top_level() -> Iterator[tuple[str, str]]:
    """Every command with the first sentence of its help; a group is told by its sub-commands."""
    for name, command in root().commands.items():
        if hasattr(command, "commands"):
            for inner, each in command.commands.items():
                yield f"{name} {inner}", first_sentence(each.help)
        else:
            yield name, first_sentence(command.help)


def first_sentence(text: str) -> str:
    paragraph = " ".join(text.split("\n\n", maxsplit=1)[0].split())
    return paragraph.partition(". ")[0].rstrip(".") + "."


def misnamed(words: list[str]) -> str | None:
    """What is wrong with a line that begins with `concordat`, whose other words these are; None if nothing is."""
    command = root()
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        found = command.commands.get(words[0])
        if found is None:
            return f"there is no command {words[0]}"
        command, words = found, words[1:]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
    return f"{command.name} has no option {unknown[0]}" if unknown else None
