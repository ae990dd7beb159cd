"""The command line: every command registers itself, and whatever goes wrong reaches a person as a sentence.

Imports stand inside, so that Ctrl-C is no traceback from the first moment on.
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

# As people need them; a command that is not named here comes after those that are.
ORDER = (
    *("serve", "demo", "token", "doctor", "migrate", "verify", "trust"),
    *("audit", "rebuild", "rotate_key", "parked", "settlement", "erase", "witness", "fabric", "chaincode"),
)
INTERRUPTED = 130
ASK_DOCTOR = "concordat doctor says which part is not right, and what to do."


def main() -> int:
    """Runs the command that the arguments name; returns the exit status."""
    try:
        return _run()
    except KeyboardInterrupt:
        return INTERRUPTED


def command_line(wanted: str = "") -> "typer.Typer":
    """The commands of this installation: each file of `commands/` is one, or a group.

    Where a file is called as the `wanted` command is, no other is loaded: each brings imports of its own.
    """
    import importlib
    import pkgutil

    import typer

    from concordat import commands

    app = typer.Typer(
        name="concordat",
        help="Concordat runs networks of reciprocal clubs: visits, agreements, and receipts that verify offline.",
        epilog="Start with: concordat serve. Exit status: 0 done, 1 refused or a check failed, 2 wrong usage.",
        rich_markup_mode="rich",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    _take_version(app)
    found = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    for name in (
        [wanted]
        if wanted in found
        else sorted(found, key=lambda each: (ORDER.index(each) if each in ORDER else len(ORDER), each))
    ):
        importlib.import_module(f"{commands.__name__}.{name}").register(app)
    return app


def _take_version(app: "typer.Typer") -> None:
    import typer

    def tell_version(wanted: bool) -> None:
        if wanted:
            from importlib.metadata import version

            typer.echo(f"Concordat {version('concordat')}")
            raise typer.Exit

    # With a callback the app is a group, also when it has one command only.
    @app.callback()
    def concordat(
        version: bool = typer.Option(
            False, "--version", help="Print the version and exit.", is_eager=True, callback=tell_version
        ),
    ) -> None: ...


def _run() -> int:
    from concordat.failures import REFUSED, Failure
    from concordat.garbage import leave_until_started
    from shared.errors import ConcordatError, Unavailable

    leave_until_started()
    try:
        command_line(next(iter(sys.argv[1:]), ""))()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else REFUSED
    except Failure as failure:
        return _tell(failure.sentence, failure.advice, failure.status)
    except ConcordatError as error:
        usual = ASK_DOCTOR if isinstance(error, Unavailable) else ""
        return _tell(str(error), str(error.parameters.get("remedy", usual)), REFUSED)
    except BrokenPipeError:
        return _nobody_reads()
    except OSError as error:
        return _tell_trouble(error)
    except Exception as error:
        return _tell_defect(error)
    return 0


def _nobody_reads() -> int:
    """Whoever read the output has seen enough; the rest must not be flushed into the closed pipe either."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _tell(sentence: str, advice: str, status: int) -> int:
    import typer

    typer.secho("Error: ", fg="red", bold=True, err=True, nl=False)
    typer.echo(sentence, err=True)
    if advice:
        typer.echo(advice, err=True)
    return status


def _tell_trouble(error: OSError) -> int:
    """A file or folder that somebody named, or that is somebody else's; or the output, of which no name is told."""
    import errno

    if error.filename is not None:
        return _tell(f"{error.filename} cannot be used: {error.strerror}.", "Check the path, and who may use it.", 1)
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}:
        return _tell(f"This cannot be written: {error.strerror}.", "Make room, or write it somewhere else.", 1)
    return _tell_defect(error)


def _tell_defect(error: Exception) -> int:
    """Nobody foresaw this; who looks into it gets the traceback, nobody else."""
    import os
    import traceback

    if os.environ.get("CONCORDAT_LOG_LEVEL", "").lower() == "debug":
        traceback.print_exception(error)
    sentence = f"This should not have happened: {type(error).__name__}: {error}"
    return _tell(sentence, "Run it again with CONCORDAT_LOG_LEVEL=debug to see where, and report it.", 1)
