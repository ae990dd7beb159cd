"""Pages with examples keep what they promise: every command and statement is run, in order, as a reader would."""

from pathlib import Path

import pytest

from tests.docs.likeness import alike
from tests.docs.pages import Page, all_pages
from tests.docs.sessions import Differs, Session, steps_of
from tests.docs.test_sessions_fabric import PAGE as FABRIC
from tests.docs.test_sessions_how_to import HOW_TO
from tests.docs.test_sessions_postgres import PAGE as POSTGRES

EMBEDDED = (
    "README.md",
    "docs/tutorial.md",
    "docs/how-to/configure.md",
    "docs/how-to/verify-receipts.md",
    "docs/explanation/settlements.md",
)
"""Pages that need nothing but a folder."""


@pytest.mark.parametrize("path", EMBEDDED)
def test_examples_of_a_page_print_what_it_says(path: str, tmp_path: Path) -> None:
    with Session(page=Page(path), folder=tmp_path) as session:
        session.play()


def test_no_page_has_an_example_that_nobody_runs() -> None:
    with_examples = {
        page.path for page in all_pages() if any(step for block in page.blocks for step in steps_of(block))
    }
    assert with_examples == {*EMBEDDED, *HOW_TO, POSTGRES, FABRIC}


@pytest.mark.parametrize(
    ("language", "example"),
    [
        ("console", "$ echo one\ntwo"),
        ("console", "$ echo one && false\none"),
        ("pycon", ">>> 1 + 1\n3"),
        ("pycon", ">>> 1 / 0\n0"),
    ],
)
def test_page_that_says_something_else_is_reported(language: str, example: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(f"# Page\n\n```{language}\n{example}\n```\n")
    with Session(page=Page("page.md", tmp_path), folder=tmp_path / "played") as session, pytest.raises(Differs):
        session.play()


def test_commands_share_a_shell_and_statements_a_session(tmp_path: Path) -> None:
    told = (
        "```console\n$ name=ada; echo one > file\n$ echo $name\nada\n$ false\n$ echo $?\n1\n```\n"
        "```pycon\n>>> from pathlib import Path\n>>> for _ in range(2):\n...     print(Path('file').read_text())\n...\n"
        "one\n<BLANKLINE>\none\n<BLANKLINE>\n```\n"
    ).replace("<BLANKLINE>\n", "")
    (tmp_path / "page.md").write_text(told.replace(".read_text()", ".read_text().strip()"))
    with Session(page=Page("page.md", tmp_path), folder=tmp_path / "played") as session:
        session.play()
        assert session.rewritten() == session.page.text


def test_what_changes_from_run_to_run_counts_as_equal_and_nothing_else_does() -> None:
    promised = (
        "visit 01a1fd69-3d87-77fb-85df-5024d184f274 at 2026-11-21T09:21:35.000000Z on 127.0.0.1:8000, day 2026-11-21"
    )
    found = (
        "visit 01b2fd69-3d87-77fb-85df-5024d184f275 at 2027-01-02T10:00:00.123456Z on 127.0.0.1:4711, day 2027-01-02"
    )
    assert alike(promised, found)
    assert alike("one ... three", "one two\ntwo three")
    assert not alike(promised, found.replace("visit", "stay"))
    assert not alike("one", "one two")
