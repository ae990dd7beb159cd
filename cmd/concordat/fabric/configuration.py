"""What Fabric's programs read: channel, orderer and peer as values. Written as JSON, which is valid YAML."""

from pathlib import Path
from typing import Any

from concordat.fabric.plan import HOST, ORDERER_MSP, Organisation, Plan, port_of

PROFILE = "Network"
UNITS = ("client", "peer", "admin", "orderer")

_IMPLICIT = {"Readers": "ANY Readers", "Writers": "ANY Writers", "Admins": "MAJORITY Admins"}


def is_3(version: str) -> bool:
    """Fabric 3, which has capabilities and filters of its own."""
    return version.startswith("v3.")


def node_units() -> dict[str, Any]:
    """An MSP's config.yaml: the role of a certificate is its organisational unit."""
    identifiers = {
        f"{unit.capitalize()}OUIdentifier": {"Certificate": "cacerts/ca.pem", "OrganizationalUnitIdentifier": unit}
        for unit in UNITS
    }
    return {"NodeOUs": {"Enable": True, **identifiers}}


def configtx(plan: Plan) -> dict[str, Any]:
    """What configtxgen makes the channel's first block of."""
    return {
        "Profiles": {
            PROFILE: {
                "Policies": _implicit(),
                "Capabilities": {"V3_0" if is_3(plan.version) else "V2_0": True},
                "Orderer": _ordering(plan),
                "Application": {
                    "Policies": _implicit(
                        LifecycleEndorsement="MAJORITY Endorsement", Endorsement="MAJORITY Endorsement"
                    ),
                    "Capabilities": {"V2_5": True},
                    "Organizations": [_member(one) for one in plan.organisations],
                },
            }
        }
    }


def _ordering(plan: Plan) -> dict[str, Any]:
    certificate = str(plan.orderer_folder / "orderer" / "tls" / "certificate.pem")
    consenter = {"Host": HOST, "Port": port_of(plan.orderer)}
    return {
        "OrdererType": "etcdraft",
        "BatchTimeout": f"{plan.wish.batch_timeout_milliseconds}ms",
        "BatchSize": {
            "MaxMessageCount": plan.wish.max_messages,
            "AbsoluteMaxBytes": "10 MB",
            "PreferredMaxBytes": "2 MB",
        },
        "EtcdRaft": {
            "Consenters": [{**consenter, "ClientTLSCert": certificate, "ServerTLSCert": certificate}],
            # With one orderer nobody else could be elected: it need not wait for long.
            "Options": {
                "TickInterval": "100ms",
                "ElectionTick": 5,
                "HeartbeatTick": 1,
                "MaxInflightBlocks": 5,
                "SnapshotIntervalSize": "16 MB",
            },
        },
        "Policies": _implicit(BlockValidation="ANY Writers"),
        "Capabilities": {"V2_0": True},
        "Organizations": [
            {
                **_organisation(ORDERER_MSP, plan.orderer_folder),
                "Policies": _signed(ORDERER_MSP, Readers=("member",), Writers=("member",), Admins=("admin",)),
                "OrdererEndpoints": [plan.orderer],
            }
        ],
    }


def _member(organisation: Organisation) -> dict[str, Any]:
    return {
        **_organisation(organisation.msp_id, organisation.folder),
        "Policies": _signed(
            organisation.msp_id,
            Readers=("admin", "peer", "client"),
            Writers=("admin", "client"),
            Admins=("admin",),
            Endorsement=("peer",),
        ),
        "AnchorPeers": [{"Host": HOST, "Port": port_of(organisation.peer)}],
    }


def _organisation(msp_id: str, folder: Path) -> dict[str, Any]:
    return {"Name": msp_id, "ID": msp_id, "MSPDir": str(folder / "admin" / "msp")}


def _implicit(**more: str) -> dict[str, Any]:
    return {name: {"Type": "ImplicitMeta", "Rule": rule} for name, rule in {**_IMPLICIT, **more}.items()}


def _signed(msp_id: str, **roles: tuple[str, ...]) -> dict[str, Any]:
    return {
        name: {"Type": "Signature", "Rule": f"OR({', '.join(repr(f'{msp_id}.{role}') for role in any_of)})"}
        for name, any_of in roles.items()
    }


_SIGNING = {"Default": "SW", "SW": {"Hash": "SHA2", "Security": 256}}
_ANY_PORT = f"{HOST}:0"


def orderer(plan: Plan) -> dict[str, Any]:
    """The whole orderer.yaml."""
    folder = plan.orderer_folder
    certificate, key = (str(folder / "orderer" / "tls" / name) for name in ("certificate.pem", "key.pem"))
    roots = [str(folder / "tls-ca.pem")]
    tls = {"Enabled": True, "Certificate": certificate, "PrivateKey": key}
    return {
        "General": {
            "ListenAddress": HOST,
            "ListenPort": port_of(plan.orderer),
            "TLS": {**tls, "RootCAs": roots, "ClientAuthRequired": False},
            "Keepalive": {"ServerMinInterval": "60s", "ServerInterval": "7200s", "ServerTimeout": "20s"},
            "Cluster": {"SendBufferSize": 100, "ClientCertificate": certificate, "ClientPrivateKey": key},
            "LocalMSPDir": str(folder / "orderer" / "msp"),
            "LocalMSPID": ORDERER_MSP,
            "BCCSP": _SIGNING,
            "BootstrapMethod": "none",
            "Authentication": {"TimeWindow": "15m"},
            "MaxRecvMsgSize": 100 << 20,
            "MaxSendMsgSize": 100 << 20,
        },
        "FileLedger": {"Location": str(folder / "data")},
        "ChannelParticipation": {"Enabled": True, "MaxRequestBodySize": "1 MB"},
        "Admin": {
            "ListenAddress": plan.orderer_admin,
            "TLS": {**tls, "RootCAs": roots, "ClientAuthRequired": True, "ClientRootCAs": roots},
        },
        "Consensus": {"WALDir": str(folder / "raft" / "wal"), "SnapDir": str(folder / "raft" / "snapshots")},
        "Operations": {"ListenAddress": _ANY_PORT},
        "Metrics": {"Provider": "disabled"},
    }


def core(plan: Plan, organisation: Organisation) -> dict[str, Any]:
    """The whole core.yaml of an organisation's peer, which the peer's own command line reads as well."""
    return {
        "peer": _peer(organisation, plan.version),
        "vm": {"endpoint": ""},
        "chaincode": {
            "mode": "net",
            "externalBuilders": [{"name": "ccaas", "path": str(plan.builder)}],
            "installTimeout": "60s",
            "startuptimeout": "60s",
            "executetimeout": "30s",
            "system": dict.fromkeys(("_lifecycle", "cscc", "lscc", "qscc"), "enable"),
            "runtimeParams": {
                "useWriteBatch": True,
                "maxSizeWriteBatch": 1000,
                "useGetMultipleKeys": True,
                "maxSizeGetMultipleKeys": 1000,
            },
        },
        "ledger": {
            "state": {"stateDatabase": "goleveldb", "totalQueryLimit": 100_000},
            "history": {"enableHistoryDatabase": True},
            "snapshots": {"rootDir": str(organisation.folder / "peer" / "snapshots")},
        },
        "operations": {"listenAddress": _ANY_PORT},
        "metrics": {"provider": "disabled"},
    }


def _peer(organisation: Organisation, version: str) -> dict[str, Any]:
    folder = organisation.folder / "peer"
    return {
        "id": organisation.peer_name,
        "networkId": "concordat",
        "listenAddress": organisation.peer,
        "address": organisation.peer,
        # For chaincode that peers start themselves, which is none of ours; unset, every peer would take port 7052.
        "chaincodeListenAddress": _ANY_PORT,
        "localMspId": organisation.msp_id,
        "mspConfigPath": str(folder / "msp"),
        "fileSystemPath": str(folder / "data"),
        "BCCSP": _SIGNING,
        "tls": {
            "enabled": True,
            "cert": {"file": str(folder / "tls" / "certificate.pem")},
            "key": {"file": str(folder / "tls" / "key.pem")},
            "rootcert": {"file": str(organisation.folder / "tls-ca.pem")},
        },
        "authentication": {"timewindow": "15m"},
        "gateway": {"enabled": True, "endorsementTimeout": "30s", "broadcastTimeout": "30s", "dialTimeout": "2m"},
        "discovery": {"enabled": True, "authCacheEnabled": True, "authCacheMaxSize": 1000},
        "limits": {"concurrency": {"endorserService": 2500, "deliverService": 2500, "gatewayService": 500}},
        "gossip": _gossip(organisation.peer),
        "deliveryclient": {"minimalReconnectInterval": "100ms", "reConnectBackoffThreshold": "1s"},
        "handlers": {
            "authFilters": [{"name": name} for name in _filters(version)],
            "decorators": [{"name": "DefaultDecorator"}],
            "endorsers": {"escc": {"name": "DefaultEndorsement"}},
            "validators": {"vscc": {"name": "DefaultValidation"}},
        },
    }


def _filters(version: str) -> tuple[str, ...]:
    """Fabric 2.5 looks at no proposal's time, and refuses to start with a filter that it does not have."""
    usual = ("DefaultAuth", "ExpirationCheck")
    return (*usual, "TimeWindowCheck") if is_3(version) else usual


def _gossip(address: str) -> dict[str, Any]:
    """Quicker than the usual: peers that just started, or just died, are to be known within a second or five."""
    return {
        "bootstrap": address,
        "endpoint": address,
        "externalEndpoint": address,
        "useLeaderElection": False,
        "orgLeader": True,
        "state": {"enabled": False},
        # A call to a peer of an authority that is not known yet fails only when its time is over, and is repeated then.
        "dialTimeout": "500ms",
        "reconnectInterval": "250ms",
        "publishStateInfoInterval": "500ms",
        "requestStateInfoInterval": "500ms",
        "aliveTimeInterval": "500ms",
        "aliveExpirationTimeout": "5s",
        "membershipTrackerInterval": "1s",
        "publishCertPeriod": "1s",
        "pvtData": {
            "pullRetryThreshold": "5s",
            "transientstoreMaxBlockRetention": 20_000,
            "pushAckTimeout": "3s",
            "btlPullMargin": 10,
            "reconcileBatchSize": 10,
            "reconcileSleepInterval": "1m",
            "reconciliationEnabled": True,
            "implicitCollectionDisseminationPolicy": {"requiredPeerCount": 0, "maxPeerCount": 1},
        },
    }
