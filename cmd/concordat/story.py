"""The demonstration: two clubs agree, a member visits, and the receipt is proven, damaged and redacted.

It speaks to a server through REST alone, as any client would.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx2
from rich.console import Console

from adapters.outbound.signatures import SIGNATURES
from concordat.failures import Failure
from core.log.receipts import Verification, verify_bytes
from core.log.trust import parse_bundle

RECEIPT_WITHIN_SECONDS = 30.0
Issue = Callable[[str, str | None, frozenset[str]], str]
"""Makes an access token for (principal, club, roles)."""

HARBOUR = {
    "name": "Harbour",
    "zone": "Europe/London",
    "currency": "GBP",
    "position": {"latitude_microdegrees": 50_909_700, "longitude_microdegrees": -1_404_400},
}
SUMMIT = {
    "name": "Summit",
    "zone": "Europe/Zurich",
    "currency": "CHF",
    "position": {"latitude_microdegrees": 46_948_100, "longitude_microdegrees": 7_447_400},
}
HOME = {"latitude_microdegrees": 50_842_000, "longitude_microdegrees": -1_090_000}


@dataclass(kw_only=True)
class Stage:
    """What every step needs: the server, tokens, where receipts are saved, and how a step is shown."""

    client: httpx2.Client
    issue: Issue
    folder: Path
    console: Console
    verbose: bool = False
    number: int = 0
    tokens: dict[str, str] = field(default_factory=dict)

    def step(self, says: str) -> None:
        """Announce a step, as a person would want to read it."""
        self.number += 1
        self.console.print(f"\n[bold]{self.number:2}. {says}[/bold]")

    def tell(self, says: str) -> None:
        """A line below the step."""
        self.console.print(f"    {says}", highlight=False, markup=False, soft_wrap=True)

    def call(
        self, who: str, method: str, path: str, body: object = None, *, expect: int = 0, key: str | None = None
    ) -> Any:
        """One request as `who`; fails the demonstration when the answer has another status than expected."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        if method == "POST":
            headers["Idempotency-Key"] = key or uuid4().hex
        answer = self.client.request(method, path, json=body, headers=headers)
        self._show(who, method, path, body, answer)
        if (expect and answer.status_code != expect) or (not expect and answer.is_error):
            raise Failure(
                f"{method} {path} answered {answer.status_code}, which is not what this story expects: {answer.text}",
                "Look into the server's log for the request " + answer.headers.get("X-Request-ID", "(unknown)") + ".",
            )
        return answer.json()

    def wait_for_receipt(self, who: str, path: str, *, anchored: bool = False) -> bytes:
        """The receipt as text, once a checkpoint covers it, and with `anchored` once the ledger has the checkpoint."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}", "Accept": "text/plain"}
        until = monotonic() + RECEIPT_WITHIN_SECONDS
        while monotonic() < until:
            answer = self.client.get(path, headers=headers)
            if answer.is_success and (not anchored or self.check(answer.content).state == "anchored"):
                self._show(who, "GET", path, None, answer)
                return answer.content
            sleep(float(answer.headers.get("Retry-After", "0.3")))
        raise Failure(f"No receipt within {RECEIPT_WITHIN_SECONDS:.0f} s.", "Is a worker running (`concordat doctor`)?")

    def check(self, receipt: bytes) -> Verification:
        """Verify offline, with nothing but the bundle that was saved."""
        return verify_bytes(receipt, parse_bundle((self.folder / "trust.json").read_bytes()), SIGNATURES)

    def fetch_trust(self, who: str) -> None:
        """Save what a verifier must know beforehand."""
        answer = self.client.get("/v1/trust", headers={"Authorization": f"Bearer {self.tokens[who]}"})
        self._show(who, "GET", "/v1/trust", None, answer)
        (self.folder / "trust.json").write_bytes(answer.content)

    def _show(self, who: str, method: str, path: str, body: object, answer: httpx2.Response) -> None:
        if not self.verbose:
            return
        sent = "" if body is None else " " + json.dumps(body)
        for line in (f"{who}: {method} {path}{sent}", f"{answer.status_code} {answer.text}"):
            self.console.print(f"    {line}", style="dim", highlight=False, markup=False, soft_wrap=True)


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who was founded, enrolled and agreed on, by id."""

    harbour: str
    summit: str
    member: str
    agreement: str


def play(stage: Stage) -> None:
    """The whole story; raises Failure at the first step that goes otherwise."""
    stage.tokens["operator"] = stage.issue("operator", None, frozenset({"operator"}))
    harbour, summit = found(stage, HARBOUR), found(stage, SUMMIT)
    cast = Cast(harbour=harbour, summit=summit, agreement=agree(stage, harbour, summit), member=enrol(stage))
    receipt = visit_today(stage, cast)
    fill_the_quota(stage, cast)
    prove(stage, receipt)
    erase(stage, cast, receipt)
    stage.console.print(f"\n[green]Done.[/green] Receipts and trust bundle are in {stage.folder}.", highlight=False)


def found(stage: Stage, club: Mapping[str, object]) -> str:
    """Every run founds new clubs, so that it can be repeated."""
    name = str(club["name"])
    stage.step(f"The network's operator founds {name}.")
    slug = f"{name.lower()}-{uuid4().hex[:8]}"
    made = stage.call("operator", "POST", "/v1/clubs", {**club, "slug": slug}, expect=201)
    stage.tokens[name] = stage.issue(f"desk-of-{slug}", made["id"], frozenset({"secretary", "concierge"}))
    stage.tell(f"{name} keeps time by {made['zone']}, money in {made['currency']}, and has a log of its own.")
    return str(made["id"])


def agree(stage: Stage, harbour: str, summit: str) -> str:
    """Terms are one version with one hash; both accept that hash."""
    stage.step("Harbour proposes terms, Summit accepts the very same terms.")
    today = datetime.now(UTC).date()
    terms = {
        "effective_from": (today - timedelta(days=1)).isoformat(),
        "categories": ["full"],
        "accepted_standings": ["good"],
        "quotas": [{"window": "calendar_month", "limit": 4}, {"window": "calendar_year", "limit": 48}],
        "least_distance_metres_from_club": 90_000,
        "least_distance_metres_from_residence": 90_000,
        "notice_days": 30,
    }
    draft = stage.call("Harbour", "POST", "/v1/agreements", {"partner": summit, "terms": terms}, expect=201)
    path = f"/v1/agreements/{draft['id']}"
    stage.call("Harbour", "POST", f"{path}/propose")
    seen = stage.call("Summit", "GET", path)
    terms_hash = seen["versions"][-1]["hash"]
    stage.call("Summit", "POST", f"{path}/accept", {"terms_hash": terms_hash})
    active = stage.call("Harbour", "POST", f"{path}/activate")
    stage.tell("4 visits a month, 48 a year, members in good standing from 90 km away or more.")
    stage.tell(
        f"Terms hash {terms_hash}, accepted by {len(active['versions'][-1]['accepted_by'])} clubs: {active['state']}."
    )
    return str(draft["id"])


def enrol(stage: Stage) -> str:
    """Harbour knows the person; Summit will only ever see a random reference."""
    stage.step("Harbour enrols Ada Marsh, whose dues are paid.")
    person = {"number": "H-1001", "name": "Ada Marsh", "category": "full", "residence": HOME}
    member = stage.call("Harbour", "POST", "/v1/members", person, expect=201)
    today = datetime.now(UTC).date()
    facts = f"/v1/members/{member['id']}/facts"
    stage.call("Harbour", "POST", facts, {"kind": "term", "first": (today - timedelta(days=400)).isoformat()})
    stage.call("Harbour", "POST", facts, {"kind": "paid_through", "first": (today + timedelta(days=200)).isoformat()})
    stage.tell(f"To other clubs she is {member['ref']}.")
    return str(member["id"])


def visit_today(stage: Stage, cast: Cast) -> str:
    """Request, confirmation, check-in, and a second desk that is refused."""
    today = datetime.now(ZoneInfo(str(SUMMIT["zone"]))).date()
    stage.step("Ada announces a visit to Summit for today; Summit confirms.")
    visit = book(stage, cast, today)
    stage.step("She checks in at Summit's desk.")
    path, key = f"/v1/visits/{visit}/check-in", uuid4().hex
    decision = stage.call("Summit", "POST", path, {}, key=key)
    stage.tell(
        f"Admitted at {decision['visit']['checked_in_at']}; the receipt is provisional, no ledger was waited for."
    )
    again = stage.call("Summit", "POST", path, {}, key=key)
    stage.tell(f"The same request again gets the same answer: {'yes' if again == decision else 'NO'}.")
    stage.step("A second desk tries to check her in.")
    refused = stage.call("Summit", "POST", path, {}, expect=409)
    stage.tell(f"Refused: {refused['title']} [{refused['type']}]")
    return str(decision["receipt"])


def book(stage: Stage, cast: Cast, day: date) -> str:
    """One day, announced by Harbour and confirmed by Summit."""
    wish = {
        "member_id": cast.member,
        "host_club": cast.summit,
        "first_day": day.isoformat(),
        "last_day": day.isoformat(),
    }
    decision = stage.call("Harbour", "POST", "/v1/visits", wish, expect=201)
    visit = str(decision["visit"]["id"])
    confirmed = stage.call("Summit", "POST", f"/v1/visits/{visit}/confirm", {})
    stage.tell(f"{day}: eligible, {confirmed['visit']['state']}.")
    return visit


def fill_the_quota(stage: Stage, cast: Cast) -> None:
    """Four places a month, and a verdict that says why there is no fifth."""
    stage.step("Four visits are booked for next month, then a fifth.")
    first = (datetime.now(UTC).date().replace(day=1) + timedelta(days=32)).replace(day=1)
    for offset in range(4):
        book(stage, cast, first + timedelta(days=3 * offset))
    fifth = (first + timedelta(days=20)).isoformat()
    wish = {"member_id": cast.member, "host_club": cast.summit, "first_day": fifth, "last_day": fifth}
    refused = stage.call("Harbour", "POST", "/v1/visits", wish, expect=422)
    for failure in refused["failed"]:
        said = ", ".join(f"{name} {value}" for name, value in failure["parameters"].items() if value is not None)
        stage.tell(f"Refused by verdict: [{failure['code']}] {said}.")


def prove(stage: Stage, receipt: str) -> None:
    """The receipt verifies offline, and one altered byte is found."""
    stage.step("The receipt is fetched, saved and verified offline.")
    saved = stage.folder / "check-in.receipt"
    stage.call("Summit", "POST", "/v1/log/anchor", expect=202)
    # A log has no key to trust before its first checkpoint.
    stage.wait_for_receipt("Summit", f"/v1/log/receipts/{receipt}")
    stage.fetch_trust("Summit")
    data = stage.wait_for_receipt("Summit", f"/v1/log/receipts/{receipt}", anchored=True)
    saved.write_bytes(data)
    found = stage.check(data)
    by = f", endorsed by peers of {', '.join(found.organisations)}" if found.organisations else ""
    stage.tell(f"{saved}: {found.validity}, {found.state}, assurance {found.assurance}{by}.")
    stage.tell(f"concordat verify {saved} --trust {stage.folder / 'trust.json'}")
    stage.step("One byte of a copy is altered.")
    copy = stage.folder / "altered.receipt"
    altered = alter(data)
    copy.write_bytes(altered)
    found = stage.check(altered)
    stage.tell(f"{copy}: {found.validity} at the step '{found.step}': {found.reason}.")


def alter(receipt: bytes) -> bytes:
    """The receipt with another minute of arrival inside its record, as a forger would have it."""
    head, extra, rest = receipt.split(b"\n", 2)
    body = b64decode(extra.removeprefix(b"extra "))
    forged = re.sub(rb'(checked_in_at[\\\\":]+[0-9-]{10}T[0-9]{2}:[0-9])([0-9])', _another_minute, body, count=1)
    return b"\n".join((head, b"extra " + b64encode(forged), rest))


def _another_minute(found: re.Match[bytes]) -> bytes:
    return found[1] + (b"0" if found[2] != b"0" else b"1")


def erase(stage: Stage, cast: Cast, receipt: str) -> None:
    """The person goes, the proof stays."""
    stage.step("Ada asks to be forgotten, and Harbour erases her.")
    stage.call("Harbour", "POST", f"/v1/members/{cast.member}/erase")
    member = stage.call("Harbour", "GET", f"/v1/members/{cast.member}")
    stage.tell(f"Name: {member['name']}, number: {member['number']}, residence: {member['residence']}.")
    stage.step("The receipt, fetched anew, still verifies.")
    data = stage.wait_for_receipt("Summit", f"/v1/log/receipts/{receipt}", anchored=True)
    (stage.folder / "redacted.receipt").write_bytes(data)
    found = stage.check(data)
    erased = len(found.redacted)
    stage.tell(f"{stage.folder / 'redacted.receipt'}: {found.validity}; {erased} values cannot be opened any more.")
    old = stage.check((stage.folder / "check-in.receipt").read_bytes())
    stage.tell(f"The file saved before is {old.validity} as it was.")
