"""Clients that write down what was acknowledged before they ask for more, and settle the rest with the same key."""

import json
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from time import sleep
from typing import Any

import httpx2

MOST_TRIES = 2_000
IMPATIENT = 0.1
NOT_WAITED_FOR_SECONDS = 0.004
ANSWERED_WITHIN_SECONDS = 10.0
REPLAYED = "Idempotency-Replayed"

Json = Mapping[str, Any]


class NotSettled(Exception):
    """A request that was never answered for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a club asks for; `version` is what If-Match names."""

    club: str
    method: str
    path: str
    body: Json | None
    key: str
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A request and the answer that settled it, after so many tries; `replayed`: an earlier one had it done."""

    request: Request
    status: int
    answer: Json
    tries: int
    replayed: bool

    @property
    def done(self) -> bool:
        return self.status < 300

    @property
    def kept(self) -> bool:
        """Whether the key has this answer for good: that of a decision, whatever it says, but no error's."""
        return self.done or "verdict_hash" in self.answer

    @property
    def shows(self) -> Json | None:
        """The aggregate as the request left it."""
        found: Json | None = self.answer if "version" in self.answer else self.answer.get("visit")
        return found


@dataclass(kw_only=True)
class Journal:
    """One file of lines, each on the disk before its client goes on."""

    path: Path
    lines: int = 0
    _lock: Lock = field(default_factory=Lock)

    def write(self, one: Acknowledged) -> None:
        with self._lock, self.path.open("ab", buffering=0) as file:
            file.write(json.dumps(asdict(one)).encode() + b"\n")
            os.fsync(file.fileno())
            self.lines += 1

    def read(self) -> list[Acknowledged]:
        lines = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [Acknowledged(**{**line, "request": Request(**line["request"])}) for line in lines]


@dataclass(kw_only=True)
class Client:
    """Somebody at a club. A request is repeated under its key until it is answered for good.

    `api` is asked anew for every try, since a killed server comes back elsewhere. By `chance`, some first tries are
    given up before their answer can come.
    """

    club: str
    token: str
    api: Callable[[], str | None]
    journal: Journal
    chance: random.Random
    _http: httpx2.Client = field(default_factory=httpx2.Client)

    def post(self, path: str, body: Json | None = None, *, key: str, version: int | None = None) -> Acknowledged:
        return self._settled(Request(club=self.club, method="POST", path=path, body=body, key=key, version=version))

    def patch(self, path: str, body: Json, *, key: str, version: int) -> Acknowledged:
        return self._settled(Request(club=self.club, method="PATCH", path=path, body=body, key=key, version=version))

    def again(self, request: Request) -> httpx2.Response:
        """The same once more."""
        return self._sent(request, ANSWERED_WITHIN_SECONDS)

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self._http.get(f"{self.api()}{path}", headers=self._headers | headers, timeout=ANSWERED_WITHIN_SECONDS)

    def everything(self, path: str) -> list[Json]:
        """A list, page by page."""
        found: list[Json] = []
        following: str | None = f"{path}?limit=200"
        while following is not None:
            page = self.get(following).json()
            found += page["data"]
            cursor = page["meta"]["next"]
            following = None if cursor is None else f"{path}?limit=200&cursor={cursor}"
        return found

    def close(self) -> None:
        self._http.close()

    def _settled(self, request: Request) -> Acknowledged:
        """With its answer in the journal; raises NotSettled."""
        seconds = NOT_WAITED_FOR_SECONDS if self.chance.random() < IMPATIENT else ANSWERED_WITHIN_SECONDS
        for tries in range(1, MOST_TRIES + 1):
            answer = self._tried(request, seconds)
            seconds = ANSWERED_WITHIN_SECONDS
            if answer is not None and "Retry-After" not in answer.headers:
                one = Acknowledged(
                    request=request,
                    status=answer.status_code,
                    answer=answer.json(),
                    tries=tries,
                    replayed=REPLAYED in answer.headers,
                )
                self.journal.write(one)
                return one
            sleep(0.02)
        raise NotSettled(request)

    def _tried(self, request: Request, seconds: float) -> httpx2.Response | None:
        """None where nobody serves or the connection was lost: the outcome is unknown."""
        try:
            return self._sent(request, seconds)
        except httpx2.TransportError:
            return None

    def _sent(self, request: Request, seconds: float) -> httpx2.Response:
        api = self.api()
        if api is None:
            raise httpx2.ConnectError("nobody serves")
        condition = {} if request.version is None else {"If-Match": f'"{request.version}"'}
        headers = self._headers | condition | {"Idempotency-Key": request.key}
        return self._http.request(
            request.method, f"{api}{request.path}", json=request.body, headers=headers, timeout=seconds
        )

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}
