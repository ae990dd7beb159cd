"""A plan, as tests of what is written for it need one."""

from pathlib import Path

from concordat.fabric.plan import Organisation, Plan, Wish


def plan(folder: Path, *, version: str = "v3.1.5", organisations: int = 2, chaincode: str | None = None) -> Plan:
    """With addresses that nobody listens at."""
    return Plan(
        folder=folder,
        version=version,
        wish=Wish(organisations=organisations, batch_timeout_milliseconds=50, max_messages=7, chaincode=chaincode),
        orderer="127.0.0.1:7000",
        orderer_admin="127.0.0.1:7001",
        organisations=tuple(
            Organisation(
                name=f"org{number}",
                msp_id=f"Org{number}MSP",
                folder=folder / f"org{number}",
                peer=f"127.0.0.1:{7100 + number}",
                chaincode=f"127.0.0.1:{7200 + number}",
            )
            for number in range(1, organisations + 1)
        ),
    )
