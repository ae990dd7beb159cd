"""Every module announces itself whole, in one place."""

import importlib
from dataclasses import replace
from typing import Any

from adapters.outbound.sql.tables import metadata
from concordat.module import Module
from concordat.modules import BUILT_IN
from shared.errors import Conflict, NotFound
from tests.architecture import manifests
from tests.architecture.runtime import modules
from tests.architecture.tree import REPOSITORY, repository


def _module(name: str, **fields: object) -> Module[Any]:
    whole: Module[Any] = Module(name=name, docs="here.md", build=lambda _: None, permissions=frozenset())
    changed: dict[str, Any] = fields
    return replace(whole, **changed)


class _Planted(Conflict):
    code = "planted/one-fact"
    title = "Planted."


class _Narrower(_Planted):
    title = "A narrower case of the same."


class _Twin(NotFound):
    code = "planted/one-fact"
    title = "Planted under a code that is taken."


class _Misspelt(NotFound):
    code = "Planted"
    title = "Planted without a slash."


_OUR_PLANTS = {_Planted, _Narrower, _Twin, _Misspelt}


def test_every_module_has_a_name_of_its_own_and_a_page() -> None:
    assert manifests.names_and_pages(BUILT_IN, lambda page: (REPOSITORY / page).is_file()) == []


def test_every_permission_is_named_after_its_module_and_held_by_a_role() -> None:
    assert manifests.permissions_and_roles(BUILT_IN) == []


def test_use_cases_ask_for_the_permissions_that_manifests_declare() -> None:
    use_cases = [(source.path, source.text) for source in repository().below("app")]
    assert manifests.asked_permissions(BUILT_IN, use_cases) == []


def test_every_table_belongs_to_one_module() -> None:
    assert manifests.tables(BUILT_IN, set(metadata.tables)) == []


def test_every_error_has_a_code_that_one_module_claims() -> None:
    for name in modules():
        importlib.import_module(name)
    ours = {error for error in manifests.all_errors() if not error.__module__.startswith("tests.")}
    assert manifests.error_codes(BUILT_IN, ours) == []


def test_second_module_of_a_name_and_a_missing_page_are_reported() -> None:
    found = manifests.names_and_pages([_module("a"), _module("a"), _module("b", docs="gone.md")], "here.md".__eq__)
    assert found == ["a: announced twice", "b: no page gone.md"]


def test_misnamed_unknown_and_idle_permissions_are_reported() -> None:
    planted = _module(
        "a",
        permissions=frozenset({"a.thing.do", "b.thing.do", "a.idle.be"}),
        network_permissions=frozenset({"a.net.do"}),
        roles={"desk": frozenset({"a.thing.do", "b.thing.do", "a.gone.do"})},
    )
    assert manifests.permissions_and_roles([planted]) == [
        "a: misnamed b.thing.do",
        "a: unknown a.net.do",
        "a: a role holds the unknown a.gone.do",
        "a: no role holds a.idle.be",
    ]


def test_permissions_that_nobody_has_and_nobody_asks_for_are_reported() -> None:
    planted = _module("a", permissions=frozenset({"a.thing.do", "a.idle.be"}))
    use_case = 'self.allow(caller, "a.thing.do")\nself.allow(\n    caller, "a.thing.doo", club)\n'
    assert manifests.asked_permissions([planted], [("app/a.py", use_case)]) == [
        "app/a.py: no module declares a.thing.doo",
        "a.idle.be: no use case asks for it",
    ]


def test_table_with_two_owners_none_or_no_existence_is_reported() -> None:
    planted = [_module("a", tables=frozenset({"x", "y"})), _module("b", tables=frozenset({"y"}))]
    assert manifests.tables(planted, {"y", "z"}) == [
        "x: does not exist",
        "y: claimed by 2 modules",
        "z: no module claims it",
    ]


def test_taken_misspelt_and_unclaimed_codes_are_reported() -> None:
    claimed = manifests.error_codes([_module("a", codes=frozenset({"planted", "Planted"}))], _OUR_PLANTS)
    assert [line.split(": ")[0].rsplit(".", 1)[1] for line in claimed] == ["_Misspelt", "_Twin"]
    unclaimed = manifests.error_codes([], {_Planted, _Narrower})
    assert len(unclaimed) == 2
    twice = [_module(name, codes=frozenset({"planted"})) for name in "ab"]
    assert manifests.error_codes(twice, {_Planted}) == ["planted: claimed by 2 modules"]
