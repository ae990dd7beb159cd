"""The steps that make one channel out of an orderer and peers that were just started."""

import ssl
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

from concordat.fabric.chaincode import package
from concordat.fabric.plan import Organisation, Plan
from concordat.fabric.processes import clean_environment
from concordat.fabric.programs import Programs
from concordat.failures import Failure

_STEP_SECONDS = 60


def join_orderer(plan: Plan) -> None:
    """Raises Failure with the orderer's own words."""
    admin = plan.orderer_folder / "admin" / "tls"
    context = ssl.create_default_context(cafile=str(plan.orderer_folder / "tls-ca.pem"))
    context.load_cert_chain(admin / "certificate.pem", admin / "key.pem")
    url = f"https://{plan.orderer_admin}/participation/v1/channels"
    with httpx2.Client(verify=context, trust_env=False, timeout=_STEP_SECONDS) as client:
        try:
            answer = client.post(url, files={"config-block": (plan.genesis.name, plan.genesis.read_bytes())})
        except httpx2.HTTPError as error:
            raise Failure(f"The orderer did not take the channel: {error}.") from None
    if answer.status_code != httpx2.codes.CREATED:
        raise Failure(f"The orderer did not take the channel: {answer.text.strip()}")


def join_peers(plan: Plan, programs: Programs) -> None:
    """Every peer, at once."""

    def join(organisation: Organisation) -> None:
        _peer(programs, organisation, "channel", "join", "-b", str(plan.genesis))

    _for_each(plan.organisations, join)


def install_chaincode(plan: Plan, programs: Programs) -> None:
    """At every peer, as a service at the address that the plan names."""

    def install(organisation: Organisation) -> None:
        packed = organisation.folder / "chaincode.tar.gz"
        packed.write_bytes(package(organisation.chaincode))
        _peer(programs, organisation, "lifecycle", "chaincode", "install", str(packed))

    _for_each(plan.organisations, install)


def _peer(programs: Programs, organisation: Organisation, *arguments: str) -> None:
    """Fabric's own command line, as the organisation's administrator."""
    environment = {
        **clean_environment(),
        "FABRIC_CFG_PATH": str(organisation.folder),
        "CORE_PEER_MSPCONFIGPATH": str(organisation.folder / "admin" / "msp"),
    }
    try:
        done = subprocess.run(
            [programs.peer, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_STEP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"peer {' '.join(arguments[:3])} took longer than {_STEP_SECONDS} s.") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise Failure(f"peer {' '.join(arguments[:3])} failed: {said[-1] if said else done.returncode}")


def _for_each(organisations: Sequence[Organisation], step: Callable[[Organisation], Any]) -> None:
    with ThreadPoolExecutor(len(organisations)) as pool:
        for _ in pool.map(step, organisations):
            pass
