"""Rules and references of single columns: what breaks them, what passes, what is only a warning."""

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.rows.casts import cast_columns
from batch_pipelines.processing.rows.references import ReferenceSets, check_references
from batch_pipelines.processing.rows.rejects import Finding, Reject, Rejects
from batch_pipelines.processing.rows.rules import check_rules


def broken(type_name: str, values: list[Any], **keys: Any) -> list[tuple[int, str, str | None, str]]:
    column = Column(type=type_name, **keys)
    table = pa.table({"c": pa.array(values, column.arrow_type)})
    rejects, warnings = check_rules(table, {"c": column})
    assert not warnings
    return [(reject.row, reject.rule, reject.value, reject.message) for reject in rejects]


def test_a_missing_value_breaks_required_only() -> None:
    found = broken("int", [1, None], required=True, min=1, max=5, enum=[1])
    assert found == [(1, "required", None, "is missing")]


def test_null_passes_every_rule_of_an_optional_column() -> None:
    assert broken("string", [None], pattern="x", enum=["x"]) == []


@pytest.mark.parametrize(
    ("type_name", "low", "high", "values", "texts"),
    [
        ("int", -120, 3000, [-121, -120, 3000, 3001], ["-121", "3001"]),
        ("float", 0.5, 1, [0.25, 0.5, 1.0, 1.5], ["0.25", "1.5"]),
        ("decimal(5,2)", "0.10", "9.99", [Decimal(t) for t in ("0.09", "0.10", "9.99", "10.00")], ["0.09", "10.00"]),
        (
            "date",
            "2013-01-01",
            "2013-12-31",
            [date(2012, 12, 31), date(2013, 1, 1), date(2013, 12, 31), date(2014, 1, 1)],
            ["2012-12-31", "2014-01-01"],
        ),
    ],
)
def test_bounds_include_their_ends(type_name: str, low: Any, high: Any, values: list[Any], texts: list[str]) -> None:
    found = broken(type_name, values, min=low, max=high)
    assert [(row, rule, value) for row, rule, value, _ in found] == [(0, "min", texts[0]), (3, "max", texts[1])]
    assert found[0][3].startswith("is below the minimum")
    assert found[1][3].startswith("is above the maximum")


def test_timestamps_are_compared_as_moments() -> None:
    raw = pa.table({"c": pa.array([b"2013-01-01T00:30:00+01:00", b"2013-01-01"], pa.binary())})
    column = Column(type="timestamp", min="2013-01-01")
    rejects, _ = check_rules(cast_columns(raw, {"c": column})[0], {"c": column})
    assert [(reject.row, reject.rule) for reject in rejects] == [(0, "min")]


def test_a_pattern_has_to_match_the_whole_text() -> None:
    found = broken("string", ["N123", "N123x", "xN123", "N12\n", "n9"], pattern="N[0-9]+|n9")
    assert [(row, rule) for row, rule, _, _ in found] == [(1, "pattern"), (2, "pattern"), (3, "pattern")]


def test_enum_compares_typed_values_and_names_at_most_ten() -> None:
    assert broken("int", [1, 3], enum=[1, 2]) == [(1, "enum", "3", "is not one of 1, 2")]
    assert broken("decimal(4,2)", [Decimal("1.50")], enum=["1.5"]) == []
    assert broken("date", [date(2013, 1, 1)], enum=["2013-01-01"]) == []
    message = broken("int", [99], enum=list(range(11)))[0][3]
    assert message == "is not one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …"


def test_text_with_nul_is_a_reject_even_where_rules_only_warn() -> None:
    assert broken("string", ["a\0b", "ab"], severity="warn") == [(0, "nul", "a\0b", "holds a NUL character")]


def test_all_reasons_of_a_row_are_kept() -> None:
    columns = {"a": Column(type="int", max=5, enum=[1]), "b": Column(type="string", required=True)}
    rejects, _ = check_rules(pa.table({"a": [9], "b": pa.array([None], pa.string())}), columns)
    assert [(reject.rule, reject.column) for reject in rejects] == [("max", "a"), ("enum", "a"), ("required", "b")]


def test_a_warning_is_no_reject() -> None:
    columns = {"a": Column(type="int", max=5, severity="warn")}
    rejects, warnings = check_rules(pa.table({"a": [9, 1]}), columns)
    assert not rejects
    assert list(warnings) == [Reject(0, "max", "a", "9", "is above the maximum 5")]


def test_what_could_not_be_cast_is_not_also_missing() -> None:
    raw = pa.table({"c": pa.array([b"x", None], pa.binary())})
    columns = {"c": Column(type="int", required=True)}
    table, unreadable = cast_columns(raw, columns)
    rejects, _ = check_rules(table, columns, known=unreadable)
    assert [(reject.row, reject.rule) for reject in rejects] == [(1, "required")]


def test_references_are_loaded_once_and_compared_as_the_columns_type() -> None:
    asked = []

    def load(reference: str) -> Any:
        asked.append(reference)
        return pa.array(["7", "8"])

    columns = {
        "a": Column(type="int", reference="planes.id"),
        "b": Column(type="int", reference="planes.id", severity="warn"),
    }
    table = pa.table({"a": pa.array([7, 9, None]), "b": pa.array([1, 8, 8])})
    rejects, warnings = check_references(table, columns, ReferenceSets(load))
    assert list(rejects) == [Reject(1, "reference", "a", "9", "is not in planes.id")]
    assert list(warnings) == [Reject(0, "reference", "b", "1", "is not in planes.id")]
    assert asked == ["planes.id"]


def test_an_empty_reference_holds_nothing() -> None:
    columns = {"a": Column(type="string", reference="planes.id")}
    sets = ReferenceSets(lambda _: pa.array([], pa.string()))
    rejects, _ = check_references(pa.table({"a": ["x"]}), columns, sets)
    assert rejects.rows.tolist() == [0]


def test_types_that_cannot_be_compared_are_a_config_error() -> None:
    sets = ReferenceSets(lambda _: pa.array(["EWR"]))
    with pytest.raises(ConfigError, match=r"planes\.id is string and cannot be compared with int64"):
        sets.lookup("planes.id", pa.int64())


def finding(rule: str, rows: list[int], column: str | None = "c") -> Finding:
    texts = pa.array([f"{rule}{row}" for row in rows])
    return Finding(rule, column, "is wrong", np.array(rows, np.int64), texts)


def test_reasons_are_gathered_by_row_in_the_order_of_finding() -> None:
    rejects = Rejects([finding("type", [2, 7]), finding("max", [0, 7]), finding("worker", [], None)])
    rows, reasons = rejects.reasons()
    assert rows.tolist() == [0, 2, 7]
    assert [[reason["value"] for reason in row] for row in reasons.to_pylist()] == [
        ["max0"],
        ["type2"],
        ["type7", "max7"],
    ]
    assert rejects.counts == {"type: c": 2, "max: c": 2}
    assert len(rejects) == len(list(rejects)) == 4


def test_no_rejects_have_no_rows() -> None:
    rows, reasons = Rejects().reasons()
    assert len(rows) == len(reasons) == 0
    assert Rejects().rows.tolist() == []


def test_rejects_can_be_moved_chosen_and_sampled_by_row() -> None:
    rejects = Rejects([finding("type", [1, 2]), finding("max", [0])])
    moved = rejects.moved(np.array([10, 20, 30]))
    assert moved.rows.tolist() == [10, 20, 30]
    assert [reject.value for reject in moved.among(np.array([10, 30]))] == ["type2", "max0"]
    assert [reject.row for reject in moved.first(2)] == [10, 20]
    assert moved.first(1)[0].sentence == "c 'max0' is wrong"
