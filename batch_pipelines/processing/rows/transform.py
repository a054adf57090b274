"""The user's transform: a pandas data frame in, a data frame out, and every row accounted for by its index.

The frame that goes in has an index called `row`. A row that is missing afterwards was filtered; a row that
came twice, or an index that is not the one that went in, is an error, as nobody could tell which line it came
from. Ints and bools come as pandas' nullable types, so that a missing value does not turn whole numbers into
floats; dates come as datetime64.

What must not live here: pandas at the top (workers without a transform must not load it).
"""

import functools
import hashlib
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from batch_pipelines.core.errors import BatchError, ConfigError, PermanentError
from batch_pipelines.processing.rows.arrays import Rows, Values
from batch_pipelines.processing.rows.rejects import VALUE_LIMIT, Finding, Rejects
from batch_pipelines.processing.rows.storable import storable

if TYPE_CHECKING:
    import pandas as pd

INDEX = "row"
REJECT = "_reject"
_CURE = "keep the index of the frame you were given (merge and reset_index lose it; use map or join)"

Transform = Callable[["pd.DataFrame"], "pd.DataFrame"]


def load_transform(name: str, folder: Path) -> Transform:
    """Load `module:function` from the Python file `module.py` in `folder`.

    The file is read each time; code that was loaded from the same text before is used again.

    Raises:
        ConfigError: There is no such file or function, or the file raises when it is loaded.
    """
    module, _, function = name.partition(":")
    if not (module.isidentifier() and function.isidentifier()):
        raise ConfigError(f"transform {name!r} is not module:function, for example transform:delay_bands")
    path = folder / f"{module}.py"
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"transform {name!r} cannot be read: {error.strerror}", file=path) from error
    loaded = getattr(_load(path, text), function, None)
    if not callable(loaded):
        raise ConfigError(f"there is no function {function!r}, which `transform: {name}` names", file=path)
    return loaded  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=8)
def _load(path: Path, text: bytes) -> object:
    """Run this very text: the import system would trust a cached .pyc of the same second and size."""
    module = types.ModuleType(f"batch_pipelines_transform_{hashlib.sha256(text).hexdigest()[:16]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pickle look there
    try:
        exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102  the deployment's code
    except BatchError:
        raise
    except Exception as error:
        raise ConfigError(f"raises {_named(error)} when it is loaded", file=path) from error
    return module


def apply(table: pa.Table, fn: Transform, schema: pa.Schema) -> tuple[pa.Table, Rows, Rejects]:
    """Run a transform on all rows of a table.

    Args:
        table: Typed rows.
        fn: The transform. Its frame may have a column `_reject`: rows with a text there become dead letters.
        schema: The pinned schema of the result.

    Returns:
        The kept rows as `schema`, in the order of the source whatever the transform's; their positions in
        `table`; and the rejects (rule `transform`).

    Raises:
        PermanentError: The transform raised, or its frame does not fit; the message names the column.
    """
    if not table.num_rows:
        return schema.empty_table(), np.empty(0, np.int64), Rejects()
    frame = _call(fn, _frame(table))
    frame, rows = _followed(frame, table.num_rows)
    frame, rejects, kept = _rejected(frame, rows)
    missing = [name for name in schema.names if name not in frame.columns]
    extra = [str(name) for name in frame.columns if name not in schema.names]
    if missing or extra:
        what = f"lacks the column {missing[0]!r}" if missing else f"has the unplanned column {extra[0]!r}"
        raise PermanentError(f"the transform's frame {what}; a chunk must give the columns that the plan saw")
    arrays = [_array(frame[field.name], field.type, kept) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema), kept, rejects


def infer(schema: pa.Schema, sample: pa.Table, fn: Transform) -> pa.Schema:
    """Find the columns that a transform adds or changes, by running it on a sample.

    Args:
        schema: Schema of the rows that it gets.
        sample: Some of these rows.
        fn: The transform.

    Returns:
        The added columns, and those of `schema` whose type changed; where all values are null, text.

    Raises:
        PermanentError: The transform raised, or a column is of no type that a table can hold.
    """
    before = _frame(sample)
    types = dict(before.dtypes)
    after, _ = _followed(_call(fn, before), sample.num_rows)
    fields = []
    for name in after.columns:
        known = name in schema.names
        if name == REJECT or (known and (after[name].dtype == types[name] or not len(after))):
            continue
        kind = _inferred(after[name])
        if not known or schema.field(name).type != kind:
            fields.append(pa.field(str(name), kind))
    return pa.schema(fields)


def _frame(table: pa.Table) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415 - workers without a transform must not load pandas

    nullable: Mapping[pa.DataType, Any] = {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }
    frame: pd.DataFrame = table.to_pandas(
        types_mapper=nullable.get, date_as_object=False, use_threads=False, ignore_metadata=True
    )
    frame.index = pd.RangeIndex(len(frame), name=INDEX)
    return frame


def _call(fn: Transform, frame: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415 - see _frame

    try:
        result = fn(frame)
    except (BatchError, MemoryError, OSError):
        raise
    except Exception as error:
        raise PermanentError(f"the transform raised {_named(error)}") from error
    if not isinstance(result, pd.DataFrame):
        raise PermanentError(f"the transform returned {type(result).__name__}, not a data frame")
    if not result.columns.is_unique:
        raise PermanentError("the transform's frame has two columns of one name")
    return result


def _named(error: Exception) -> str:
    trace, line = error.__traceback__, 0
    while trace is not None:
        if "batch_pipelines_transform_" in str(trace.tb_frame.f_globals.get("__name__")):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{type(error).__name__}: {error}" + (f" (line {line} of it)" if line else "")


def _followed(frame: "pd.DataFrame", count: int) -> tuple["pd.DataFrame", Rows]:
    """Return the frame in the order of the source, and the positions of its rows."""
    if frame.index.name != INDEX or frame.index.dtype.kind != "i":
        raise PermanentError(f"the transform's frame has a new index; {_CURE}")
    rows = frame.index.to_numpy().astype(np.int64, copy=False)
    if len(rows) and (rows.min() < 0 or rows.max() >= count):
        raise PermanentError(f"the transform's frame has rows that it was not given; {_CURE}")
    if not frame.index.is_unique:
        twice = frame.index[frame.index.duplicated()][0]
        raise PermanentError(f"the transform's frame has row {twice} twice; {_CURE}")
    if frame.index.is_monotonic_increasing:
        return frame, rows
    order = np.argsort(rows)
    return frame.iloc[order], rows[order]


def _rejected(frame: "pd.DataFrame", rows: Rows) -> tuple["pd.DataFrame", Rejects, Rows]:
    if REJECT not in frame.columns:
        return frame, Rejects(), rows
    texts = _array(frame[REJECT], pa.string(), rows)
    frame = frame.drop(columns=REJECT)
    bad = texts.is_valid().to_numpy(zero_copy_only=False)
    if not bad.any():
        return frame, Rejects(), rows
    reasons: dict[str, list[int]] = {}
    for row, text in zip(rows[bad].tolist(), texts.filter(pa.array(bad)).to_pylist(), strict=True):
        reasons.setdefault(text[: 2 * VALUE_LIMIT], []).append(row)
    findings = [Finding("transform", None, text, np.array(positions)) for text, positions in reasons.items()]
    return frame[~bad], Rejects(findings), rows[~bad]


def _array(series: "pd.Series[Any]", kind: pa.DataType, rows: Rows) -> Values:
    try:
        return _plain(pa.array(series, from_pandas=True)).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, ValueError) as error:
        where = _culprit(series, kind, rows)
        message = f"the transform's column {series.name!r} does not fit {kind}{where}: {error}"
        raise PermanentError(message) from error


def _plain(values: Values) -> Values:
    """Undo what pandas does to types: chunks, categories."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return whole.dictionary_decode() if isinstance(whole, pa.DictionaryArray) else whole


def _culprit(series: "pd.Series[Any]", kind: pa.DataType, rows: Rows) -> str:
    for value, row in zip(series, rows.tolist(), strict=False):
        try:
            _plain(pa.array([value], from_pandas=True)).cast(kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, ValueError):
            return f", for example {str(value)[:VALUE_LIMIT]!r} in row {row}"
    return ""


def _inferred(series: "pd.Series[Any]") -> pa.DataType:
    try:
        values = _plain(pa.array(series, from_pandas=True))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError) as error:
        raise PermanentError(f"the transform's column {series.name!r} mixes types: {error}") from error
    if values.null_count == len(values):
        return pa.string() if pa.types.is_null(values.type) else storable(values.type) or pa.string()
    kind = storable(values.type)
    if kind is None:
        message = f"the transform's column {series.name!r} is {values.type}, which a table cannot hold"
        raise PermanentError(message)
    return kind
