"""The page about Fabric keeps what it promises, on a simulated network that is served as a real one is."""

from pathlib import Path

from tests.docs.pages import Page
from tests.docs.sessions import Session
from tests.support.consortium import served_consortium

PAGE = "docs/how-to/run-on-fabric.md"


def test_page_about_fabric_prints_what_it_says(tmp_path: Path) -> None:
    with Session(page=Page(PAGE), folder=tmp_path, orders=ORDERS) as session, served_consortium(session.clone):
        session.play()


def _there(_session: Session) -> None:
    """It serves as long as the test lasts."""


ORDERS = {"a network of two organisations": _there}
