"""Receipts that real networks of three organisations vouched for, one of each version of Fabric, as they came then."""

import pytest

from adapters.outbound.signatures import SIGNATURES
from core.log.receipts import Assurance, State, Validity, verify_bytes
from core.log.trust import TrustBundle, parse_bundle
from tests.architecture.tree import REPOSITORY

DATA = REPOSITORY / "tests" / "data" / "fabric"
LARGEST = 12 * 1024


@pytest.fixture(params=["v3.1.5", "v2.5.16"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def recorded(version: str) -> tuple[bytes, TrustBundle]:
    receipt = (DATA / f"receipt-{version}.tlog-proof").read_bytes()
    return receipt, parse_bundle((DATA / f"trust-{version}.json").read_bytes())


def test_a_real_receipt_verifies_and_is_small(version: str) -> None:
    receipt, bundle = recorded(version)
    found = verify_bytes(receipt, bundle, SIGNATURES)
    assert (found.validity, found.state, found.assurance) == (Validity.VALID, State.ANCHORED, Assurance.CONSORTIUM)
    assert found.organisations == ("Org1MSP", "Org2MSP", "Org3MSP")
    assert len(receipt) <= LARGEST


def test_a_real_receipt_is_not_believed_with_another_network_s_bundle(version: str) -> None:
    receipt, _ = recorded(version)
    other = {"v3.1.5": "v2.5.16", "v2.5.16": "v3.1.5"}[version]
    assert verify_bytes(receipt, recorded(other)[1], SIGNATURES).validity is Validity.INVALID
