"""The worked example of CONTRIBUTING.md, a new field of a club, touches at most four files and does what it says."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.architecture.tree import REPOSITORY, Tree
from tests.docs import patches
from tests.docs.pages import Page
from tests.support.processes import Process, clean_environment

EXAMPLE = "docs/examples/add-a-club-field"
PATCH = (REPOSITORY / EXAMPLE / "club.patch").read_text(encoding="utf-8")
MOST_FILES = 4

_NEEDED = ("shared/", "core/", "ports/", "app/", "adapters/", "cmd/", "configs/", "tests/", "pyproject.toml", "LICENSE")
_CLUB = {
    "slug": "harbour",
    "name": "Harbour",
    "zone": "Europe/London",
    "currency": "GBP",
    "position": {"latitude_microdegrees": 50_909_700, "longitude_microdegrees": -1_404_400},
    "dress_code": "Jacket in the evening",
}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the patch applied."""
    root = tmp_path_factory.mktemp("tree")
    for path in Tree(REPOSITORY).files:
        if path.startswith(_NEEDED):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / path, root / path)
    patches.apply(PATCH, root)
    return root


def _run(root: Path, *arguments: str) -> str:
    """What a Python that knows this tree alone prints."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=root,
        env=_environment(root),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _environment(root: Path) -> dict[str, str]:
    ports = {f"CONCORDAT_{name}_PORT": "0" for name in ("HTTP", "GRPC", "ADMIN")}
    home = {"HOME": str(root / "home"), "CONCORDAT_DATA_FOLDER": str(root / "data")}
    return clean_environment(PYTHONPATH=f"{root}:{root / 'cmd'}", **ports) | home


def test_field_of_a_club_touches_at_most_four_files() -> None:
    touched = {patch.path for patch in patches.parse(PATCH)}
    assert len({path for path in touched if not path.startswith(("tests/", "docs/"))}) <= MOST_FILES


def test_changed_tree_passes_the_checks_that_are_about_it(changed: Path) -> None:
    _run(changed, "ruff", "check", "core/clubs", "app/clubs", "adapters/outbound/sql/clubs.py")
    _run(changed, "ruff", "format", "--check", "core/clubs", "app/clubs", "adapters/outbound/sql/clubs.py")
    _run(changed, "mypy", "core/clubs/club.py", "app/clubs/clubs.py")
    _run(
        changed,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/unit/clubs/test_club.py",
        "tests/unit/rest/test_openapi.py",
    )


def test_new_field_is_kept_shown_and_changed(changed: Path) -> None:
    argv = [sys.executable, "-m", "concordat", "serve"]
    with Process(argv, log=changed / "log", ready="Ctrl-C stops it", env=_environment(changed), cwd=changed) as server:
        said = server.output()
        url = re.search(r"http://\S+(?=/v1)", said)
        assert url is not None
        token = _run(changed, "concordat", "token", "--role", "operator").strip()
        with httpx2.Client(base_url=url[0], headers={"Authorization": f"Bearer {token}"}) as operator:
            founded = operator.post("/v1/clubs", json=_CLUB)
        assert founded.json()["dress_code"] == _CLUB["dress_code"], founded.text
        token = _run(changed, "concordat", "token", "--club", "harbour", "--role", "secretary").strip()
        with httpx2.Client(base_url=url[0], headers={"Authorization": f"Bearer {token}"}) as secretary:
            path = f"/v1/clubs/{founded.json()['id']}"
            shown = secretary.get(path)
            amended = secretary.patch(path, json={"dress_code": "None"}, headers={"If-Match": shown.headers["ETag"]})
            emptied = secretary.patch(path, json={"dress_code": None}, headers={"If-Match": amended.headers["ETag"]})
        assert shown.json() == founded.json()
        assert amended.json() == {**shown.json(), "dress_code": "None", "version": 2}
        assert emptied.json() == {**shown.json(), "dress_code": None, "version": 3}


def test_example_shows_the_patch_as_it_is() -> None:
    lines = PATCH.splitlines()
    shown = [block.text for block in Page(f"{EXAMPLE}/README.md").blocks if block.language == "diff"]
    assert len(shown) == len(patches.parse(PATCH))
    for text in shown:
        part = text.splitlines()
        assert any(lines[start : start + len(part)] == part for start in range(len(lines))), text


def test_patch_that_does_not_fit_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\ntwo\nthree\ntwo\nfour\n")
    patches.apply("--- a/a.py\n+++ b/a.py\n@@ -4 +4,2 @@\n two\n+more\n", tmp_path)
    assert (tmp_path / "a.py").read_text() == "one\ntwo\nthree\ntwo\nmore\nfour\n"
    with pytest.raises(patches.DoesNotApply, match="five"):
        patches.apply("--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-five\n+six\n", tmp_path)
    with pytest.raises(patches.DoesNotApply, match="exists already"):
        patches.apply("--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+six\n", tmp_path)
