"""Imports every module of the product; run with the environment of run.lock, where no development tool can help out.

python -m tests.architecture.runtime
"""

import importlib
import pkgutil
import sys

_PACKAGES = ("shared", "core", "ports", "app", "adapters", "concordat")


def modules() -> list[str]:
    """Every importable module; scripts that only run under Alembic or `python -m` are left out."""
    found = list(_PACKAGES)
    for package in _PACKAGES:
        paths = importlib.import_module(package).__path__
        found += [module.name for module in pkgutil.walk_packages(paths, f"{package}.")]
    return [name for name in found if name.rsplit(".", 1)[-1] not in {"env", "__main__"}]


def main() -> int:
    names = modules()
    for name in names:
        importlib.import_module(name)
    print(f"run.lock alone imports all {len(names)} modules")
    return 0


if __name__ == "__main__":
    sys.exit(main())
