"""Logs: one line per event, the same for our own and for libraries, and no secret in any of them."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
import structlog

from adapters.inbound.jobs import runner, trouble
from app.workers import Trouble, report
from concordat import telemetry
from concordat.settings import load
from shared.errors import StaleVersion


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, own = list(root.handlers), root.level, list(telemetry._OWN)
    yield
    root.handlers, root.level = handlers, level
    telemetry._OWN[:] = own
    structlog.configure(processors=telemetry._OWN)
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_our_events_and_those_of_libraries_are_lines_of_json_with_the_request_id(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry.configure(level="info", form="json")
    structlog.contextvars.bind_contextvars(request_id="r1")
    structlog.get_logger("ours").info("happened", count=1)
    logging.getLogger("theirs").warning("happened %s", "too")
    ours, theirs = lines(capsys)
    assert (ours["event"], ours["count"], ours["request_id"], ours["level"]) == ("happened", 1, "r1", "info")
    assert (theirs["event"], theirs["request_id"], theirs["logger"]) == ("happened too", "r1", "theirs")


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(level="warning", form="json")
    structlog.get_logger("ours").info("quiet")
    logging.getLogger("casbin.policy").info("quiet")
    assert lines(capsys) == []


def test_a_logger_that_was_used_before_follows_a_new_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(level="info", form="console")
    log = structlog.get_logger("ours")
    log.info("for people")
    telemetry.configure(level="error", form="json")
    log.warning("quiet")
    log.error("for machines", place="%s")
    said, line = capsys.readouterr().err.splitlines()
    assert "for people" in said
    read = json.loads(line)
    assert (read["event"], read["place"], read["logger"], read["level"]) == ("for machines", "%s", "ours", "error")


def test_a_line_that_cannot_be_written_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry.configure(level="info", form="json")
    log = structlog.get_logger("ours")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    log.info("lost")


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_is_written_in_whatever_place_it_stands(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(level="info", form=form)
    log = structlog.get_logger("ours")
    log.info("by name", password="hunter2", token="hunter2", headers={"Authorization": "hunter2"})
    log.info("by form", url="postgresql://ann:hunter2@db.test/x", said=["v4.public.hunter2.hunter2"])
    log.info("as bytes", key=b"hunter2")
    log.info("inside an error", error=ValueError("postgresql://ann:hunter2@db.test/x"))
    logging.getLogger("theirs").error("token v4.public.hunter2")
    try:
        raise ValueError("postgresql://ann:hunter2@db.test/x")
    except ValueError:
        log.exception("in a traceback")
    written = capsys.readouterr().err
    assert "in a traceback" in written
    assert "hunter2" not in written


def test_settings_are_written_as_they_are_but_for_their_passwords(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(level="info", form="json")
    settings = load(profile="local", database_url="postgresql://ann:hunter2@db.test/x")
    structlog.get_logger("ours").info("serving", **settings.redacted())
    (line,) = lines(capsys)
    assert {name: line[name] for name in settings.redacted()} == settings.redacted()


CANARY = "Ada of Harbour"


def _fails() -> None:
    try:
        dict[str, str]()[CANARY]
    except KeyError as error:
        broken = ExceptionGroup(CANARY, [StaleVersion(found=CANARY), ValueError(CANARY)])
        broken.add_note(CANARY)
        raise broken from error


@pytest.mark.parametrize("form", ["json", "console"])
def test_error_is_written_by_codes_and_frames_and_without_what_it_quotes(
    form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of a row that a constraint refused stood in the log, with the person in it."""
    telemetry.configure(level="info", form=form)
    monkeypatch.setattr(trouble, "_log", structlog.get_logger("trouble"))
    try:
        _fails()
    except ExceptionGroup as error:
        structlog.get_logger("ours").exception("failed", error=error)
        logging.getLogger("theirs").exception("failed")
        logging.getLogger("theirs").error("failed %s", "too", exc_info=error)
        trouble.teller("a job")(UUID(int=1), Trouble(error=error, times=1, at=datetime(2026, 3, 12, tzinfo=UTC)))
    written = capsys.readouterr().err
    assert CANARY not in written
    for told in ("ExceptionGroup", "KeyError", "ValueError", "request/stale-version", "test_telemetry.py", "_fails"):
        assert written.count(told) >= 4, told


async def test_job_that_fails_is_told_without_what_its_error_quotes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    telemetry.configure(level="info", form="json")
    monkeypatch.setattr(runner, "_log", structlog.get_logger("runner"))

    async def tick() -> None:
        jobs.stop()
        _fails()

    jobs = runner.Runner([runner.Job(name="a", every_seconds=1, tick=tick)])
    await jobs.run()
    (line,) = lines(capsys)
    assert line["error"] == "ExceptionGroup" and "in _fails" in str(line["exception"])
    assert CANARY not in str(line)


def test_error_is_written_with_its_text_for_who_debugs(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(level="debug", form="json")
    try:
        _fails()
    except ExceptionGroup:
        structlog.get_logger("ours").exception("failed")
    (line,) = lines(capsys)
    assert CANARY in str(line["exception"])


def test_what_failed_beside_an_error_is_noted_by_its_code() -> None:
    with pytest.raises(ValueError, match="first") as raised:
        report([ValueError("first"), ValueError(CANARY), StaleVersion(found=CANARY)])
    assert raised.value.__notes__ == ["beside it: ValueError", "beside it: request/stale-version"]
