"""Every error type of the product, built in one place.

    BatchError
    ├── ConfigError           settings or YAML cannot work; nothing was started
    ├── Refused               cannot be done with what is there now; nothing was started
    ├── InputError            a source cannot be read; names file, line and cure
    │   └── SourceChanged     the source's bytes are not the ones that were planned
    ├── PermanentError        trying again will not help
    │   ├── WorkerDied        a chunk killed its worker, again and again
    │   └── RelayRefused      a mail relay does not want us: password, certificate, policy
    ├── TransientError        may work later; costs an attempt
    │   ├── RelayUnavailable  a mail relay is away, slow or closing
    │   └── TimeLimitExceeded ran past its soft or hard time limit
    ├── IntegrityError        a promise about counts or parts does not hold; nothing is published
    ├── LeaseLost             this lane was still for too long; others may have taken its chunks
    └── BatchFailed           the verdict on a whole batch, for whoever launched it

What must not live here: messages about one domain's business; they are written where they happen.
"""

from pathlib import Path


class BatchError(Exception):
    """Base of all errors that this product raises on purpose."""


class ConfigError(BatchError):
    """Settings, YAML or run config that cannot work. Nothing was started.

    Attributes:
        message: What is wrong and how to cure it, one line.
        file: The file that holds the mistake, if one does.
        line: Its line, from 1.
    """

    def __init__(self, message: str, *, file: Path | str | None = None, line: int | None = None) -> None:
        self.message = message
        self.file = str(file) if file is not None else None
        self.line = line
        place = f"{self.file}:{line}: " if file is not None and line else f"{file}: " if file is not None else ""
        super().__init__(f"{place}{message}")


class Refused(BatchError):
    """It cannot be done with what is there now; the message says what to do first. Nothing was started."""


class InputError(BatchError):
    """A source that cannot be read as declared.

    Attributes:
        source: The file (or other place) that was read.
        line: Physical line, from 1, where known.
        message: What is wrong and how to cure it, one line.
    """

    def __init__(self, source: Path | str, message: str, *, line: int | None = None) -> None:
        self.source = str(source)
        self.line = line
        self.message = message
        place = f"{self.source}:{line}" if line else self.source
        super().__init__(f"{place}: {message}")


class SourceChanged(InputError):
    """The bytes of a source are not the ones that were planned: nothing of the batch is published."""


class PermanentError(BatchError):
    """Trying again will not help. User code may raise it."""


class WorkerDied(PermanentError):
    """A chunk killed the process that worked on it, as often as is allowed."""


class RelayRefused(PermanentError):
    """A mail relay answers and does not want us: wrong password, certificate or TLS. Somebody must act; none was sent.

    Attributes:
        relay: Its name.
        phase: Where in the dialogue, e.g. `AUTH`.
        code: The reply's code, if there was a reply.
    """

    def __init__(self, relay: str, phase: str, message: str, *, code: int | None = None) -> None:
        self.relay = relay
        self.phase = phase
        self.code = code
        super().__init__(f"relay {relay!r}, {phase}: {message}")


class TransientError(BatchError):
    """May work later; costs an attempt. User code may raise it.

    Attributes:
        delay_s: Seconds to wait before the next attempt, or None for the usual delay.
    """

    def __init__(self, message: str, *, delay_s: float | None = None) -> None:
        self.delay_s = delay_s
        super().__init__(message)


class RelayUnavailable(TransientError):
    """A mail relay is away, slow or closing; nothing was sent by this connection.

    Attributes:
        relay: Its name.
        phase: Where in the dialogue, e.g. `banner`.
        code: The reply's code, if there was a reply.
    """

    def __init__(self, relay: str, phase: str, message: str, *, code: int | None = None) -> None:
        self.relay = relay
        self.phase = phase
        self.code = code
        super().__init__(f"relay {relay!r}, {phase}: {message}")


class TimeLimitExceeded(TransientError):
    """Work ran past its soft (raised inside the task) or hard (the worker was killed) time limit."""


class IntegrityError(BatchError):
    """A promise about counts, parts or order does not hold. Nothing is published."""


class LeaseLost(BatchError):
    """This process did not renew its leases in time (it was stopped, or the ledger was away). It must not commit."""


class BatchFailed(BatchError):
    """One or more batches did not come to a good end.

    Attributes:
        failures: One line for each, `dataset/partition: what happened and what to do`.
    """

    def __init__(self, failures: list[str]) -> None:
        self.failures = failures
        super().__init__("; ".join(failures))
