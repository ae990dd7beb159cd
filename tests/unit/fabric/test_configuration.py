"""What Fabric's programs are told, and the profile that the ledger's adapter is told."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from concordat.fabric.configuration import configtx, core, node_units, orderer
from concordat.fabric.files import profile
from concordat.fabric.nodes import nodes_of
from concordat.fabric.plan import Wish, new_plan, port_of
from concordat.fabric.programs import Programs
from concordat.failures import Failure
from tests.unit.fabric.samples import plan

FOLDER = Path("/folder with spaces/Zürich")


@pytest.mark.parametrize(("version", "capability"), [("v3.1.5", "V3_0"), ("v2.5.16", "V2_0")])
def test_channel_has_the_capability_of_its_version(version: str, capability: str) -> None:
    assert _channel(version)["Capabilities"] == {capability: True}


def test_blocks_are_cut_as_asked() -> None:
    ordering = _channel()["Orderer"]
    assert ordering["BatchTimeout"] == "50ms"
    assert ordering["BatchSize"]["MaxMessageCount"] == 7


def test_every_organisation_is_a_member_with_its_own_policies() -> None:
    members = _channel()["Application"]["Organizations"]
    assert [one["ID"] for one in members] == ["Org1MSP", "Org2MSP"]
    for one in members:
        assert one["Policies"]["Endorsement"]["Rule"] == f"OR('{one['ID']}.peer')"
        assert one["Policies"]["Writers"]["Rule"] == f"OR('{one['ID']}.admin', '{one['ID']}.client')"


def test_everything_listens_on_loopback() -> None:
    """No address of any other interface, and no port that two networks would share."""
    sample = plan(FOLDER)
    for value in (orderer(sample), *(core(sample, one) for one in sample.organisations)):
        listening = [text for name, text in _walk(value) if name.lower().endswith(("listenaddress", "address"))]
        assert len(listening) >= 3
        assert {text.partition(":")[0] for text in listening} == {"127.0.0.1"}


@pytest.mark.parametrize(("version", "looked_at"), [("v3.1.5", True), ("v2.5.16", False)])
def test_peer_looks_at_the_time_of_proposals_where_it_can(version: str, looked_at: bool) -> None:
    sample = plan(FOLDER, version=version)
    filters = core(sample, sample.organisations[0])["peer"]["handlers"]["authFilters"]
    assert ({"name": "TimeWindowCheck"} in filters) is looked_at


def test_every_unit_is_a_role() -> None:
    units = node_units()["NodeOUs"]
    assert {one["OrganizationalUnitIdentifier"] for one in units.values() if one is not True} == {
        "client",
        "peer",
        "admin",
        "orderer",
    }


def test_profile_names_every_organisation_and_its_peer() -> None:
    told = tomllib.loads(profile(plan(FOLDER, organisations=3)))
    assert (told["channel"], told["chaincode"], told["k"]) == ("concordat", "witness", 2)
    assert [one["msp_id"] for one in told["organisations"]] == ["Org1MSP", "Org2MSP", "Org3MSP"]
    assert [one["address"] for one in told["peers"]] == [f"127.0.0.1:{port}" for port in (7101, 7102, 7103)]


def test_chaincode_that_runs_elsewhere_is_not_started() -> None:
    programs = Programs(version="v3.1.5", **{name: Path(f"/bin/{name}") for name in ("peer", "orderer", "configtxgen")})
    ours = nodes_of(plan(FOLDER), programs, lambda address, name: [address, name], ("bound",))
    assert [node.name for node in ours] == ["orderer", "org1.peer", "org2.peer", "org1.chaincode", "org2.chaincode"]
    assert {node.argv[0] for node in ours} == {"bound"}
    theirs = nodes_of(plan(FOLDER, chaincode="127.0.0.1:1"), programs, lambda *_: [], ())
    assert [node.name for node in theirs] == ["orderer", "org1.peer", "org2.peer"]


def test_plan_gives_every_part_a_port_of_its_own() -> None:
    made = new_plan(FOLDER, "v3.1.5", Wish(organisations=8))
    addresses = [made.orderer, made.orderer_admin]
    addresses += [address for one in made.organisations for address in (one.peer, one.chaincode)]
    assert len(set(addresses)) == 18
    # An outgoing connection of somebody else must not get one of them while a node restarts.
    assert all(20_000 <= port_of(address) < 32_768 for address in addresses)


def test_plan_needs_as_many_ports_as_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concordat.fabric.plan._PORTS", range(20_000, 20_003))
    with pytest.raises(Failure, match="No 4 ports are free from 20000 to 20002"):
        new_plan(FOLDER, "v3.1.5", Wish(organisations=1))


def _channel(version: str = "v3.1.5") -> Any:
    value = configtx(plan(FOLDER, version=version))
    assert json.loads(json.dumps(value)) == value
    return value["Profiles"]["Network"]


def _walk(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in _walk(inner, key)]
    return [(name, value)] if (isinstance(value, str) and ":" in value) or name == "ListenAddress" else []
