"""Being bound by modes in a test: root, as whom tests run in many containers, may write whatever it likes."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_folder() -> Iterator[Path]:
    """A new folder with nothing above it that would keep other users out."""
    folder = Path(tempfile.mkdtemp(prefix="concordat-unprivileged-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def bound_by_modes(folder: Path) -> Iterator[None]:
    """As the user of these tests or, if that is root, as nobody, who is given the folder with all that is in it.

    What is imported only when it is needed should have been needed before: nobody may not be able to read it.
    """
    if os.geteuid() != 0:
        yield
        return
    nobody = pwd.getpwnam("nobody")
    for each in (folder, *folder.rglob("*")):
        os.chown(each, nobody.pw_uid, nobody.pw_gid)
    os.seteuid(nobody.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
