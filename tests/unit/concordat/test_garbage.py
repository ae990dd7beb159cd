"""A process that lives on collects garbage; one that only starts does not, and nothing else turns it off."""

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from concordat.garbage import collect_from_now_on, leave_until_started

STARTED = "import concordat.main as m, gc, sys; sys.argv[1:] = ['--version']; m.main(); print(gc.isenabled())"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_a_command_starts_without_collecting() -> None:
    done = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_whoever_lives_on_collects_but_not_among_what_was_there_at_the_start() -> None:
    leave_until_started()
    assert not gc.isenabled()
    collect_from_now_on()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 1000


def test_where_garbage_is_collected_nothing_is_spared() -> None:
    collect_from_now_on()
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, 0)
