"""`concordat chaincode serve`: the contract `witness` as a service that the peers of a Fabric network dial."""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from concordat.failures import USAGE, Failure
from concordat.stopping import leave_on_signals, new_loop, on_signals

if TYPE_CHECKING:
    from adapters.inbound.grpc.settings import Tls

GRACE_SECONDS = 3.0
LAST_PORT = 65535
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})")

chaincode = typer.Typer(help="The contract that a Fabric network anchors logs with.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.add_typer(chaincode, name="chaincode")


@chaincode.command("serve")
def serve(
    *,
    address: Annotated[
        str, typer.Option(help="HOST:PORT to listen on, port 0 for any.", envvar="CHAINCODE_SERVER_ADDRESS")
    ],
    package_id: Annotated[
        str, typer.Option(help="As the peers installed it: LABEL:HASH.", envvar="CORE_CHAINCODE_ID_NAME")
    ],
    tls_key: Annotated[Path | None, typer.Option(help="Private key, PEM.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain of that key, PEM.")] = None,
    tls_client_roots: Annotated[Path | None, typer.Option(help="Roots of the peers' TLS certificates, PEM.")] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        typer.Option(help="How much it says.", envvar="CONCORDAT_LOG_LEVEL"),
    ] = "info",
    log_format: Annotated[
        Literal["console", "json"], typer.Option(help="For people or machines.", envvar="CONCORDAT_LOG_FORMAT")
    ] = "json",
) -> None:
    """Serve the contract witness to peers, which dial it; it needs no database, no profile and no secret of its own.

    TLS is mutual: all three files, or none. Ctrl-C or SIGTERM lets running transactions end, within three seconds.
    """
    leave_on_signals()
    host, port = _host_and_port(address)
    given = tls_key, tls_cert, tls_client_roots
    if any(given) and not all(given):
        raise Failure("Of the three TLS files some are missing.", "Name all of them, or none.", status=USAGE)

    from concordat import telemetry
    from concordat.tls import read_tls

    telemetry.configure(level=log_level, form=log_format)
    tls = read_tls(*given, advice="Check --tls-key, --tls-cert and --tls-client-roots.")
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_serve(host, port, package_id, tls))


def _host_and_port(address: str) -> tuple[str, int]:
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found["port"]) > LAST_PORT:
        raise Failure(f"{address!r} is not HOST:PORT.", "For example --address 127.0.0.1:9999.", status=USAGE)
    return found["v6"] or found["host"], int(found["port"])


async def _serve(host: str, port: int, package_id: str, tls: "Tls | None") -> None:
    import structlog

    from adapters.inbound.chaincode.server import ChaincodeServer
    from adapters.inbound.chaincode.witness.contract import Witness
    from adapters.outbound.ed25519 import verify
    from concordat.garbage import collect_from_now_on

    log: structlog.typing.FilteringBoundLogger = structlog.get_logger("concordat.chaincode")
    server = ChaincodeServer(Witness(verify), package_id, tls=tls)
    try:
        bound = server.listen(host, port)
    except OSError as error:
        raise Failure(f"Chaincode cannot listen on {host}:{port}.", "Free the port, or name another one.") from error
    asked = on_signals()
    await server.start()
    collect_from_now_on()
    try:
        log.info("chaincode_listens", host=host, port=bound, package_id=package_id, tls=tls is not None)
        await asked.wait()
    finally:
        await server.stop(grace_seconds=GRACE_SECONDS)
        log.info("chaincode_stopped")
