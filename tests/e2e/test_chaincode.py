"""`concordat chaincode serve` as a process: peers dial it, it stops cleanly, and says what is wrong with its files."""

import asyncio
import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.served import COMMAND
from tests.support.chaincode import State
from tests.support.peer import ALL_OFFERS, Peer
from tests.support.processes import Process, clean_environment
from tests.unit.chaincode.calls import register

READY = r'"port": (?P<port>\d+).*"event": "chaincode_listens"'
BY_NAME = {"CHAINCODE_SERVER_ADDRESS": "127.0.0.1:0", "CORE_CHAINCODE_ID_NAME": "witness:hash"}


def serving(folder: Path, *options: str, **variables: str) -> Process:
    argv = [*COMMAND, "chaincode", "serve", *options]
    return Process(argv, log=folder / "chaincode.log", ready=READY, env=clean_environment(**variables), cwd=folder)


async def _registers(port: int) -> str:
    async with asyncio.timeout(30), Peer(port, State(), offers=ALL_OFFERS) as peer:
        assert (await peer.invoke(*register())).response.status == 200
        return peer.package_id


@pytest.mark.parametrize("stopped_by", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_peers_keeps_nothing_and_stops_cleanly(tmp_path: Path, stopped_by: signal.Signals) -> None:
    process = serving(tmp_path, **BY_NAME)
    found = process.start()
    try:
        assert asyncio.run(_registers(int(found["port"]))) == "witness:hash"
        process.send(stopped_by)
        assert process.wait() == 0
    finally:
        process.kill()
    said = [json.loads(line)["event"] for line in process.output().splitlines()]
    assert said == [
        "chaincode_listens",
        "peer_connected",
        "peer_ready",
        "transaction",
        "peer_gone",
        "chaincode_stopped",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["chaincode.log"]


def test_options_go_before_variables_and_a_port_that_is_taken_is_said_to_be(tmp_path: Path) -> None:
    with serving(tmp_path, "--package-id", "other:hash", **BY_NAME) as process:
        port = process.wait_for(READY)["port"]
        assert asyncio.run(_registers(int(port))) == "other:hash"
        second = subprocess.run(
            [*COMMAND, "chaincode", "serve", "--address", f"127.0.0.1:{port}"],
            env=clean_environment(**BY_NAME),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode == 1
        assert f"Chaincode cannot listen on 127.0.0.1:{port}." in second.stderr


def test_a_tls_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    files = [f"--tls-{name}=none.pem" for name in ("key", "cert", "client-roots")]
    done = subprocess.run(
        [*COMMAND, "chaincode", "serve", *files],
        env=clean_environment(**BY_NAME),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "The TLS file none.pem cannot be read" in done.stderr
