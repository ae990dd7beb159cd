"""The Makefile finds a suitable Python, or says which one it needs and how to name it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import REPOSITORY
from tests.support.processes import clean_environment

OLD = 'import sys; sys.version_info = (3, 10, 12, "final", 0)'
WITHOUT_VENV = 'import sys; sys.modules["venv"] = None'
SUITABLE = "import sys"
NEEDS = "Concordat needs Python 3.11 or newer with the module venv, and none was found as "


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout in which nothing was made yet, beside a folder `bin` with what `make` calls and no Python."""
    (tmp_path / "checkout" / "requirements").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements/run.lock"):
        shutil.copy(REPOSITORY / name, tmp_path / "checkout" / name)
    for tool in ("cat", "cksum"):
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    return tmp_path


def pretend(tree: Path, name: str, kind: str) -> Path:
    """A command that is this Python, but for what `kind` changes in it first; it makes no environment."""
    command = tree / "bin" / name
    command.write_text(
        f"""#!/bin/sh
case "$1" in
-c) exec '{sys.executable}' -c '{kind}; exec(sys.argv[1])' "$2" ;;
--version) echo "Python of {name}" ;;
*) exit 3 ;;
esac
"""
    )
    command.chmod(0o755)
    return command


def make(tree: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    tool = shutil.which("make")
    assert tool is not None
    return subprocess.run(
        [tool, *words],
        cwd=tree / "checkout",
        env=clean_environment(PATH=str(tree / "bin")),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_make_run_names_the_python_it_needs_where_there_is_none(tree: Path) -> None:
    done = make(tree, "run")
    assert done.returncode == 2
    assert f"{NEEDS}python3.11 or python3.\n" in done.stderr
    assert "Install it (Debian, Ubuntu: python3.11 and python3.11-venv)" in done.stderr
    assert "or name it: make PYTHON=path/to/python3.11 run\n" in done.stderr
    assert not (tree / "checkout" / ".venv").exists()


@pytest.mark.parametrize("kind", [OLD, WITHOUT_VENV])
def test_make_takes_no_python_that_is_too_old_or_has_no_venv(tree: Path, kind: str) -> None:
    for name in ("python3.11", "python3"):
        pretend(tree, name, kind)
    done = make(tree, "run")
    assert done.returncode == 2
    assert f"{NEEDS}python3.11 or python3.\n" in done.stderr
    assert "Setting up" not in done.stdout


def test_make_goes_on_to_a_newer_python_behind_one_that_is_too_old(tree: Path) -> None:
    pretend(tree, "python3", OLD)
    pretend(tree, "python3.13", SUITABLE)
    done = make(tree, "run")
    assert "==> Setting up .venv with Python of python3.13 from requirements/run.lock" in done.stdout
    assert NEEDS not in done.stderr


@pytest.mark.parametrize("kind", [OLD, None])
def test_make_takes_the_python_that_is_named_and_no_other(tree: Path, kind: str | None) -> None:
    pretend(tree, "python3", SUITABLE)
    named = tree / "bin" / "mine"
    if kind is not None:
        pretend(tree, "mine", kind)
    done = make(tree, f"PYTHON={named}", "demo")
    assert done.returncode == 2
    assert f"{NEEDS}{named}.\n" in done.stderr
    assert "make PYTHON=path/to/python3.11 demo\n" in done.stderr
    pretend(tree, "mine", SUITABLE)
    assert "==> Setting up .venv with Python of mine" in make(tree, f"PYTHON={named}", "demo").stdout
