"""Reasons for dead letters in words, with the values that are to blame."""

from typing import TYPE_CHECKING

from batch_pipelines.cli.cells import printable

if TYPE_CHECKING:
    from batch_pipelines.processing.standing import Reason

SHOWN_VALUES = 4
LONGEST_VALUE = 20


def values_of(reason: "Reason") -> str:
    """Return the most frequent values: `SJU 5,819 · BQN 896`; the message, where no value is to blame."""
    known = [(value, count) for value, count in reason.values if value is not None]
    if not known:
        return printable(reason.message)
    shown = [f"{_short(value)} {count:,}" for value, count in known[:SHOWN_VALUES]]
    more = [f"{len(known) - SHOWN_VALUES:,} more values"] if len(known) > SHOWN_VALUES else []
    return " · ".join([*shown, *more])


def sentence_of(reason: "Reason") -> str:
    """Return what is wrong and with which values: `dest is not in airports.faa: SJU 5,819 · BQN 896`."""
    what = f"{reason.column} {reason.message}" if reason.column else reason.message
    return (
        printable(what) if values_of(reason) == printable(reason.message) else f"{printable(what)}: {values_of(reason)}"
    )


def _short(value: str) -> str:
    text = printable(value)
    return repr(text) if not text.strip() else text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
