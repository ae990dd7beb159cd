"""The trust bundle: round trip, key ranges, and everything that is not a bundle."""

import json
from typing import Any

import pytest

from core.log.errors import LogInvalid, MalformedBundle
from core.log.trust import KeyRange, LedgerTrust, TrustBundle, parse_bundle, parse_ledger_trust, write_bundle
from shared.canonical import dumps
from tests.unit.log.scenario import HARBOUR, LEDGER, LOG, OLD_LOG, SCENARIO, SUMMIT

DATA = write_bundle(SCENARIO.bundle())
VALUE: dict[str, Any] = json.loads(DATA)
KEYS = VALUE["logs"][HARBOUR]


def test_a_bundle_survives_its_bytes() -> None:
    bundle = SCENARIO.bundle()
    assert parse_bundle(DATA) == bundle
    assert parse_ledger_trust(bundle.ledger.to_json()) == bundle.ledger


def test_a_bundle_with_fabric_s_part_survives_its_bytes() -> None:
    fabric = LedgerTrust(
        channel="clubs", contract="witness", k=2, organisations={"OrgA": ("pem",), "OrgB": ()}, revocations=("crl",)
    )
    bundle = TrustBundle(logs={}, ledger=fabric)
    assert parse_bundle(write_bundle(bundle)) == bundle


@pytest.mark.parametrize(("size", "covered"), [(0, False), (199, False), (200, True), (299, True), (300, False)])
def test_a_key_is_good_from_its_first_size_to_before_its_last(size: int, covered: bool) -> None:
    assert KeyRange(key=LOG.key, from_size=200, until_size=300).covers(size) is covered
    assert KeyRange(key=LOG.key, from_size=200).covers(size) is (size >= 200)


def changed(**members: Any) -> bytes:
    return dumps({name: value for name, value in {**VALUE, **members}.items() if value is not ...})


def ledger(**members: Any) -> bytes:
    return changed(ledger={name: value for name, value in {**VALUE["ledger"], **members}.items() if value is not ...})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        DATA + b"\n",
        b"\xff",
        b"[" * 50_000,
        changed(v=2),
        changed(v=True),
        changed(v=...),
        changed(more=1),
        changed(logs=[]),
        changed(logs={"Harbour": []}),
        changed(logs={SUMMIT: KEYS}),
        changed(logs={HARBOUR: {}}),
        changed(logs={HARBOUR: [{}]}),
        changed(logs={HARBOUR: [{**KEYS[0], "more": 1}]}),
        changed(logs={HARBOUR: [{**KEYS[0], "key": "nonsense"}]}),
        changed(logs={HARBOUR: [{**KEYS[0], "key": 5}]}),
        changed(logs={HARBOUR: [{**KEYS[0], "from": -1}]}),
        changed(logs={HARBOUR: [{**KEYS[0], "from": True}]}),
        changed(logs={HARBOUR: [{**KEYS[0], "until": "9"}]}),
        changed(logs={HARBOUR: [{**KEYS[0], "until": 0}]}),
        changed(logs={HARBOUR: list(reversed(KEYS))}),
        changed(logs={HARBOUR: [KEYS[0], {**KEYS[1], "from": 199}]}),
        changed(logs={HARBOUR: [KEYS[1], {**KEYS[0], "from": 300, "until": None}]}),
        changed(policy=None),
        changed(policy="nonsense"),
        changed(policy=""),
        ledger(k=-1),
        ledger(k=None),
        ledger(k=...),
        ledger(more=1),
        ledger(witnesses=None),
        ledger(witnesses=[str(LOG.key)]),
        ledger(witnesses=["nonsense"]),
        ledger(witnesses=[5]),
        ledger(channel=5),
        ledger(contract=[]),
        ledger(organisations=[]),
        ledger(organisations={"a": "b"}),
        ledger(organisations={"a": [1]}),
        ledger(revocations={}),
    ],
)
def test_what_is_not_a_bundle_is_refused_with_one_error(data: bytes) -> None:
    with pytest.raises(MalformedBundle):
        parse_bundle(data)


@pytest.mark.parametrize(
    "ranges",
    [
        (KeyRange(key=LEDGER.key),),
        (KeyRange(key=OLD_LOG.key), KeyRange(key=LOG.key, from_size=5)),
        (KeyRange(key=LOG.key, from_size=5, until_size=5),),
    ],
)
def test_no_bundle_is_made_with_ranges_that_contradict_each_other(ranges: tuple[KeyRange, ...]) -> None:
    with pytest.raises(LogInvalid):
        TrustBundle(logs={HARBOUR: ranges})


def test_no_bundle_is_made_with_a_policy_that_is_none() -> None:
    with pytest.raises(LogInvalid):
        TrustBundle(logs={}, policy="quorum nobody\n")
