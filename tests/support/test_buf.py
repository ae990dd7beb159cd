"""buf finds a fault that was planted, where it can run at all."""

from pathlib import Path

from tests.support import buf

_GOOD = 'syntax = "proto3";\n\npackage planted.v1;\n\nmessage Visit {\n  string visit_id = 1;\n}\n'


def _lint(folder: Path, proto: str) -> tuple[int, str] | None:
    target = folder / "planted" / "v1" / "visit.proto"
    target.parent.mkdir(parents=True)
    target.write_text(proto)
    (folder / "buf.yaml").write_text("version: v2\nlint:\n  use:\n    - STANDARD\n")
    outcome = buf.run("lint", folder=folder)
    return None if outcome is None else (outcome.returncode, outcome.stdout)


def test_clean_proto_passes(tmp_path: Path) -> None:
    assert _lint(tmp_path, _GOOD) in (None, (0, ""))


def test_field_name_against_the_style_is_found(tmp_path: Path) -> None:
    found = _lint(tmp_path, _GOOD.replace("visit_id", "visitID"))
    assert found is None or (found[0] != 0 and "visitID" in found[1])
