"""The rings: checked on the syntax tree here, on chains of imports by the contracts of import-linter."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import imports
from tests.architecture.planted import plant
from tests.architecture.tree import REPOSITORY, RINGS, Tree, repository


@pytest.mark.parametrize(
    "check",
    [
        imports.foreign_imports,
        imports.impure_imports,
        imports.core_modules_that_meet,
        imports.deferred_imports,
        imports.type_checking_imports,
    ],
)
def test_repository_imports_only_inwards(check: Callable[[Tree], list[str]]) -> None:
    assert check(repository()) == []


def test_import_of_an_outer_ring_or_a_third_party_package_is_reported(tmp_path: Path) -> None:
    files = {
        "shared/a.py": "import json\nimport core.clubs\n",
        "core/b.py": "from shared import ids\nfrom pydantic.dataclasses import dataclass\n",
        "ports/c.py": "from core.clubs import visit\nimport app\n",
        "app/d.py": "from ports import ledger\nfrom adapters.outbound import sql\n",
        "adapters/outbound/sql/e.py": "import sqlalchemy\n",
    }
    assert imports.foreign_imports(plant(tmp_path, files)) == [
        "app/d.py:2: adapters.outbound",
        "core/b.py:2: pydantic.dataclasses",
        "ports/c.py:2: app",
        "shared/a.py:2: core.clubs",
    ]


def test_clock_or_io_in_the_core_is_reported(tmp_path: Path) -> None:
    files = {"core/a.py": "import time\nfrom pathlib import Path\nimport hashlib\n", "app/b.py": "import asyncio\n"}
    assert imports.impure_imports(plant(tmp_path, files)) == ["core/a.py:1: time", "core/a.py:2: pathlib"]


def test_core_packages_that_import_each_other_are_reported(tmp_path: Path) -> None:
    files = {
        "core/clubs/visit.py": "from core.clubs import member\nfrom core import log\nimport core.money\n",
        "core/log/tree.py": "import core.clubs.visit\n",
        "core/money.py": "",
    }
    found = ["core/clubs/visit.py:2: core.log", "core/log/tree.py:1: core.clubs.visit"]
    assert imports.core_modules_that_meet(plant(tmp_path, files)) == found


def test_deferred_import_is_reported(tmp_path: Path) -> None:
    files = {
        "app/a.py": "import json\n\n\nasync def late():\n    from core import log\n",
        "cmd/concordat/b.py": "def f():\n    import json\n",
    }
    assert imports.deferred_imports(plant(tmp_path, files)) == ["app/a.py:5"]


def test_type_checking_is_reported_under_either_spelling(tmp_path: Path) -> None:
    files = {
        "ports/a.py": "import typing\n\nif typing.TYPE_CHECKING:\n    import json\n",
        "ports/b.py": "from typing import TYPE_CHECKING as T\n\nif T:\n    import json\n",
    }
    assert imports.type_checking_imports(plant(tmp_path, files)) == ["ports/a.py:3", "ports/b.py:1"]


_CLEAN = {
    f"{ring}/__init__.py": "" for ring in (*RINGS, "adapters/inbound", "adapters/outbound", "core/clubs", "core/log")
} | {
    "adapters/outbound/sql/__init__.py": "import sqlalchemy\n",
    "adapters/outbound/fabric/__init__.py": "",
    "adapters/outbound/fabric/gateway/__init__.py": "import shared\n",
    "adapters/outbound/paseto/__init__.py": "",
    "adapters/outbound/paseto/tokens.py": "import pyseto\n",
    "cmd/concordat/container.py": "import dependency_injector\nimport adapters.outbound.sql\n",
}
_ONE_FAULT_FOR_EACH_CONTRACT = {
    "shared/a.py": "import core\n",
    "core/clubs/a.py": "import core.log\n",
    "app/a.py": "import structlog\n",
    "adapters/inbound/a.py": "import adapters.outbound\n",
    "adapters/outbound/a.py": "import app\n",
    "adapters/outbound/b.py": "import sqlalchemy\n",
    "adapters/outbound/c.py": "import pyseto\n",
    "adapters/outbound/fabric/gateway/a.py": "import ports\n",
    "cmd/concordat/a.py": "import dependency_injector.providers\n",
}


def _broken_contracts(root: Path) -> set[str]:
    """What the contracts of this repository say about another tree."""
    shutil.copy(REPOSITORY / "pyproject.toml", root)
    paths = os.pathsep.join([str(root), str(root / "cmd")])
    linter = Path(sys.executable).with_name("lint-imports")
    printed = subprocess.run(
        [linter, "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": paths, "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    verdicts = dict(re.findall(r"^(.+?) (KEPT|BROKEN)(?: \(.*\))?$", printed.stdout, re.MULTILINE))
    assert verdicts.keys() == _contracts(), printed.stdout + printed.stderr
    return {name for name, verdict in verdicts.items() if verdict == "BROKEN"}


def _contracts() -> set[str]:
    configured = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["name"] for contract in configured["tool"]["importlinter"]["contracts"]}


def test_every_contract_of_import_linter_is_kept_by_a_clean_tree(tmp_path: Path) -> None:
    plant(tmp_path, _CLEAN)
    assert _broken_contracts(tmp_path) == set()


def test_every_contract_of_import_linter_breaks_on_its_fault(tmp_path: Path) -> None:
    plant(tmp_path, _CLEAN | _ONE_FAULT_FOR_EACH_CONTRACT)
    assert _broken_contracts(tmp_path) == _contracts()
