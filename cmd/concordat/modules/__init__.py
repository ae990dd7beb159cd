"""The manifests of the built-in modules, in the order in which they are built; other wheels bring theirs."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from concordat.failures import Failure
from concordat.module import Module
from concordat.modules.clubs import CLUBS
from concordat.modules.log import LOG
from concordat.modules.platform import PLATFORM

GROUP = "concordat.modules"

BUILT_IN: tuple[Module[Any], ...] = (PLATFORM, LOG, CLUBS)


def all_modules(
    built_in: tuple[Module[Any], ...] = BUILT_IN, found: tuple[EntryPoint, ...] | None = None
) -> tuple[Module[Any], ...]:
    """The built-in modules, then those of installed wheels; raises Failure for a clash, and for what is no module."""
    points = tuple(entry_points(group=GROUP)) if found is None else found
    modules = built_in + tuple(_loaded(point) for point in sorted(points, key=lambda point: point.name))
    names: set[str] = set()
    for module in modules:
        if module.name in names:
            raise Failure(f"Two modules are called {module.name}.", "Uninstall one of them, or rename it.")
        names.add(module.name)
    return modules


def _loaded(point: EntryPoint) -> Module[Any]:
    where = f"the entry point {point.name} ({point.value}) of the group {GROUP}"
    try:
        module = point.load()
    except Exception as error:
        raise Failure(f"A module cannot be loaded: {where}: {error}.", "Mend or uninstall its package.") from error
    if not isinstance(module, Module):
        raise Failure(f"This is no Module: {where}.", "It has to name a concordat.module.Module.")
    return module
