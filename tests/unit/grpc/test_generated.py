"""The tracked modules are what the protos give: `python -m tests.unit.grpc.generating` makes them anew."""

import importlib
import pkgutil
import shutil
import sys
from pathlib import Path

import adapters.inbound.grpc.generated
from tests.unit.grpc.generating import GENERATED, PROTOS, generate


def differences(root: Path, again: Path) -> list[str]:
    """Tracked modules that are not what the protos below `root` give, and those that are missing."""
    made = set(generate(again, root))
    tracked = {path.relative_to(GENERATED) for path in GENERATED.rglob("*_pb2*") if path.suffix in {".py", ".pyi"}}
    changed = {path for path in made & tracked if (again / path).read_bytes() != (GENERATED / path).read_bytes()}
    return sorted(path.as_posix() for path in (made ^ tracked) | changed)


def test_tracked_modules_are_what_the_protos_give(tmp_path: Path) -> None:
    assert differences(PROTOS, tmp_path) == []


def test_changed_new_and_removed_protos_are_reported(tmp_path: Path) -> None:
    root, package = tmp_path / "proto", Path("concordat/v1")
    shutil.copytree(PROTOS, root)
    visits = root / package / "visits.proto"
    visits.write_text(visits.read_text().replace("bool erased = 20;", "bool erased = 20;\n  bool planted = 21;"))
    (root / package / "log.proto").rename(root / package / "planted.proto")
    found = differences(root, tmp_path / "again")
    assert {path.split("/")[-1].split("_pb2")[0] for path in found} == {"log", "planted", "visits"}
    assert "concordat/v1/visits_pb2.py" in found


def test_generated_packages_import_without_a_name_of_their_own_at_the_top() -> None:
    package = adapters.inbound.grpc.generated
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    assert not any(name.startswith("concordat.v1") for name in sys.modules)
