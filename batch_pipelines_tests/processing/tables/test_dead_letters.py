"""Dead letters: one schema, and counts by reason."""

import numpy as np

from batch_pipelines.processing.rows.rejects import REASONS
from batch_pipelines.processing.tables import dead_letters


def reason(rule: str, column: str | None) -> dict[str, str | None]:
    return {"rule": rule, "column": column, "value": None, "message": "is wrong"}


def test_rejects_give_exactly_the_reasons_that_are_stored() -> None:
    assert dead_letters.SCHEMA.field("reasons").type == REASONS


def test_reasons_are_counted_by_rule_and_column_the_most_frequent_first() -> None:
    table = dead_letters.build(
        "in.csv",
        record=np.array([1, 5]),
        line=np.array([2, 6]),
        offset=np.array([10, 50]),
        raw=[b"\xff,1", b"x"],
        reasons=[[reason("columns", None)], [reason("type", "a"), reason("type", "b")]],
    )
    assert table.schema == dead_letters.SCHEMA
    assert table.column("raw").to_pylist() == [b"\xff,1", b"x"]
    twice = dead_letters.summarise(
        dead_letters.build(
            "in.csv",
            record=np.array([1, 2, 3]),
            line=np.array([2, 3, 4]),
            offset=np.array([0, 1, 2]),
            raw=[b"", b"", b""],
            reasons=[[reason("columns", None)], [reason("type", "a")], [reason("type", "a")]],
        )
    )
    assert list(twice.items()) == [("type: a", 2), ("columns", 1)]
