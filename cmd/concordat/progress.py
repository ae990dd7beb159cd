"""How far long work is: a bar on standard error, if somebody watches."""

from typing import Any

from rich.console import Console
from rich.progress import Progress


class Bar:
    """One bar at a time, for what is being done to which log."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = Progress(console=console, transient=True, disable=not console.is_terminal)
        self._task: Any = None
        self._doing = ""

    def __enter__(self) -> "Bar":
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()

    def progress(self, origin: str, what: object, done: int, total: int) -> None:
        """Of `total`, 0 where nobody knows, this much is done."""
        doing = f"{origin}: {what}"
        if self._task is None or doing != self._doing:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task, self._doing = self._bar.add_task(doing, total=total or None), doing
        self._bar.update(self._task, completed=done, total=total or None)
