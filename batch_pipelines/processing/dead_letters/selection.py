"""Which dead letters are meant: by what their reasons say, by SQL over them, by whether they are accepted.

What must not live here: what is done with them (replaying/).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.dead_letters.letters import Letters
from batch_pipelines.processing.rows.corrections import texts
from batch_pipelines.processing.rows.derive import derive
from batch_pipelines.processing.rows.expressions import type_of

Mask = NDArray[np.bool_]
_IN = "reference"  # `in` in YAML


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters are meant; all conditions hold.

    Attributes:
        reason: Text that `rule: column`, value or message of a reason contains, in whatever case; None for any.
        where: SQL condition over `partition`, `source`, `record`, `line`, `raw`, `reasons` and the columns of the
            record as text; None for any.
        accepted: Whether also those that are accepted.
    """

    reason: str | None = None
    where: str | None = None
    accepted: bool = False


def mentions(why: Mapping[str, str | None], text: str) -> bool:
    """Whether a reason contains `text`, which is in lower case."""
    named = names_of(why["rule"] or "", why["column"])
    return text in " ".join([named, why["value"] or "", why["message"] or ""]).lower()


def names_of(rule: str, column: str | None) -> str:
    """Return what a reason is called: `reference: dest`, which is also `in: dest`, as the YAML has it."""
    rules = [rule, *(["in"] if rule == _IN else [])]
    return " ".join(f"{each}: {column}" if column else each for each in rules)


def chosen(
    letters: Letters, header: Sequence[str], wanted: Wanted, *, partition: str, accepted: Collection[int]
) -> Mask:
    """Return which of these letters are meant.

    Args:
        letters: Dead letters of one source, each with its raw content.
        header: Columns of the source.
        wanted: The conditions.
        partition: Whose letters they are.
        accepted: Numbers of the records that are accepted.

    Raises:
        ConfigError: The condition is wrong, or cannot be computed for a letter.
    """
    table = letters.table
    mask = np.ones(table.num_rows, np.bool_)
    if not wanted.accepted:
        mask &= ~np.isin(letters.numbers, np.array(sorted(accepted), np.int64))
    if wanted.reason:
        text = wanted.reason.lower()
        whys: list[Any] = table.column("reasons").to_pylist()
        mask &= np.array([any(mentions(why, text) for why in each) for each in whys], np.bool_)
    if wanted.where and mask.any():
        mask &= _meeting(_seen(letters, header, partition), wanted.where)
    return mask


def _meeting(seen: pa.Table, where: str) -> Mask:
    if (kind := type_of(seen.schema, "where", where)) != pa.bool_():
        raise ConfigError(f"where: gives {kind}, not true or false; compare it with something")
    found = derive(seen, {}, where)
    for reject in found.rejects:
        place = f"{seen.column('source')[reject.row]}:{seen.column('line')[reject.row]}"
        raise ConfigError(f"where: {place}: {reject.message.removeprefix('where ')}; try(…) gives null instead")
    mask = np.zeros(seen.num_rows, np.bool_)
    mask[found.kept_rows] = True
    return mask


def _seen(letters: Letters, header: Sequence[str], partition: str) -> pa.Table:
    """What SQL sees of letters; columns of records that cannot be split are null."""
    table = letters.table
    shown = table.select(["source", "record", "line"])
    shown = shown.append_column("raw", texts(table.select(["raw"])).column("raw"))
    shown = shown.append_column("reasons", table.column("reasons"))
    shown = shown.append_column("partition", pa.repeat(partition, table.num_rows))
    raw = letters.rows(header)
    where = np.full(table.num_rows, -1, np.int64)
    where[raw.record] = np.arange(len(raw.record))
    places: Any = pa.array(where, mask=where < 0)
    taken = {name.casefold() for name in shown.column_names}
    cells = texts(raw.table)
    for name in cells.column_names:
        if name.casefold() not in taken:
            shown = shown.append_column(name, cells.column(name).take(places))
    return shown
