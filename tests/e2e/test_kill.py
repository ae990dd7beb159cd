"""SIGKILL under load: nothing acknowledged is lost, nothing is there twice, and the log verifies from its genesis."""

import random
import threading
import time
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from concordat.running import find_running
from tests.e2e.journal import Client
from tests.e2e.served import Installation, said, token_of

KILLS = 10
WRITERS = 4


def members_of(api: str, token: str) -> list[dict[str, str]]:
    """Every member, page by page."""
    found: list[dict[str, str]] = []
    path: str | None = "/v1/members?limit=200"
    with httpx2.Client(base_url=api, headers={"Authorization": f"Bearer {token}"}, timeout=20.0) as client:
        while path is not None:
            page = client.get(path).json()
            found += page["data"]
            following = page["meta"]["next"]
            path = None if following is None else f"/v1/members?limit=200&cursor={following}"
    return found


def missing_or_doubled(acknowledged: dict[str, str], found: list[dict[str, str]]) -> list[str]:
    """What the journal says and the database does not, or says twice, or otherwise."""
    counted = Counter(member["number"] for member in found)
    ids = {member["number"]: member["id"] for member in found}
    doubled = [f"{number} is there {count} times" for number, count in counted.items() if count > 1]
    lost = [f"{number} is lost" for number, key in acknowledged.items() if ids.get(number) != key]
    return doubled + lost


@pytest.mark.timeout(240)
def test_twenty_kills_under_load_lose_and_double_nothing(installation: Installation, tmp_path: Path) -> None:
    # Ten on each database are twenty in all.
    chance, stop = random.Random(20), threading.Event()
    # Writers that are told to come back later would put less load on it.
    installation.settings["requests_per_minute"] = "0"
    process = installation.serve()
    process.start()
    token = token_of(process)

    def api() -> str | None:
        running = find_running(installation.data_folder)
        return None if running is None else running.api

    clients = [
        Client(number=number, api=api, token=token, journal=tmp_path / f"journal-{number}", stop=stop)
        for number in range(WRITERS)
    ]
    threads = [threading.Thread(target=client.run) for client in clients]
    try:
        for thread in threads:
            thread.start()
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.2, 0.8))
            process.kill()
            process.start()
        time.sleep(0.5)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    try:
        check(installation, clients, token)
    finally:
        process.kill()


def check(installation: Installation, clients: list[Client], token: str) -> None:
    acknowledged = {number: key for client in clients for number, key in client.acknowledged.items()}
    assert [failed for client in clients for failed in client.failed] == []
    assert len(acknowledged) > KILLS * WRITERS
    found = members_of(installation.api, token)
    assert missing_or_doubled(acknowledged, found) == []
    assert len(found) == len(acknowledged)
    audit = installation.run("log", "audit", within_seconds=120.0)
    assert audit.returncode == 0, said(audit)


def test_the_check_for_lost_and_doubled_members_finds_both() -> None:
    acknowledged = {"J0-1": "a", "J0-2": "b"}
    one, two = {"number": "J0-1", "id": "a"}, {"number": "J0-2", "id": "b"}
    assert missing_or_doubled(acknowledged, [one, two]) == []
    assert missing_or_doubled(acknowledged, [one]) == ["J0-2 is lost"]
    assert missing_or_doubled(acknowledged, [one, two, two]) == ["J0-2 is there 2 times"]
    assert missing_or_doubled(acknowledged, [one, {**two, "id": "c"}]) == ["J0-2 is lost"]
