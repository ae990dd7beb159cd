"""The profile of a network: what it gives, and what is said of one that is wrong."""

from pathlib import Path

import pytest

from adapters.outbound.fabric.profile import ProfileRefused, read_profile
from concordat.assembly.fabric import profile_at
from concordat.container import running
from concordat.failures import USAGE, Failure
from concordat.settings import load
from tests.support.organisations import Organisation

HARBOUR, SUMMIT = Organisation("HarbourMSP"), Organisation("SummitMSP")
CLIENT, OTHER = (HARBOUR.member("client") for _ in range(2))
FINGERPRINT = ":".join(["AB", "CD"] * 16)

PROFILE = f"""
channel = "clubs"
chaincode = "witness"
k = 2
revocations = ["{FINGERPRINT}"]

[[organisations]]
msp_id = "SummitMSP"
roots = "summit.pem"

[[organisations]]
msp_id = "HarbourMSP"
roots = "harbour.pem"
certificate = "client.pem"
private_key = "client-key.pem"

[[peers]]
msp_id = "SummitMSP"
address = "summit.example:7051"
tls_roots = "summit.pem"

[[peers]]
msp_id = "HarbourMSP"
address = "10.0.0.7:7051"
tls_roots = "harbour.pem"
name = "peer.harbour.example"
"""


def written(folder: Path, text: str = PROFILE) -> Path:
    files = {
        "summit.pem": SUMMIT.root_pem.encode(),
        "harbour.pem": HARBOUR.root_pem.encode(),
        "client.pem": CLIENT.pem,
        "client-key.pem": CLIENT.private_pem,
        "other-key.pem": OTHER.private_pem,
        "empty.pem": b"",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    profile = folder / "fabric.toml"
    profile.write_text(text, encoding="utf-8")
    return profile


def test_the_organisation_with_a_client_acts_and_its_own_peers_are_asked_first(tmp_path: Path) -> None:
    told = read_profile(written(tmp_path))
    assert (told.channel, told.contract, told.identity.msp_id) == ("clubs", "witness", "HarbourMSP")
    assert [(peer.address, peer.name) for peer in told.peers] == [
        ("10.0.0.7:7051", "peer.harbour.example"),
        ("summit.example:7051", None),
    ]
    assert (told.trust.k, sorted(told.trust.organisations)) == (2, ["HarbourMSP", "SummitMSP"])
    assert told.trust.revocations == ("abcd" * 16,)


def test_nothing_of_a_private_key_is_shown(tmp_path: Path) -> None:
    assert "PRIVATE" not in repr(read_profile(written(tmp_path)))


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("k = 2", "k = 3", "k is how many organisations have to agree, 1 to 2"),
        ("k = 2", "k = true", "k is how many"),
        ("k = 2", "", "k is how many"),
        ("k = 2", "k = ", "is not TOML"),
        ("k = 2", "k = 2\nn = 1", "the profile has no n"),
        (f'["{FINGERPRINT}"]', "7", "revocations are"),
        (f'"{FINGERPRINT}"', "7", "a revocation is the SHA-256 fingerprint"),
        (FINGERPRINT, FINGERPRINT[:59], "a revocation is the SHA-256 fingerprint"),
        (FINGERPRINT, f"sha256 Fingerprint={FINGERPRINT}", "what comes after the ="),
        ('channel = "clubs"', "", "the profile needs channel"),
        ('roots = "summit.pem"\n\n[[o', 'root = "summit.pem"\n\n[[o', "an organisation has no root;"),
        ('certificate = "client.pem"\nprivate_key = "client-key.pem"\n', "", "no organisation has the certificate"),
        ('"client-key.pem"', '"nowhere.pem"', "nowhere.pem cannot be read: No such file"),
        ('"client-key.pem"', '"client.pem"', "private_key client.pem holds no ECDSA key on P-256"),
        ('"client-key.pem"', '"other-key.pem"', "private_key other-key.pem is not that of client.pem"),
        ('certificate = "client.pem"', 'certificate = "empty.pem"', "certificate empty.pem holds no certificate"),
        ('tls_roots = "harbour.pem"', 'tls_roots = "empty.pem"', "tls_roots empty.pem holds no certificate"),
        ("[[peers]]", "[[pears]]", "the profile has no pears"),
        ('address = "10.0.0.7:7051"', "port = 7051", "a peer has no port"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    profile = written(tmp_path, PROFILE.replace(right, wrong))
    with pytest.raises(ProfileRefused) as refused:
        read_profile(profile)
    assert said in str(refused.value)
    assert "PRIVATE" not in str(refused.value)
    with pytest.raises(Failure) as failure:
        profile_at(profile)
    assert failure.value.status == USAGE


@pytest.mark.parametrize("url", ["fabric:", "fabric:nowhere.toml"])
async def test_the_product_does_not_start_without_the_profile_that_is_named(tmp_path: Path, url: str) -> None:
    with pytest.raises(Failure) as failure:
        async with running(load(profile="local", data_folder=tmp_path, ledger_url=url)):
            pass
    assert "CONCORDAT_LEDGER_URL" in failure.value.sentence + failure.value.advice
