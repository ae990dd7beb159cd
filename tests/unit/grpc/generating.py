"""Makes the Python modules of the protos; needs grpcio-tools and mypy-protobuf, which only developers have.

After a change of a proto:   python -m tests.unit.grpc.generating
Before a release, once the changes are meant to be kept for ever:   python -m tests.unit.grpc.generating release
"""

import re
import sys
from pathlib import Path

from grpc_tools import protoc

GRPC = Path(__file__).parents[3] / "adapters" / "inbound" / "grpc"
PROTOS, GENERATED = GRPC / "proto", GRPC / "generated"
RELEASED = PROTOS / "concordat-v1.binpb"
"""What clients were given last, as a FileDescriptorSet: changes are compared with it, and grpcurl can read it."""

_WELL_KNOWN = Path(protoc.__file__).parent / "_proto"

# protoc imports by the proto's own path, and `concordat` is the name of the executable's package already.
_IMPORT = re.compile(r"^from (concordat(?:\.\w+)+) import ", re.MULTILINE)


def protos(root: Path = PROTOS) -> list[str]:
    """The paths of the protos below their root, in POSIX form."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.proto"))


def generate(target: Path, root: Path = PROTOS) -> list[Path]:
    """Write the modules of all protos below `target`; returns their paths relative to it."""
    target.mkdir(parents=True, exist_ok=True)
    kinds = ("python", "grpc_python", "mypy", "mypy_grpc")
    _protoc(root, *(f"--{kind}_out={target}" for kind in kinds))
    written = sorted(path.relative_to(target) for path in target.rglob("*_pb2*.py*") if path.suffix in {".py", ".pyi"})
    for path in written:
        text = (target / path).read_text(encoding="utf-8")
        (target / path).write_text(
            _IMPORT.sub(r"from adapters.inbound.grpc.generated.\1 import ", text), encoding="utf-8"
        )
    return written


def release(target: Path = RELEASED, root: Path = PROTOS) -> None:
    """Write the descriptors of all protos, and of what they import, as what clients may rely on from now on."""
    _protoc(root, "--include_imports", f"--descriptor_set_out={target}")


def _protoc(root: Path, *options: str) -> None:
    """Run protoc with the plugins of this very environment, whatever is on the path."""
    scripts = Path(sys.executable).parent
    plugins = [f"--plugin={name}={scripts / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    arguments = ["protoc", f"-I{root}", f"-I{_WELL_KNOWN}", *plugins, *options, *protos(root)]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc refused the protos")


if __name__ == "__main__":
    generate(GENERATED)
    if sys.argv[1:] == ["release"]:
        release()
