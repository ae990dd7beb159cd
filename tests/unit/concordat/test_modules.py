"""Manifests beside the code: what use cases ask for is declared, what is declared is asked for, names do not clash."""

import ast
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from concordat.container import running
from concordat.failures import Failure
from concordat.modules import BUILT_IN, GROUP, all_modules
from concordat.modules.clubs import CLUBS
from concordat.settings import load
from shared.events import Event
from tests.architecture.tree import REPOSITORY


def asked(folder: Path) -> set[str]:
    """Every permission that a call of `allow` names, here and in the files below."""
    found = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "allow":
                found.add(ast.literal_eval(node.args[1]))
    return found


def event_types(root: type[Event] = Event) -> set[str]:
    return {one.type for one in root.__subclasses__() if "type" in vars(one)}.union(
        *(event_types(one) for one in root.__subclasses__())
    )


def test_every_permission_that_use_cases_ask_for_is_declared_and_no_other() -> None:
    declared = {permission for module in BUILT_IN for permission in module.permissions}
    assert asked(REPOSITORY / "app") == declared


def test_permission_that_nobody_declares_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text('def f(self, caller):\n    self.allow(caller, "clubs.planted.do")\n')
    assert asked(tmp_path) == {"clubs.planted.do"}


async def test_jobs_and_consumers_are_named_after_their_module_and_hear_events_that_there_are(tmp_path: Path) -> None:
    names: list[str] = []
    async with running(load(profile="local", data_folder=tmp_path)) as system:
        for built in system.modules:
            own = [job.name for job in built.jobs(system.infrastructure)]
            own += [subscription.consumer for subscription in built.subscriptions()]
            assert [name for name in own if not name.startswith(f"{built.module.name}.")] == []
            names += own
            for subscription in built.subscriptions():
                assert subscription.types
                assert subscription.types <= event_types()
    assert len(names) == len(set(names))


async def test_every_route_and_rpc_belongs_to_a_module(tmp_path: Path) -> None:
    async with running(load(profile="local", data_folder=tmp_path)) as system:
        for built in system.modules:
            routers = built.routers(system.infrastructure)
            operations = [route.operation_id for router in routers for route in router.routes]
            assert [name for name in operations if not name.startswith(f"{built.module.name}.")] == []
        services = [service.name for built in system.modules for service in built.services(system.infrastructure)]
    assert services == ["concordat.v1.LogService", "concordat.v1.VisitService"]


def entry(value: str, name: str = "theirs") -> EntryPoint:
    return EntryPoint(name=name, value=value, group=GROUP)


def test_nothing_but_the_built_in_modules_is_there_without_other_wheels() -> None:
    assert all_modules(found=()) == BUILT_IN


def test_module_of_another_wheel_comes_after_ours() -> None:
    assert all_modules((), (entry("concordat.modules.clubs:CLUBS"),)) == (CLUBS,)


def test_two_modules_of_one_name_are_refused() -> None:
    with pytest.raises(Failure, match="Two modules are called clubs"):
        all_modules(found=(entry("concordat.modules.clubs:CLUBS"),))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("concordat.modules.clubs:GONE", "cannot be loaded"),
        ("nowhere.at_all:MODULE", "cannot be loaded"),
        ("concordat.modules:GROUP", "is no Module"),
    ],
)
def test_entry_point_that_leads_to_no_module_is_refused_by_its_name(value: str, says: str) -> None:
    with pytest.raises(Failure, match=says) as refused:
        all_modules(found=(entry(value),))
    assert "theirs" in refused.value.sentence
