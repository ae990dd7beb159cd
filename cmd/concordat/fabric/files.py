"""Everything of a network that is written before anything runs; readable by its owner alone, private keys included."""

import json
import os
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from concordat.fabric import configuration
from concordat.fabric.certificates import Authority, Issued
from concordat.fabric.chaincode import BUILDER
from concordat.fabric.plan import CHAINCODE, CHANNEL, ORDERER_MSP, Organisation, Plan
from concordat.fabric.programs import Programs
from concordat.failures import Failure

PRIVATE, EXECUTABLE = 0o600, 0o700
_TAIL = 2000


def write_network(plan: Plan, programs: Programs, at: datetime) -> None:
    """Certificates, configurations, the profile and the channel's first block."""
    _found(plan.orderer_folder, ORDERER_MSP, ("orderer", "admin"), at)
    _write_json(plan.orderer_folder / "orderer.yaml", configuration.orderer(plan))
    for organisation in plan.organisations:
        _found(organisation.folder, organisation.msp_id, ("peer", "admin", "client"), at)
        _write_json(organisation.folder / "core.yaml", configuration.core(plan, organisation))
    for name, text in BUILDER.items():
        _write(plan.builder / name, text.encode(), EXECUTABLE)
    _write(plan.profile, profile(plan).encode())
    _make_genesis(plan, programs)


def profile(plan: Plan) -> str:
    """What the ledger's adapter is told about the network, as TOML; files are named from the profile's own folder."""
    lines = [
        "# Written by concordat fabric up. Files are relative to the folder of this one.",
        f"channel = {_text(CHANNEL)}",
        f"chaincode = {_text(CHAINCODE)}",
        "# How many organisations have to vouch for what is read.",
        f"k = {plan.majority}",
    ]
    for organisation in plan.organisations:
        lines += ["", "[[organisations]]", *_organisation(organisation)]
        lines += ["", "[[peers]]", *_gateway_peer(organisation)]
    return "\n".join([*lines, ""])


def _organisation(one: Organisation) -> list[str]:
    return [
        f"msp_id = {_text(one.msp_id)}",
        f"roots = {_text(f'{one.name}/ca.pem')}",
        f"certificate = {_text(f'{one.name}/client/msp/signcerts/certificate.pem')}",
        f"private_key = {_text(f'{one.name}/client/msp/keystore/key.pem')}",
    ]


def _gateway_peer(one: Organisation) -> list[str]:
    return [
        f"msp_id = {_text(one.msp_id)}",
        f"address = {_text(one.peer)}",
        f"tls_roots = {_text(f'{one.name}/tls-ca.pem')}",
    ]


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _found(folder: Path, msp_id: str, units: Sequence[str], at: datetime) -> None:
    """An organisation: two authorities, and for each unit one identity with a certificate for TLS."""
    authority, tls = Authority.new(f"{msp_id} CA", at), Authority.new(f"{msp_id} TLS CA", at)
    for name, issued in (("ca", authority.issued), ("tls-ca", tls.issued)):
        _write(folder / f"{name}.pem", issued.certificate)
        _write(folder / f"{name}-key.pem", issued.private_key)
    for unit in units:
        name, msp = f"{unit} of {msp_id}", folder / unit / "msp"
        _write(msp / "cacerts" / "ca.pem", authority.issued.certificate)
        _write(msp / "tlscacerts" / "tls-ca.pem", tls.issued.certificate)
        _write_json(msp / "config.yaml", configuration.node_units())
        identity = authority.identity(name, unit, at)
        _write(msp / "signcerts" / "certificate.pem", identity.certificate)
        _write(msp / "keystore" / "key.pem", identity.private_key)
        _write_pair(folder / unit / "tls", tls.server(name, at))


def _write_pair(folder: Path, issued: Issued) -> None:
    _write(folder / "certificate.pem", issued.certificate)
    _write(folder / "key.pem", issued.private_key)


def _make_genesis(plan: Plan, programs: Programs) -> None:
    _write_json(plan.folder / "configtx.yaml", configuration.configtx(plan))
    made = subprocess.run(
        [
            *(programs.configtxgen, "-configPath", plan.folder, "-profile", configuration.PROFILE),
            *("-channelID", CHANNEL, "-outputBlock", plan.genesis),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if made.returncode != 0:
        raise Failure(f"configtxgen refused the channel: {made.stderr.strip()[-_TAIL:]}")


def _write_json(path: Path, value: dict[str, Any]) -> None:
    _write(path, json.dumps(value, indent=2, ensure_ascii=False).encode())


def _write(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
