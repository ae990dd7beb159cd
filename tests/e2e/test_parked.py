"""Parked messages from the command line, beside a running server: listed, counted, warned of, tried again, dropped."""

import json
from pathlib import Path

import httpx2

from app.clubs.visit_counts import CONSUMER
from ports.bus import Message
from tests.e2e.served import Installation, said
from tests.support.databases import apart
from tests.support.processes import Process
from tests.support.scenes import two_clubs
from tests.support.world import world_at


async def _parked(url: str, folder: Path) -> Message:
    """A check-in, parked for a consumer that there is and for one that is no more."""
    async with world_at(url, folder) as world:
        scene = await two_clubs(world)
        decision = await scene.checked_in((await scene.member()).id)
        async with world.begin_log(scene.host) as tx:
            (message,) = (await tx.log.messages([decision.receipt])).values()
        for consumer in (CONSUMER, "gone.consumer"):
            await world.parking.add(consumer, message, "database/unavailable")
    return message


def told(installation: Installation, *words: str, status: int = 0) -> str:
    """What a command prints, with the exit status that is expected."""
    done = installation.run(*words)
    assert done.returncode == status, said(done)
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def gauges(installation: Installation) -> list[str]:
    text = httpx2.get(f"{installation.where().admin}/metrics").text
    return [line for line in text.splitlines() if line.startswith("concordat_parked_events{")]


def test_what_is_parked_is_looked_after_beside_a_server(
    installation: Installation, server: Process, tmp_path: Path
) -> None:
    assert told(installation, "parked", "list") == "Nothing is parked.\n"
    assert told(installation, "parked", "list", "--json") == ""
    url = installation.database_url or f"sqlite:///{installation.data_folder / 'concordat.db'}"
    message = apart(_parked(url, tmp_path / "world"))
    event = str(message.id)
    listed = [json.loads(line) for line in told(installation, "parked", "list", "--json").splitlines()]
    assert [(one["event"], one["consumer"], one["type"], one["error"]) for one in listed] == [
        (event, consumer, message.type, "database/unavailable") for consumer in (CONSUMER, "gone.consumer")
    ]
    assert event in told(installation, "parked", "list")
    assert gauges(installation) == [
        'concordat_parked_events{consumer="clubs.settlements"} 0.0',
        f'concordat_parked_events{{consumer="{CONSUMER}"}} 1.0',
        'concordat_parked_events{consumer="gone.consumer"} 1.0',
    ]
    checks = json.loads(told(installation, "doctor", "--json"))["checks"]
    assert [check["state"] for check in checks if check["subject"] == "parked"] == ["warning", "warning"]

    half = told(installation, "parked", "retry", event, status=1)
    assert f"{CONSUMER} has handled {event}" in half
    assert "stays parked for gone.consumer (bus/no-such-consumer)" in half
    other = told(installation, "parked", "drop", event, "--consumer", CONSUMER, "--yes", status=1)
    assert f"Nothing of {event} is parked for {CONSUMER}." in other
    assert "Aborted" in told(installation, "parked", "drop", event, status=1)
    assert "parked no more" in told(installation, "parked", "drop", event, "--yes")
    assert told(installation, "parked", "list") == "Nothing is parked.\n"
    assert all(line.endswith(" 0.0") for line in gauges(installation))
    gone = told(installation, "parked", "retry", event, status=1)
    assert "Nothing of" in gone and "concordat parked list" in gone
    assert "is not an event's id" in told(installation, "parked", "retry", "first", status=2)
