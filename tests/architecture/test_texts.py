"""No tracked text names a package index or one machine's folders; locks are pinned; checkers are rarely silenced."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import ratchet, texts
from tests.architecture.planted import plant
from tests.architecture.tree import Tree, repository

_DIGEST = "0" * 64


@pytest.mark.parametrize("check", [texts.index_hosts, texts.machine_paths, texts.loose_locks])
def test_repository_names_no_place_of_its_makers(check: Callable[[Tree], list[str]]) -> None:
    assert check(repository()) == []


def test_checkers_are_told_to_look_away_no_more_often_than_the_ratchet_says() -> None:
    assert texts.pragmas(repository()) == ratchet.PRAGMAS, (
        "remove one; where one went, lower tests/architecture/ratchet.py"
    )


def test_package_index_is_reported(tmp_path: Path) -> None:
    hosts = ["pypi" + ".org", "files.pythonhosted" + ".org", "registry.npmjs" + ".org"]
    tree = plant(tmp_path, {"docs/a.md": "\n".join(f"see {host}/x" for host in hosts), "docs/b.md": "example.org\n"})
    assert texts.index_hosts(tree) == [f"docs/a.md:{line}: {host}" for line, host in enumerate(hosts, start=1)]


def test_path_of_one_machine_is_reported_and_a_route_is_not(tmp_path: Path) -> None:
    bad = ["/ho" + "me/ada/x", "cd /wo" + "rk/main", "/Us" + "ers/ada", "C:" + "\\Users\\ada"]
    tree = plant(tmp_path, {"a.txt": "\n".join(bad), "b.txt": "/v1/home/x\n./work/x\nhttps://a.example/home/x\n"})
    assert [line.split(":")[1] for line in texts.machine_paths(tree)] == ["1", "2", "3", "4"]


def test_lock_with_a_url_an_index_or_without_hashes_is_reported(tmp_path: Path) -> None:
    good = f"a==1 \\\n    --hash=sha256:{_DIGEST}\nb==2 ; sys_platform == 'win32' \\\n    --hash=sha256:{_DIGEST} \\\n"
    bad = ["--index-url x", "a @ https:" + "//a.example/a.whl", "b==1", "c>=1 \\", "    # via a"]
    files = {"requirements/a.lock": good, "requirements/b.lock": "\n".join(bad), "requirements/c.lock": ""}
    files["web/package-lock.json"] = '{"resolved": "https:' + '//a.example"}'
    found = [line.split(" ")[0] for line in texts.loose_locks(plant(tmp_path, files))]
    assert found == [
        *[f"requirements/b.lock:{n}:" for n in range(1, 6)],
        "requirements/c.lock:",
        "web/package-lock.json:",
    ]


def test_pragmas_are_counted_in_comments_only(tmp_path: Path) -> None:
    look_away = {"x": "no" + "qa: F401", "y": "type: ig" + "nore[arg-type]", "z": "pragma: no " + "cover"}
    lines = [f"{name} = 1  # {pragma}\n" for name, pragma in look_away.items()]
    tree = plant(tmp_path, {"core/a.py": "".join(lines) + 's = "# no' + 'qa"\n'})
    assert texts.pragmas(tree) == {"noqa": 1, "type: ignore": 1, "pragma: no cover": 1}
