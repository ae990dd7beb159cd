"""buf lints the protos and compares them with what clients were given, where Node is; each finds what was planted."""

import shutil
from pathlib import Path

from tests.support import buf
from tests.unit.grpc.generating import PROTOS, RELEASED, release

VISITS = Path("concordat/v1/visits.proto")


_FAULTS = {
    "  // The visit.\n  Visit visit = 1;": ("  Visit visit = 1;", 'Field "visit"'),
    "string home_club = 4;": ("string homeClub = 4;", "homeClub"),
    "VISIT_STATE_UNSPECIFIED = 0;": ("VISIT_STATE_NONE = 0;", "VISIT_STATE_NONE"),
    "returns (GetVisitResponse)": ("returns (Visit)", "GetVisitResponse"),
}
"""What is planted in place of what, and a word of the complaint."""

_BREAKS = {
    "string home_club = 4;": ("string home_club = 24;", '"4"'),
    "bool erased = 20;": ("int32 erased = 20;", '"20"'),
    "VISIT_STATE_NO_SHOW = 7;": ("VISIT_STATE_NO_SHOW = 17;", '"7"'),
    "rpc GetVisit(": ("rpc FetchVisit(", "GetVisit"),
}


def _changed(folder: Path, changes: dict[str, tuple[str, str]]) -> Path:
    """A copy of the protos with these changes."""
    root = folder / "proto"
    shutil.copytree(PROTOS, root)
    text = (root / VISITS).read_text()
    for old, (new, _) in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    (root / VISITS).write_text(text)
    return root


def _said(*arguments: str, folder: Path) -> tuple[int, str] | None:
    outcome = buf.run(*arguments, folder=folder)
    return None if outcome is None else (outcome.returncode, outcome.stdout)


def test_protos_keep_the_rules_of_buf() -> None:
    assert _said("lint", folder=PROTOS) in (None, (0, ""))


def test_protos_are_formatted() -> None:
    assert _said("format", "--diff", "--exit-code", folder=PROTOS) in (None, (0, ""))


def test_protos_break_nothing_that_clients_were_given() -> None:
    assert _said("breaking", "--against", str(RELEASED), folder=PROTOS) in (None, (0, ""))


def _silent_on(said: tuple[int, str] | None, changes: dict[str, tuple[str, str]]) -> list[str]:
    """Words that are not in what buf said; without buf there is nothing to say."""
    if said is None:
        return []
    assert said[0] != 0
    return [word for _, word in changes.values() if word not in said[1]]


def test_planted_faults_are_found_by_lint(tmp_path: Path) -> None:
    assert _silent_on(_said("lint", folder=_changed(tmp_path, _FAULTS)), _FAULTS) == []


def test_planted_breaks_are_found(tmp_path: Path) -> None:
    said = _said("breaking", "--against", str(RELEASED), folder=_changed(tmp_path, _BREAKS))
    assert _silent_on(said, _BREAKS) == []


def test_release_writes_what_is_compared_with(tmp_path: Path) -> None:
    """Only that it can be read and has all of it: the tracked one may be older than the protos."""
    release(tmp_path / "released.binpb")
    assert b"concordat/v1/visits.proto" in (tmp_path / "released.binpb").read_bytes()
    assert b"concordat/v1/log.proto" in RELEASED.read_bytes()
