"""Processing, opened for one op, check, sensor or schedule and closed after it; and its errors in Dagster's terms.

A step may run in a process of its own, so nothing of a session outlives it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import current_process
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import dagster as dg

from batch_pipelines.core.errors import BatchError, LeaseLost, TransientError
from batch_pipelines.core.settings import Settings, load_settings
from batch_pipelines.core.workers.guard import die_with_parent

if TYPE_CHECKING:
    from batch_pipelines.orchestration.report_desk import ReportDesk
    from batch_pipelines.processing.pipeline import Processing

SHOWN_FAILURES = 5
STOPPED = "stopped: what is committed is kept; launch it again and it goes on from there"


def current_settings() -> Settings:
    """Return the settings of this process's environment."""
    return load_settings(os.environ, Path.cwd())


@contextmanager
def open_processing() -> Iterator["Processing"]:
    """Open datasets, ledger and tables as this process's environment names them.

    Raises:
        dagster.Failure: A `BatchError` left the block: a verdict that trying again does not change.
    """
    from batch_pipelines.processing.pipeline import Processing  # noqa: PLC0415 - loading definitions must not pay for it

    with opened(Processing) as processing:
        yield processing


@contextmanager
def open_desk() -> Iterator["ReportDesk"]:
    """Open reports, the datasets they read and the ledger of their deliveries.

    Raises:
        dagster.Failure: A `BatchError` left the block: a verdict that trying again does not change.
    """
    from batch_pipelines.orchestration.report_desk import ReportDesk  # noqa: PLC0415 - as above

    with opened(ReportDesk) as desk:
        yield desk


class Session(Protocol):
    """A domain's façade, open."""

    def close(self) -> None:
        """Close it."""
        ...


S = TypeVar("S", bound=Session)


@contextmanager
def opened(make: Callable[[Settings], S]) -> Iterator[S]:
    """Open a domain's façade as this process's environment names its places.

    Args:
        make: Makes it, e.g. `Processing`.

    Raises:
        dagster.Failure: A `BatchError` left the block: a verdict that trying again does not change.
    """
    _die_with_the_run()
    session = make(current_settings())
    try:
        with verdicts_as_failures():
            yield session
    finally:
        session.close()


@contextmanager
def verdicts_as_failures() -> Iterator[None]:
    """Turn errors that a retry cannot cure into `dagster.Failure` without retries; let all others pass.

    A stop is one of them: to an op with a retry policy Dagster would answer Ctrl-C and "Terminate" with a retry.
    """
    try:
        yield
    except (LeaseLost, TransientError):
        raise
    except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
        raise dg.Failure(description=STOPPED, allow_retries=False) from None
    except BatchError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None


def _die_with_the_run() -> None:
    """In a step that has a process of its own: end when the run's process does, and its fork server with it."""
    if isinstance(current_process(), ForkServerProcess):
        die_with_parent(parent=os.getppid())


def failure(what: str, failures: list[str]) -> dg.Failure:
    """Return the failure of a step whose partitions (or datasets) did not all come to a good end.

    Args:
        what: What failed, e.g. `2 of 12 partitions of flights failed`.
        failures: One line for each.
    """
    shown = failures[:SHOWN_FAILURES]
    more = [f"… and {len(failures) - len(shown):,} more"] if len(failures) > len(shown) else []
    return dg.Failure(
        description="\n".join([f"{what}:", *(f"  {line}" for line in (*shown, *more))]),
        metadata={"failed": dg.MetadataValue.md("\n".join(f"- {line}" for line in failures))},
        allow_retries=False,
    )
