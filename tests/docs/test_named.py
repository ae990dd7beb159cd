"""What the documentation names is there: pages, commands, targets, variables, files; and its checkers have failed."""

import re
from pathlib import Path

import pytest

from adapters.outbound.sql.schema import OUTSIDE_ROW_LEVEL_SECURITY
from tests.architecture.planted import plant
from tests.architecture.tree import REPOSITORY, Tree, repository
from tests.docs import named
from tests.docs.pages import Page, all_pages

INVENTED = re.compile(r"forum|vault|NNNN|club_dress_code|NETWROK")
"""What pages name as an example of what could be there."""

PAGES = all_pages()
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_page_names_nothing_that_is_not_there(page: Page) -> None:
    found = [
        *named.broken_links(page, PAGES),
        *named.unknown_commands(page),
        *named.unknown_targets(page, MAKEFILE),
        *named.unknown_variables(page),
        *named.unknown_files(page, repository()),
    ]
    assert [each for each in found if not INVENTED.search(each)] == []


def test_every_page_is_found_from_the_front_page() -> None:
    assert named.unreachable(Page("README.md"), PAGES) == []


def test_the_rings_name_every_table_outside_row_level_security() -> None:
    page = (REPOSITORY / "docs/explanation/rings.md").read_text(encoding="utf-8")
    outside = page.partition("forced on every table but")[2].partition("Two more tables")[0]
    assert set(re.findall(r"`(\w+)`", outside)) == OUTSIDE_ROW_LEVEL_SECURITY


def _planted(root: Path, text: str) -> Page:
    plant(root, {"docs/page.md": text, "docs/other.md": "# Other page\n\n## `Second` part, really\n", "core/a.py": ""})
    return Page("docs/page.md", root)


def test_links_to_nowhere_are_reported(tmp_path: Path) -> None:
    page = _planted(
        tmp_path,
        "# A\n[1](other.md) [2](other.md#second-part-really) [3](#a) [4](../core/a.py) [5](https://a.example)\n"
        "[6](gone.md) [7](other.md#gone) [8](#gone) [9](http://a.example) `[10](gone.md)`\n",
    )
    found = named.broken_links(page, all_pages(tmp_path))
    assert found == [f"docs/page.md:3: {to}" for to in ("gone.md", "other.md#gone", "#gone", "http://a.example")]


def test_page_that_nobody_links_to_is_reported(tmp_path: Path) -> None:
    page = _planted(tmp_path, "# A\n[itself](page.md)\n")
    assert named.unreachable(page, all_pages(tmp_path)) == ["docs/other.md"]


def test_commands_options_and_targets_that_do_not_exist_are_reported(tmp_path: Path) -> None:
    page = _planted(
        tmp_path,
        "`concordat serve --role http`, `.venv/bin/concordat trust export -`, `make run`, make no words here\n"
        "`concordat serv` `concordat serve --rolle http` `concordat trust import` `make fun`\n",
    )
    assert [line.split(": ", 1)[1] for line in named.unknown_commands(page)] == [
        "concordat serv: there is no command serv",
        "concordat serve --rolle http: serve has no option --rolle",
        "concordat trust import: there is no command import",
    ]
    assert named.unknown_targets(page, "run: env\n") == ["docs/page.md:2: make fun"]


def test_variables_and_files_that_do_not_exist_are_reported(tmp_path: Path) -> None:
    page = _planted(
        tmp_path, "CONCORDAT_NETWORK CONCORDAT_SECRET_X CONCORDAT_NETWROK `core/a.py` `core/*.py` `core/b.py`"
    )
    assert named.unknown_variables(page) == ["docs/page.md:1: CONCORDAT_NETWROK"]
    assert named.unknown_files(page, Tree(tmp_path)) == ["docs/page.md:1: core/b.py"]


def test_fence_that_would_hide_an_example_is_refused(tmp_path: Path) -> None:
    for text in ("  ```console\n$ false\n  ```\n", "~~~sh\nfalse\n~~~\n", "```console\n$ false\n"):
        page = _planted(tmp_path, text)
        with pytest.raises(ValueError, match="fence"):
            assert page.steps
