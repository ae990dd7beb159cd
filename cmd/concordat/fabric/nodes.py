"""Which processes a network consists of, each with its command and environment."""

from collections.abc import Sequence

from concordat.fabric.chaincode import ServeChaincode, package, package_id
from concordat.fabric.plan import Organisation, Plan
from concordat.fabric.processes import Node
from concordat.fabric.programs import Programs

ORDERER = "orderer"
LEADS = "Raft leader changed: 0 -> "
"""What the orderer's log says once it takes transactions on the channel that it joined."""

_LOGGING = {"FABRIC_LOGGING_FORMAT": "%{time:2006-01-02T15:04:05.000Z07:00} %{level:.4s} [%{module}] %{message}"}
"""The usual one has colours, which a file should not have."""


def nodes_of(plan: Plan, programs: Programs, serve: ServeChaincode, prefix: Sequence[str]) -> tuple[Node, ...]:
    """None of them begun yet. `prefix` stands before every command: a program that becomes the one that it is given."""
    orderer = Node(
        name=ORDERER,
        address=plan.orderer,
        argv=(*prefix, str(programs.orderer)),
        environment={**_LOGGING, "FABRIC_CFG_PATH": str(plan.orderer_folder)},
        log=plan.log(ORDERER),
        ready="Beginning to serve requests",
    )
    peers = [_peer(plan, one, programs, prefix) for one in plan.organisations]
    chaincodes = [] if plan.wish.chaincode else [_chaincode(plan, one, serve, prefix) for one in plan.organisations]
    return (orderer, *peers, *chaincodes)


def _peer(plan: Plan, organisation: Organisation, programs: Programs, prefix: Sequence[str]) -> Node:
    return Node(
        name=organisation.peer_name,
        address=organisation.peer,
        argv=(*prefix, str(programs.peer), "node", "start"),
        environment={**_LOGGING, "FABRIC_CFG_PATH": str(organisation.folder)},
        log=plan.log(organisation.peer_name),
        ready="Started peer with ID",
    )


def _chaincode(plan: Plan, organisation: Organisation, serve: ServeChaincode, prefix: Sequence[str]) -> Node:
    name = organisation.chaincode_name
    command = serve(organisation.chaincode, package_id(package(organisation.chaincode)))
    return Node(
        name=name,
        address=organisation.chaincode,
        argv=(*prefix, *command),
        environment={"PYTHONUNBUFFERED": "1"},
        log=plan.log(name),
    )
