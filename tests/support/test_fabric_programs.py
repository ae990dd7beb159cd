"""Which versions of Fabric tests run on: one of those that are here, or those that somebody names."""

from collections.abc import Callable, Iterator

import pytest

from tests.support import fabric_programs
from tests.support.fabric_programs import SWITCH, versions

BOTH = ("v3.1.5", "v2.5.16")

Here = Callable[..., tuple[str, ...]]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    """Versions that tests run on where these are found, under this setting."""

    def found(*present: str, setting: str = "") -> tuple[str, ...]:
        versions.cache_clear()
        monkeypatch.setattr(fabric_programs, "_is_here", lambda version: version in present)
        monkeypatch.setenv(SWITCH, setting)
        return versions()

    yield found
    versions.cache_clear()


def test_one_version_is_enough_and_the_newest_comes_first(here: Here) -> None:
    assert here(*BOTH) == ("v3.1.5",)
    assert here("v2.5.16") == ("v2.5.16",)
    assert here() == ()


def test_a_setting_names_others_or_all_of_those_that_are_here(here: Here) -> None:
    assert here(*BOTH, setting="all") == BOTH
    assert here(*BOTH, setting="v2.5.16") == ("v2.5.16",)
    assert here(*BOTH, setting="v2.5.16,v3.1.5") == BOTH
    assert here("v3.1.5", setting="all") == ("v3.1.5",)
    assert here("v3.1.5", setting="v2.5.16") == ()


def test_a_version_that_nobody_knows_is_named(here: Here) -> None:
    with pytest.raises(ValueError, match=r"not v1\.4, v9"):
        here(*BOTH, setting="v9,all,v1.4")
