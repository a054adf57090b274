"""Being told to stop: SIGTERM and SIGINT as a flag, for work that wants to come to a good end first."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopFlag:
    """Whether a signal asked to stop, and which."""

    def __init__(self) -> None:
        self.signal: int | None = None


@contextmanager
def stop_on_signals() -> Iterator[StopFlag]:
    """While the block runs, SIGTERM and SIGINT only set the flag; after it they do what they always did."""
    flag = StopFlag()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def on_signal(number: int, _frame: FrameType | None) -> None:
        flag.signal = number

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if flag.signal is not None:
        signal.raise_signal(flag.signal)
