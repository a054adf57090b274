"""What runs inside a worker: finds the function, keeps the soft limit, and returns plain data whatever happens.

Exceptions of user code are described, never sent: one that does not unpickle would break the pool.
"""

import importlib
import json
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from batch_pipelines.core.errors import (
    BatchError,
    ConfigError,
    InputError,
    IntegrityError,
    PermanentError,
    SourceChanged,
    TimeLimitExceeded,
    TransientError,
)
from batch_pipelines.core.workers.pool import Raised, Returned

KINDS: tuple[type[BatchError], ...] = (
    SourceChanged,
    InputError,
    ConfigError,
    IntegrityError,
    PermanentError,
    TimeLimitExceeded,
    TransientError,
)
MESSAGE_CHARS = 4000


def run(function: str, payload: Mapping[str, Any], soft_s: float | None) -> Returned | Raised:
    """Call `function` (`package.module:name`) with `payload`."""
    began = time.perf_counter()
    try:
        with _soft_limit(soft_s):
            # Through JSON, so that it is plain data: what does not pickle here, or unpickle there, breaks the pool.
            value = json.loads(json.dumps(_resolve(function)(payload)))
    except BaseException as error:  # noqa: BLE001  a worker reports whatever user code raises, exits included
        return _describe(error)
    return Returned(value, time.perf_counter() - began)


def run_bundle(tasks: Sequence[tuple[str, Mapping[str, Any], float | None]]) -> list[Returned | Raised]:
    """`run` each of `(function, payload, soft_s)`, one after the other."""
    return [run(function, payload, soft_s) for function, payload, soft_s in tasks]


@cache
def _resolve(function: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    module, _, name = function.partition(":")
    found: Callable[[Mapping[str, Any]], Mapping[str, Any]] = getattr(importlib.import_module(module), name)
    return found


def _describe(error: BaseException) -> Raised:
    kind = next((kind.__name__ for kind in KINDS if isinstance(error, kind)), "TransientError")
    text = _text(error)
    message = text if isinstance(error, BatchError) else f"{type(error).__name__}: {text}{_place(error)}"
    delay_s = error.delay_s if isinstance(error, TransientError) else None
    return Raised(kind, message[:MESSAGE_CHARS], delay_s)


def _text(error: BaseException) -> str:
    """What the exception says of itself; some of users' own cannot even do that."""
    try:
        return f"{error}" or type(error).__name__
    except Exception as why:  # noqa: BLE001
        return f"no message: {type(why).__name__} in its __str__"


def _place(error: BaseException) -> str:
    """Where it was raised, for people: ` (transform.py:12)`."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""


@contextmanager
def _soft_limit(soft_s: float | None) -> Iterator[None]:
    """Raise TimeLimitExceeded inside the block after `soft_s` seconds. Native code sees it when it returns."""
    if not soft_s or threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_alarm(_number: int, _frame: FrameType | None) -> None:
        msg = f"ran past its soft limit of {soft_s:g} s"
        raise TimeLimitExceeded(msg)

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, soft_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
