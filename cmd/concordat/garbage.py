"""When the interpreter looks for garbage: not while a process starts, and never among what it started with."""

import gc


def leave_until_started() -> None:
    """Imports make hundreds of thousands of objects that stay to the end: going through them takes a sixth as long."""
    gc.disable()


def collect_from_now_on() -> None:
    """For whoever lives longer than its imports; what there is by now is not gone through again."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
