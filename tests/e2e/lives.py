"""What clients do while processes are killed: members' lives at two clubs, whose desks get in each other's way."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import Any

import httpx2

from tests.e2e.journal import Client, Journal
from tests.e2e.served import Installation, said

MOST_DAYS = 4
STAY_DAYS = 2
VISITS = 3
"""One more than the quota has room for."""

_PLACES = {"harbour": 50_909_700, "summit": 46_948_100}


@dataclass(frozen=True, slots=True, kw_only=True)
class Club:
    """A club, and a token for everything that its secretary and its desk may do."""

    id: str
    origin: str
    token: str


def two_clubs(installation: Installation) -> tuple[Club, Club]:
    """Harbour and Summit, with an agreement in force: as many days in any thirty as two stays have."""
    operator = _speaker(installation, _token(installation, "--role", "operator"))
    founded = {name: _done(operator.post("/v1/clubs", json=_founding(name)))["id"] for name in _PLACES}
    harbour, summit = [
        Club(id=key, origin=f"local.concordat.example/{name}/1", token=_desk_token(installation, name))
        for name, key in founded.items()
    ]
    ours, theirs = _speaker(installation, harbour.token), _speaker(installation, summit.token)
    draft = _done(ours.post("/v1/agreements", json={"partner": summit.id, "terms": _terms()}))
    path = f"/v1/agreements/{draft['id']}"
    _done(ours.post(f"{path}/propose"))
    _done(theirs.post(f"{path}/accept", json={"terms_hash": draft["versions"][0]["hash"]}))
    _done(ours.post(f"{path}/activate"))
    return harbour, summit


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Has members live: the home club enrols and announces, two desks of the host receive.

    `lives` brings their names, and None when there are no more; a life that was begun is lived to its end.
    """

    number: int
    home: Club
    host: Club
    api: Callable[[], str | None]
    journal: Journal
    lives: "SimpleQueue[str | None]"

    def run(self) -> None:
        """One life after the other; raises NotSettled."""
        home, *desks = [self._client(club, place) for place, club in enumerate((self.home, self.host, self.host))]
        try:
            for name in iter(self.lives.get, None):
                visits = _announced(home, self.host, name, enrolled(home, name))
                with ThreadPoolExecutor(len(desks)) as pool:
                    list(pool.map(_received, desks, ("one", "two"), [name] * 2, [visits, visits[::-1]]))
        finally:
            for client in (home, *desks):
                client.close()

    def _client(self, club: Club, place: int) -> Client:
        chance = random.Random(f"{self.number} {place}")
        return Client(club=club.id, token=club.token, api=self.api, journal=self.journal, chance=chance)


def enrolled(home: Client, name: str) -> str:
    """A member in good standing whose name was changed."""
    today = datetime.now(UTC).date()
    body = {"number": name, "name": "Ada Marsh", "category": "full"}
    member = str(home.post("/v1/members", body, key=f"{name} enrol").answer["id"])
    path = f"/v1/members/{member}"
    term = {"kind": "term", "first": str(today - timedelta(days=400)), "last": None}
    paid = {"kind": "paid_through", "first": str(today + timedelta(days=200)), "last": None}
    home.post(f"{path}/facts", term, key=f"{name} term")
    version = home.post(f"{path}/facts", paid, key=f"{name} paid").answer["version"]
    home.patch(path, {"name": f"Ada {name}"}, key=f"{name} amend", version=version)
    return member


def _announced(home: Client, host: Club, name: str, member: str) -> list[str]:
    """More visits than the quota has room for: none is reserved yet."""
    today = datetime.now(UTC).date()
    days = {"first_day": str(today), "last_day": str(today + timedelta(days=STAY_DAYS - 1))}
    wish = {"member_id": member, "host_club": host.id, **days}
    requested = [home.post("/v1/visits", wish, key=f"{name} wish {count}") for count in range(VISITS)]
    return [one.answer["visit"]["id"] for one in requested]


def _received(desk: Client, who: str, name: str, visits: Sequence[str]) -> None:
    """Confirm and check in whatever can be, in the other order than the other desk, and leave the last one there."""
    for visit in visits:
        desk.post(f"/v1/visits/{visit}/confirm", {}, key=f"{name} {who} confirms {visit}")
    for visit in visits:
        path = f"/v1/visits/{visit}"
        admitted = desk.post(f"{path}/check-in", {}, key=f"{name} {who} admits {visit}")
        if admitted.done and visit != visits[-1]:
            version = admitted.answer["visit"]["version"]
            desk.post(f"{path}/check-out", key=f"{name} {who} sees off {visit}", version=version)


def _founding(name: str) -> dict[str, object]:
    position = {"latitude_microdegrees": _PLACES[name], "longitude_microdegrees": 9_000_000}
    return {"slug": name, "name": name.capitalize(), "zone": "Etc/UTC", "currency": "EUR", "position": position}


def _terms() -> dict[str, object]:
    quota = {"window": "rolling_days", "days": 30, "limit": MOST_DAYS}
    since = datetime.now(UTC).date() - timedelta(days=1)
    return {"effective_from": str(since), "categories": ["full"], "quotas": [quota]}


def _desk_token(installation: Installation, club: str) -> str:
    return _token(installation, "--club", club, "--role", "secretary", "--role", "concierge")


def _token(installation: Installation, *options: str) -> str:
    issued = installation.run("token", *options)
    assert issued.returncode == 0, said(issued)
    return issued.stdout.strip()


def _speaker(installation: Installation, token: str) -> httpx2.Client:
    return httpx2.Client(base_url=installation.api, headers={"Authorization": f"Bearer {token}"}, timeout=10.0)


def _done(answer: httpx2.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()
