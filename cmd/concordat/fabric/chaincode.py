"""The chaincode as Fabric takes it: a service at an address, a package that says so, a builder for such packages."""

import gzip
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence

from concordat.fabric.plan import CHAINCODE

ServeChaincode = Callable[[str, str], Sequence[str]]
"""The command that serves the chaincode at an address under a package id."""

BUILDER: Mapping[str, str] = {
    "bin/detect": '#!/bin/sh\ngrep -q \'"type": *"ccaas"\' "$2/metadata.json"\n',
    "bin/build": '#!/bin/sh\nset -e\ncp "$1/connection.json" "$3/"\ncp "$2/metadata.json" "$3/"\n',
    "bin/release": '#!/bin/sh\nset -e\nmkdir -p "$2/chaincode/server"\ncp "$1/connection.json" "$2/chaincode/server"\n',
}
"""An external builder, by its files: there is nothing to build, the peer is only told where the service is."""


def own_chaincode(address: str, package_id: str) -> list[str]:
    """Concordat's own server."""
    command = [sys.executable, "-P", "-m", "concordat"]
    return [*command, "chaincode", "serve", "--address", address, "--package-id", package_id]


def package(address: str) -> bytes:
    """A chaincode package for a service at host:port: the same bytes wherever and whenever it is made."""
    connection = {"address": address, "dial_timeout": "3s", "tls_required": False}
    return _archive(
        {
            "metadata.json": json.dumps({"type": "ccaas", "label": CHAINCODE}).encode(),
            "code.tar.gz": _archive({"connection.json": json.dumps(connection).encode()}),
        }
    )


def package_id(packed: bytes) -> str:
    """Under which peers know an installed package, and the service names itself to them."""
    return f"{CHAINCODE}:{hashlib.sha256(packed).hexdigest()}"


def _archive(files: Mapping[str, bytes]) -> bytes:
    """Not compressed, since no two releases of zlib have to agree on the bytes."""
    out = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()
