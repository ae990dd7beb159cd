"""A client that writes down what was acknowledged before it asks for more, and settles the rest with the same key."""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep
from typing import Any

import httpx2

MOST_TRIES = 2_000


@dataclass(kw_only=True)
class Client:
    """One writer. Every request is repeated under its key until it is answered, and the answer journalled.

    `api` is asked anew for every try, since a killed server comes back elsewhere.
    """

    number: int
    api: Callable[[], str | None]
    token: str
    journal: Path
    stop: threading.Event
    acknowledged: dict[str, str] = field(default_factory=dict)
    replayed: int = 0
    failed: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Enrol one member after the other until told to stop; the last request is settled too."""
        with self.journal.open("ab", buffering=0) as journal:
            count = 0
            while not self.stop.is_set():
                count += 1
                name = f"J{self.number}-{count}"
                answer = self._settled(name)
                if answer is None:
                    return
                self.acknowledged[name] = answer["id"]
                journal.write(json.dumps({"number": name, "id": answer["id"]}).encode() + b"\n")
                os.fsync(journal.fileno())

    def _settled(self, name: str) -> dict[str, Any] | None:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": f"enrol-{name}"}
        body = {"number": name, "name": "Somebody", "category": "full"}
        for _ in range(MOST_TRIES):
            api = self.api()
            try:
                if api is None:
                    raise httpx2.ConnectError("nobody serves")
                answer = httpx2.post(f"{api}/v1/members", json=body, headers=headers, timeout=10.0)
            except httpx2.TransportError:
                sleep(0.05)
                continue
            if answer.status_code == 201:
                self.replayed += "Idempotency-Replayed" in answer.headers
                found: dict[str, Any] = answer.json()
                return found
            if answer.status_code not in (409, 503):
                self.failed.append(f"{name}: {answer.status_code} {answer.text}")
                return None
            sleep(float(answer.headers.get("Retry-After", "0.05")) / 20)
        self.failed.append(f"{name}: not settled")
        return None
