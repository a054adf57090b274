"""The time limit of a report's queries: the database is interrupted when it has passed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from batch_pipelines.core.errors import PermanentError


@contextmanager
def limited(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt whatever the connection is at when the time is over.

    Args:
        connection: What runs the queries.
        seconds: How long all of them together may take.

    Raises:
        PermanentError: It was interrupted: the same queries would take as long again.
    """
    over = threading.Event()

    def interrupt() -> None:
        over.set()
        connection.interrupt()

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if over.is_set():
            msg = f"the queries ran past their time limit of {seconds:g} s; give them more (timeout: in the YAML)"
            raise PermanentError(msg) from error
        raise
    finally:
        timer.cancel()
