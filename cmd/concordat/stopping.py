"""How a process that serves comes to run and to stop: its event loop, and what the first and the second signal do."""

import asyncio
import os
import signal
import threading

from concordat.failures import REFUSED
from concordat.interrupts import leave

STOP_SECONDS = 4.8
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def new_loop() -> asyncio.AbstractEventLoop:
    """The fastest that there is here."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def leave_on_signals() -> None:
    """For the time before there is anything to stop."""
    for number in SIGNALS:
        signal.signal(number, leave)


def on_signals() -> asyncio.Event:
    """The first signal sets the event and starts a watch on how long stopping takes; the second ends the process."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if asked.is_set():
            leave(number)
        asked.set()
        # A thread, since whatever keeps the process from stopping may be keeping the event loop as well.
        watch = threading.Timer(STOP_SECONDS, os._exit, (REFUSED,))
        watch.daemon = True
        watch.start()

    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    return asked
