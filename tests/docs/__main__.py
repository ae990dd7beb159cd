"""`python -m tests.docs` writes the generated parts of all pages; with pages named, what their examples print."""

import sys
import tempfile
from pathlib import Path

from tests.docs.generated import PARTS
from tests.docs.pages import Page, all_pages
from tests.docs.sessions import Session


def main(played: list[str]) -> int:
    for path in played:
        with tempfile.TemporaryDirectory() as folder, Session(page=Page(path), folder=Path(folder)) as session:
            session.play(compare=False)
            session.page.file.write_text(session.rewritten(), encoding="utf-8")
    for page in () if played else all_pages():
        parts = {name: PARTS[name]() for name in page.generated}
        page.file.write_text(page.with_generated(parts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
