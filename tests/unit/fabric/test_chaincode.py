"""A chaincode's package is the same bytes wherever it is made, and the builder takes exactly such packages."""

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from concordat.fabric.chaincode import BUILDER, package, package_id


def test_package_and_its_id_are_reproducible() -> None:
    assert package("127.0.0.1:9999") == package("127.0.0.1:9999")
    assert package_id(package("127.0.0.1:9999")) == (
        "witness:9860d680ebda4c0a571470a85d84d62bdd718ff63646b9c702036d24abb95662"
    )


def test_packages_for_other_addresses_have_other_ids() -> None:
    assert package_id(package("127.0.0.1:9999")) != package_id(package("127.0.0.1:9998"))


def test_package_says_where_the_service_is() -> None:
    outer = _unpacked(package("127.0.0.1:9999"))
    assert json.loads(outer["metadata.json"]) == {"type": "ccaas", "label": "witness"}
    inner = _unpacked(outer["code.tar.gz"])
    assert json.loads(inner["connection.json"])["address"] == "127.0.0.1:9999"


@pytest.mark.parametrize(("kind", "taken"), [("ccaas", True), ("golang", False)])
def test_builder_takes_services_alone(tmp_path: Path, kind: str, taken: bool) -> None:
    (tmp_path / "metadata.json").write_text(json.dumps({"type": kind, "label": "witness"}))
    assert (_run(tmp_path, "detect", tmp_path, tmp_path) == 0) is taken


def test_builder_hands_the_address_on(tmp_path: Path) -> None:
    code, metadata, built, released = (tmp_path / name for name in ("code", "metadata", "built", "released"))
    for folder in (code, metadata, built, released):
        folder.mkdir()
    (code / "connection.json").write_text("{}")
    (metadata / "metadata.json").write_text("{}")
    assert _run(tmp_path, "build", code, metadata, built) == 0
    assert _run(tmp_path, "release", built, released) == 0
    assert (released / "chaincode" / "server" / "connection.json").read_text() == "{}"


def _run(folder: Path, step: str, *arguments: Path) -> int:
    script = folder / f"a {step}"
    script.write_text(BUILDER[f"bin/{step}"])
    return subprocess.run(["/bin/sh", script, *arguments], check=False).returncode


def _unpacked(packed: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        files = {entry.name: archive.extractfile(entry) for entry in archive}
        return {name: file.read() for name, file in files.items() if file is not None}
