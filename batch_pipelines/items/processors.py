"""Finding the function that items are handed to, by `package.module:name`; and the one that is shipped.

A processor takes an item (any JSON value) and returns a JSON value. It may also take `key`, a text that is the same at
every try of this item, for services that know idempotency keys.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from batch_pipelines.core.errors import ConfigError, PermanentError

DEFAULT = "batch_pipelines.items.processors:mark_processed"
Processor = Callable[..., Any]
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def mark_processed(item: Any) -> dict[str, Any]:
    """Return the item with `processed: true`; the processor of jobs that name none.

    Raises:
        PermanentError: The item is no JSON object.
    """
    if not isinstance(item, dict):
        raise PermanentError(f"an item of type {type(item).__name__} cannot be marked; it has to be a JSON object")
    return {**item, "processed": True}


def find(name: str, home: Path) -> Processor:
    """Import a processor.

    Args:
        name: `package.module:function`, importable from the project's home.
        home: The project's home.

    Raises:
        ConfigError: It is not a name, or there is no such module or function.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"processor {name!r} is no name; write package.module:function, for example {DEFAULT}")
    if str(home) not in sys.path:
        sys.path.append(str(home))
    module_name, _, function_name = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {error}"
        msg = f"processor {name!r}: {module_name} cannot be imported from {home} ({why})"
        raise ConfigError(msg) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        known = [each for each, value in vars(module).items() if inspect.isfunction(value) and not each.startswith("_")]
        raise ConfigError(
            f"processor {name!r}: {module_name} has no function {function_name!r}; it has {', '.join(known)}"
        )
    found: Processor = function
    return found


def version(function: Processor) -> str:
    """Return the hash (hex) of the file in which a processor is written: another text is another piece of work.

    Empty where there is no text: a function written in C, or an object that is called like one.
    """
    try:
        file = inspect.getsourcefile(inspect.unwrap(function))
    except TypeError:
        return ""
    return sha256(Path(file).read_bytes().replace(b"\r\n", b"\n")).hexdigest() if file else ""


def takes_key(function: Processor) -> bool:
    """Whether a processor wants the idempotency key."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(each.name == "key" or each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)
