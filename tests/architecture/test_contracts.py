"""Every port has a suite, and every backend of the port runs it."""

from pathlib import Path

from tests.architecture.contracts import broken_promises
from tests.architecture.planted import plant
from tests.architecture.tree import repository

_SUITE = "class LedgerContract:\n    def make(self): ...\n    def test_it(self): ...\n"
_RUN = "class TestLocalLedger(LedgerContract):\n    def make(self): ...\n"
_WHOLE = {
    "ports/ledger.py": "class Ledger(Protocol): ...\n",
    "ports/caller.py": "class Caller: ...\n",
    "adapters/outbound/local/ledger.py": "",
    "adapters/outbound/local/settings.py": "",
    "tests/contracts/ledger.py": _SUITE,
    "tests/contracts/test_ledger_local.py": _RUN,
}


def _found(folder: Path, changes: dict[str, str], *, without: str = "") -> list[str]:
    files = {path: text for path, text in (_WHOLE | changes).items() if path != without}
    return broken_promises(plant(folder, files))


def test_every_port_has_a_suite_that_every_backend_runs() -> None:
    assert broken_promises(repository()) == []


def test_whole_tree_has_nothing_to_report(tmp_path: Path) -> None:
    assert _found(tmp_path, {}) == []


def test_port_without_a_suite_is_reported(tmp_path: Path) -> None:
    found = _found(tmp_path, {}, without="tests/contracts/ledger.py")
    assert found == ["ports/ledger.py: no suite tests/contracts/ledger.py"]


def test_generic_port_counts_as_a_port(tmp_path: Path) -> None:
    found = _found(tmp_path, {"ports/bus.py": "class Bus(Protocol[T]): ...\n"})
    assert found == ["ports/bus.py: no suite tests/contracts/bus.py"]


def test_port_without_an_adapter_is_reported(tmp_path: Path) -> None:
    found = _found(tmp_path, {}, without="adapters/outbound/local/ledger.py")
    assert found == ["tests/contracts/ledger.py: no adapter adapters/outbound/*/ledger.py"]


def test_backend_that_does_not_run_the_suite_is_reported(tmp_path: Path) -> None:
    found = _found(tmp_path, {"adapters/outbound/fabric/ledger.py": ""})
    assert [line.split(":")[0] for line in found] == ["tests/contracts/test_ledger_fabric.py"]


def test_test_file_that_forgets_the_suite_is_reported(tmp_path: Path) -> None:
    found = _found(
        tmp_path, {"tests/contracts/test_ledger_local.py": "class TestLocalLedger:\n    def make(self): ...\n"}
    )
    assert [line.split(":")[0] for line in found] == [
        "tests/contracts/test_ledger_local.py",
        "tests/contracts/ledger.py",
    ]


def test_sql_backend_needs_both_engines(tmp_path: Path) -> None:
    found = _found(tmp_path, {"adapters/outbound/sql/ledger.py": "", "tests/contracts/test_ledger_sqlite.py": _RUN})
    assert [line.split(":")[0] for line in found] == ["tests/contracts/test_ledger_postgres.py"]


def test_suite_without_hook_or_test_is_reported(tmp_path: Path) -> None:
    found = _found(tmp_path, {"tests/contracts/ledger.py": "class LedgerContract:\n    def check(self): ...\n"})
    assert found == [
        "tests/contracts/ledger.py: LedgerContract has no hook make()",
        "tests/contracts/ledger.py: LedgerContract has no test",
    ]


def test_second_class_of_a_suite_that_nobody_runs_is_reported(tmp_path: Path) -> None:
    second = "class HeadContract:\n    def make(self): ...\n    def test_head(self): ...\n"
    found = _found(tmp_path, {"tests/contracts/ledger.py": _SUITE + second})
    assert found == ["tests/contracts/ledger.py: no backend runs HeadContract"]


def test_suite_of_a_part_of_a_port_is_held_to_the_same(tmp_path: Path) -> None:
    changes = {
        "tests/contracts/publication.py": _SUITE.replace("Ledger", "Publication"),
        "adapters/outbound/files/publication.py": "",
    }
    found = _found(tmp_path, changes)
    assert [line.split(":")[0] for line in found] == [
        "tests/contracts/test_publication_files.py",
        "tests/contracts/publication.py",
    ]
