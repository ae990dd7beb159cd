"""The pages on how something is done keep what they promise; in a file of their own, to run beside the others."""

from pathlib import Path

import pytest

from tests.docs.pages import Page
from tests.docs.sessions import Session

HOW_TO = (
    "docs/how-to/issue-tokens.md",
    "docs/how-to/back-up-and-restore.md",
    "docs/how-to/audit-a-log.md",
    "docs/how-to/erase-a-person.md",
    "docs/how-to/rotate-keys.md",
)


@pytest.mark.parametrize("path", HOW_TO)
def test_examples_of_a_page_print_what_it_says(path: str, tmp_path: Path) -> None:
    with Session(page=Page(path), folder=tmp_path) as session:
        session.play()
