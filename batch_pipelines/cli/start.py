"""Where `bp` begins: as little as possible before Ctrl-C is answered in one line.

Loading the commands takes a fifth of a second, in which an interrupt would come out of some module as a traceback.
What must not live here: commands and errors (main.py), or an import at the top that takes long.
"""

import os
import signal
from types import FrameType

STOPPED = 130


def main() -> None:
    """Load the commands, and run the one that was asked for."""
    waits = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else it is ignored, as after `nohup … &`
    if waits:
        signal.signal(signal.SIGINT, _leave)
    from batch_pipelines.cli.main import app

    if waits:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    app()


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End at once: nothing has been begun, nothing is to be closed."""
    os.write(2, b"stopped\n")
    os._exit(STOPPED)
