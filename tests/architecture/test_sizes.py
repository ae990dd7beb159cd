"""Files, functions, use cases and manifests stay short; the exceptions are counted in the ratchet and only shrink."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import ratchet, sizes
from tests.architecture.planted import plant
from tests.architecture.tree import Tree, repository

_CHECKS = [
    pytest.param(sizes.long_files, ratchet.FILE_LINES, id="files"),
    pytest.param(sizes.long_functions, ratchet.FUNCTION_LINES, id="functions"),
    pytest.param(sizes.long_use_cases, ratchet.USE_CASE_LINES, id="use cases"),
    pytest.param(sizes.long_manifests, ratchet.MANIFEST_LINES, id="manifests"),
]


def _statements(count: int, indent: int) -> str:
    return "".join(f"{' ' * indent}x{number} = {number}\n" for number in range(count))


@pytest.mark.parametrize(("check", "allowed"), _CHECKS)
def test_nothing_is_longer_than_the_ratchet_says(
    check: Callable[[Tree], dict[str, int]], allowed: dict[str, int]
) -> None:
    assert check(repository()) == allowed, (
        "split what grew; where something shrank, lower tests/architecture/ratchet.py"
    )


def test_long_file_is_reported(tmp_path: Path) -> None:
    tree = plant(tmp_path, {"core/a.py": _statements(400, 0), "core/b.py": _statements(401, 0)})
    assert sizes.long_files(tree) == {"core/b.py": 401}


def test_long_function_is_reported_wherever_it_hides(tmp_path: Path) -> None:
    body = f"class A:\n    def fits(self):\n{_statements(39, 8)}    async def grew(self):\n{_statements(40, 8)}"
    nested = f"def outer():\n    def inner():\n{_statements(40, 8)}"
    tree = plant(tmp_path, {"core/a.py": body, "tests/test_b.py": nested})
    assert sizes.long_functions(tree) == {
        "core/a.py::A.grew": 41,
        "tests/test_b.py::outer": 42,
        "tests/test_b.py::outer.inner": 41,
    }


def test_docstring_does_not_count_as_length(tmp_path: Path) -> None:
    documented = f'def f():\n    """One\n    two\n    three."""\n{_statements(39, 4)}'
    assert sizes.long_functions(plant(tmp_path, {"core/a.py": documented})) == {}


def test_long_use_case_is_reported_and_a_long_private_method_is_not(tmp_path: Path) -> None:
    body = _statements(25, 8)
    text = f"class Clubs:\n    async def join(self, caller, command):\n{body}    def _inner(self, rows):\n{body}"
    assert sizes.long_use_cases(plant(tmp_path, {"app/clubs.py": text})) == {"app/clubs.py::Clubs.join": 26}


def test_long_manifest_is_reported(tmp_path: Path) -> None:
    tree = plant(tmp_path, {"cmd/concordat/modules/clubs.py": _statements(61, 0)})
    assert sizes.long_manifests(tree) == {"cmd/concordat/modules/clubs.py": 61}
