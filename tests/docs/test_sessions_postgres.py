"""The page about Postgres keeps what it promises, on a real one."""

import re
from pathlib import Path

from tests.docs.pages import Page
from tests.docs.sessions import Session
from tests.support.postgres import PostgresServer

PAGE = "docs/how-to/run-on-postgres.md"
_OWNER = "postgresql://owner:secret@localhost:5432/concordat"
_PRINTED = re.compile(r"^CONCORDAT_DATABASE_URL=(\S+)$", re.MULTILINE)


def on_postgres(folder: Path, server: PostgresServer) -> Session:
    """The page's session, with a new database in the place of the reader's."""
    owner = server.create_database("concordat_docs")
    here = f"127.0.0.1:{server.port}/concordat_docs"

    def serve_as_runtime(session: Session) -> None:
        printed = next(found[1] for text in session.printed.values() if (found := _PRINTED.search(text)))
        session.export(CONCORDAT_DATABASE_URL=printed.replace("localhost:5432/concordat", here))

    return Session(
        page=Page(PAGE),
        folder=folder,
        replaced={_OWNER: owner, "localhost:5432/concordat": here},
        orders={
            "serve with the url that was printed": serve_as_runtime,
            "serve with the url of the owner": lambda session: session.export(CONCORDAT_DATABASE_URL=owner),
        },
    )


def test_page_about_postgres_prints_what_it_says(tmp_path: Path) -> None:
    # A server of its own, as the reader's is: roles belong to a server, and other tests have made theirs on the shared.
    with PostgresServer() as server, on_postgres(tmp_path, server) as session:
        session.play()
