"""Names of files and packages: nothing shadows, nothing clashes, nothing is called utils."""

from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture import names
from tests.architecture.planted import plant
from tests.architecture.tree import Tree, repository


def _crowded_shared(tree: Tree) -> list[str]:
    return names.shared_files_over(tree, 8)


@pytest.mark.parametrize(
    "check",
    [
        names.package_in_cmd,
        names.names_that_say_nothing,
        names.folders_without_init,
        names.modules_without_docstring,
        names.names_bound_twice,
        _crowded_shared,
    ],
)
def test_repository_keeps_the_rules_of_naming(check: Callable[[Tree], list[str]]) -> None:
    assert check(repository()) == []


def test_no_top_level_package_clashes_with_an_installed_one() -> None:
    assert names.clashes(names.TOP_LEVEL, packages_distributions()) == []


def test_clash_with_a_distribution_or_the_standard_library_is_reported() -> None:
    installed = {"core": ["planted"], "concordat": ["concordat"], "rich": ["rich"]}
    assert names.clashes(["core", "concordat", "cmd"], installed) == ["cmd: the standard library", "core: planted"]


def test_init_in_cmd_is_reported(tmp_path: Path) -> None:
    assert names.package_in_cmd(plant(tmp_path, {"cmd/__init__.py": ""})) == ["cmd/__init__.py"]


def test_file_or_folder_that_says_nothing_is_reported(tmp_path: Path) -> None:
    bad = ["app/utils.py", "core/_helpers.py", "docs/misc.md", "shared/common/time.py", "shared/manager.py"]
    tree = plant(tmp_path, dict.fromkeys([*bad, "core/database.py", "core/baseline.py"], ""))
    assert names.names_that_say_nothing(tree) == bad


def test_folder_of_a_ring_without_init_is_reported_and_cmd_is_free(tmp_path: Path) -> None:
    files = {"core/__init__.py": "", "core/log/tree.py": "", "cmd/concordat/__init__.py": "", "tests/a/b.py": ""}
    assert names.folders_without_init(plant(tmp_path, files)) == ["core/log"]


def test_module_without_docstring_is_reported_and_an_empty_one_is_not(tmp_path: Path) -> None:
    files = {"core/__init__.py": "", "core/a.py": "x = 1\n", "core/b.py": '"""Says it."""\nx = 1\n'}
    assert names.modules_without_docstring(plant(tmp_path, files)) == ["core/a.py"]


def test_ninth_file_in_shared_is_reported(tmp_path: Path) -> None:
    eight = {f"shared/{letter}.py": "" for letter in "abcdefgh"} | {"shared/__init__.py": ""}
    assert _crowded_shared(plant(tmp_path, eight)) == []
    assert len(_crowded_shared(plant(tmp_path, {"shared/i.py": ""}))) == 9


def test_name_that_a_module_binds_twice_is_reported(tmp_path: Path) -> None:
    files = {
        "core/a.py": "_WAITING = 1\nx, y = 1, [z for z in ()]\n_WAITING = 2\n",
        "core/b.py": "def f(): ...\nclass f: ...\nf: int = 1\n",
        "core/c.py": "from a import b\nfor b in ():\n    pass\n",
        "core/d.py": "try:\n    import a\nexcept ImportError:\n    a = None\nif a:\n    b = 1\nelse:\n    b = 2\n",
        "core/e.py": "import a.b\nimport a.c\nz = [z for z in ()]\ndef g():\n    z = 1\nclass C:\n    z = 1\n",
        "core/f.py": "@overload\ndef f(): ...\n@overload\ndef f(): ...\ndef f(): ...\n",
    }
    assert names.names_bound_twice(plant(tmp_path, files)) == [
        "core/a.py:3: _WAITING",
        "core/b.py:2: f",
        "core/b.py:3: f",
        "core/c.py:2: b",
    ]
