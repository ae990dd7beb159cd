"""The processes of a network are known again by pid and start, and nobody else's is ever touched."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from concordat.fabric.plan import port_of
from concordat.fabric.processes import Ended, Node, begin, end, require_alive, send, start_of, wait_until_ready
from concordat.failures import Failure
from tests.support.processes import free_port

_SERVER = "import time; print('listening', flush=True); time.sleep(60)"
_DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {_SERVER}"
_PANICS = "print('first\\npanic: no such luck\\n\\ngoroutine 1 [running]:\\n  stack', flush=True)"


@pytest.fixture
def started() -> Iterator[list[Node]]:
    nodes: list[Node] = []
    yield nodes
    for node in nodes:
        send(node, signal.SIGKILL)


def _node(folder: Path, script: str = _SERVER) -> Node:
    return Node(
        name="server",
        address="127.0.0.1:1",
        argv=(sys.executable, "-c", script),
        environment={},
        log=folder / "logs" / "a log",
        ready="listening",
    )


def test_process_is_ready_when_its_log_says_so_and_ends_when_told(tmp_path: Path, started: list[Node]) -> None:
    node = begin(_node(tmp_path))
    started.append(node)
    wait_until_ready([node])
    assert node.alive
    end([node])
    assert not node.alive


def test_process_that_says_nothing_is_ready_when_it_listens(tmp_path: Path, started: list[Node]) -> None:
    address = f"127.0.0.1:{free_port()}"
    script = f"import socket, time; kept = socket.create_server({('127.0.0.1', port_of(address))}); time.sleep(60)"
    node = begin(replace(_node(tmp_path, script), address=address, ready=""))
    started.append(node)
    wait_until_ready([node])
    socket.create_connection(("127.0.0.1", port_of(address)), timeout=1).close()


def test_process_is_in_a_session_of_its_own(tmp_path: Path, started: list[Node]) -> None:
    """Ctrl-C and the end of a terminal reach a session."""
    started.append(begin(_node(tmp_path)))
    assert os.getsid(started[0].pid) == started[0].pid != os.getsid(0)


def test_process_that_got_the_pid_of_another_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        gone = replace(_node(tmp_path), pid=stranger.pid, started=f"{start_of(stranger.pid)}0")
        assert not gone.alive
        end([gone])
        send(gone, signal.SIGKILL)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_process_that_is_deaf_or_frozen_ends_all_the_same(
    tmp_path: Path, started: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("concordat.fabric.processes.STOPPED_WITHIN_SECONDS", 0.3)
    deaf, frozen = begin(_node(tmp_path / "deaf", _DEAF)), begin(_node(tmp_path / "frozen"))
    started += [deaf, frozen]
    wait_until_ready(started)
    send(frozen, signal.SIGSTOP)
    end([deaf, frozen])
    assert not deaf.alive
    assert not frozen.alive


def test_process_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    node = begin(_node(tmp_path, _PANICS))
    with pytest.raises(Ended) as ended:
        wait_until_ready([node])
    assert str(ended.value).endswith("ends with\nfirst\npanic: no such luck")
    assert not ended.value.port_taken


def test_process_that_ended_before_anybody_looked_does_not_live(tmp_path: Path) -> None:
    gone = begin(_node(tmp_path, "pass"))
    os.waitpid(gone.pid, 0)
    assert not gone.alive
    assert not replace(gone, started="").alive


def test_port_that_was_taken_is_told_from_other_ends(tmp_path: Path) -> None:
    node = begin(_node(tmp_path, "raise SystemExit('listen tcp: bind: address already in use')"))
    with pytest.raises(Ended) as ended:
        wait_until_ready([node])
    assert ended.value.port_taken


def test_process_that_stays_silent_is_reported(
    tmp_path: Path, started: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("concordat.fabric.processes.READY_WITHIN_SECONDS", 0.2)
    started.append(begin(_node(tmp_path, "import time; time.sleep(60)")))
    with pytest.raises(Failure, match="server is not ready after"):
        wait_until_ready(started)


def test_restarted_process_is_judged_by_its_new_output_alone(tmp_path: Path, started: list[Node]) -> None:
    first = begin(_node(tmp_path))
    started.append(first)
    wait_until_ready(started)
    end([first])
    again = begin(replace(first, argv=(sys.executable, "-c", "raise SystemExit('no')")))
    with pytest.raises(Ended, match=r"ends with\nno$"):
        wait_until_ready([again])


def test_process_that_was_never_begun_does_not_live(tmp_path: Path) -> None:
    with pytest.raises(Ended):
        require_alive([_node(tmp_path)])


def test_settings_of_the_developer_do_not_reach_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORE_PEER_ADDRESS", "elsewhere")
    node = begin(_node(tmp_path, "import os; raise SystemExit(os.environ.get('CORE_PEER_ADDRESS', 'clean'))"))
    with pytest.raises(Ended, match=r"ends with\nclean$"):
        wait_until_ready([node])
