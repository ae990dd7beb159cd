"""Every manifest is whole: names, permissions, roles, tables, pages and error codes fit each other and clash with none.

The checkers take what they look at as values, so that a planted manifest can be looked at as well.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any

from concordat.module import Module
from shared.errors import ConcordatError

_PERMISSION = r"\.[a-z_]+\.[a-z_]+"
_CODE = re.compile(r"[a-z-]+/[a-z-]+")
_ASKED = re.compile(r"\ballow\(\s*caller,\s*\"([^\"]*)\"")


def names_and_pages(modules: Collection[Module[Any]], page_exists: Callable[[str], bool]) -> list[str]:
    found = [f"{name}: announced twice" for name, times in Counter(each.name for each in modules).items() if times > 1]
    return found + [f"{each.name}: no page {each.docs}" for each in modules if not page_exists(each.docs)]


def permissions_and_roles(modules: Collection[Module[Any]]) -> list[str]:
    """A permission is called module.noun.verb, and roles hold nothing but permissions of their own module."""
    found = []
    for module in modules:
        own = re.compile(re.escape(module.name) + _PERMISSION)
        granted = {permission for held in module.roles.values() for permission in held}
        found += [f"{module.name}: misnamed {each}" for each in sorted(module.permissions) if not own.fullmatch(each)]
        found += [f"{module.name}: unknown {each}" for each in sorted(module.network_permissions - module.permissions)]
        found += [f"{module.name}: a role holds the unknown {each}" for each in sorted(granted - module.permissions)]
        idle = module.permissions - granted
        found += [f"{module.name}: no role holds {each}" for each in sorted(idle)]
    return found


def asked_permissions(modules: Collection[Module[Any]], use_cases: Iterable[tuple[str, str]]) -> list[str]:
    """Use cases, as path and text, ask for all permissions that manifests declare, and for no other: nobody has it."""
    declared = {permission for module in modules for permission in module.permissions}
    asked = {permission: path for path, text in use_cases for permission in _ASKED.findall(text)}
    found = [f"{path}: no module declares {each}" for each, path in asked.items() if each not in declared]
    return sorted(found) + [f"{each}: no use case asks for it" for each in sorted(declared - asked.keys())]


def tables(modules: Collection[Module[Any]], existing: Collection[str]) -> list[str]:
    """Each table of the schema belongs to exactly one module."""
    owners = Counter(table for module in modules for table in module.tables)
    found = [f"{table}: claimed by {times} modules" for table, times in owners.items() if times > 1]
    found += [f"{table}: does not exist" for table in owners if table not in existing]
    return sorted(found + [f"{table}: no module claims it" for table in existing if table not in owners])


def error_codes(modules: Collection[Module[Any]], errors: Iterable[type[ConcordatError]]) -> list[str]:
    """Codes look like visit/quota-exceeded, name one fact each, and start with a word that one module claims.

    A narrower error may keep the code of the wider one that it is; the kinds in `shared/` belong to no module.
    """
    owners = Counter(word for module in modules for word in module.codes)
    found = [f"{word}: claimed by {times} modules" for word, times in owners.items() if times > 1]
    first: dict[str, type[ConcordatError]] = {}
    for error in sorted(errors, key=lambda each: (len(each.__mro__), each.__module__, each.__qualname__)):
        where = f"{error.__module__}.{error.__qualname__}"
        known = first.setdefault(error.code, error)
        if not issubclass(error, known):
            found.append(f"{where}: {error.code} is the code of {known.__module__}.{known.__qualname__}")
        if not _CODE.fullmatch(error.code):
            found.append(f"{where}: {error.code} does not look like visit/quota-exceeded")
        inherited = known.__module__ == "shared.errors"
        if not inherited and error.code.split("/")[0] not in owners:
            found.append(f"{where}: no module claims {error.code}")
    return found


def all_errors(root: type[ConcordatError] = ConcordatError) -> set[type[ConcordatError]]:
    """Every error class that is imported by now."""
    children = root.__subclasses__()
    return set(children).union(*(all_errors(child) for child in children))
