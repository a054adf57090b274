"""Transforms: every row is followed by its index, and what comes out is exactly what was pinned."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest

from batch_pipelines.core.errors import ConfigError, PermanentError, TransientError
from batch_pipelines.processing.rows.transform import apply, infer, load_transform

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = pa.table(
    {
        "n": pa.array([2**60 + 1, None, 3]),
        "ok": pa.array([True, None, False]),
        "day": pa.array([date(2013, 1, 1), None, date(1850, 5, 5)]),
        "at": pa.array([datetime(2013, 1, 1, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
        "x": pa.array([0.5, None, 1.5]),
        "s": pa.array(["a", None, ""]),
        "d": pa.array([None, None, None], pa.decimal128(5, 2)),
    }
)
ADDED = pa.schema([*TABLE.schema, pa.field("band", pa.string())])


def with_band(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(band="late")


def test_values_that_are_not_touched_come_back_as_they_were() -> None:
    result, kept, rejects = apply(TABLE, lambda frame: frame, TABLE.schema)
    assert result.equals(TABLE)
    assert kept.tolist() == [0, 1, 2]
    assert not rejects


def test_an_added_column_comes_as_its_pinned_type() -> None:
    result, _, _ = apply(TABLE, with_band, ADDED)
    assert result.schema == ADDED
    assert result.column("band").to_pylist() == ["late"] * 3


def test_dropped_rows_are_filtered_and_order_is_the_sources() -> None:
    result, kept, rejects = apply(TABLE, lambda frame: frame.iloc[[2, 0]], TABLE.schema)
    assert kept.tolist() == [0, 2]
    assert result.column("s").to_pylist() == ["a", ""]
    assert not rejects


def test_a_text_in_reject_makes_a_dead_letter() -> None:
    def refuse(frame: pd.DataFrame) -> pd.DataFrame:
        frame["_reject"] = ["no n today", None, None]
        return frame

    result, kept, rejects = apply(TABLE, refuse, TABLE.schema)
    assert kept.tolist() == [1, 2]
    assert result.schema == TABLE.schema
    assert [(reject.row, reject.rule, reject.message) for reject in rejects] == [(0, "transform", "no n today")]


@pytest.mark.parametrize(
    ("fn", "why"),
    [
        (lambda frame: frame.reset_index(drop=True), "new index"),
        (lambda frame: frame[frame.n.notna()].reset_index(drop=True), "new index"),
        (lambda frame: frame.merge(pd.DataFrame({"s": ["a"]}), on="s"), "new index"),
        (lambda frame: pd.concat([frame, frame.head(1)]), "row 0 twice"),
        (lambda frame: frame.set_index(pd.RangeIndex(5, 8, name="row")), "rows that it was not given"),
        (lambda frame: frame.drop(columns="s"), "lacks the column 's'"),
        (lambda frame: frame.assign(more=1), "unplanned column 'more'"),
        (lambda frame: frame.assign(n=0.5), "column 'n' does not fit int64, for example '0.5' in row 0"),
        (
            lambda frame: frame.assign(x=["1", "2", "many"]),
            "column 'x' does not fit double, for example 'many' in row 2",
        ),
        (lambda frame: frame.assign(s=[1, "x", 2]), "column 's' does not fit string"),
        (lambda frame: frame["n"], "returned Series, not a data frame"),
        (lambda frame: frame.missing, "raised AttributeError"),
        (lambda frame: pd.concat([frame, frame[["n"]]], axis=1), "two columns of one name"),
    ],
)
def test_a_frame_that_does_not_fit_is_a_permanent_error(fn: "Callable[[pd.DataFrame], Any]", why: str) -> None:
    with pytest.raises(PermanentError, match=why):
        apply(TABLE, fn, TABLE.schema)


def test_a_transient_error_of_the_users_passes_through() -> None:
    def busy(frame: pd.DataFrame) -> pd.DataFrame:
        raise TransientError("busy")

    with pytest.raises(TransientError):
        apply(TABLE, busy, TABLE.schema)


def test_categories_become_text_and_dates_stay_dates() -> None:
    def banded(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(
            band=pd.cut(frame.x, [0, 1, 2], labels=["low", "high"]), day=frame.day + pd.Timedelta(days=1)
        )

    result, _, _ = apply(TABLE, banded, ADDED)
    assert result.column("band").to_pylist() == ["low", None, "high"]
    assert result.column("day").to_pylist() == [date(2013, 1, 2), None, date(1850, 5, 6)]


def test_no_rows_do_not_call_the_transform() -> None:
    result, kept, _ = apply(TABLE.slice(0, 0), lambda frame: 1 / 0, ADDED)  # type: ignore[arg-type,return-value]
    assert result.schema == ADDED
    assert len(kept) == 0


def test_infer_gives_added_and_changed_columns_only() -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(
            band=pd.Categorical(["a", "b", "a"]), empty=None, count=1, when=pd.Timestamp("2013-01-01"), n=0.5
        )

    expected: dict[str, pa.DataType] = {
        "n": pa.float64(),
        "band": pa.string(),
        "empty": pa.string(),
        "count": pa.int64(),
        "when": pa.timestamp("us", "UTC"),
    }
    assert infer(TABLE.schema, TABLE, change) == pa.schema(expected)
    assert infer(TABLE.schema, TABLE, lambda frame: frame) == pa.schema([])


def test_infer_refuses_types_that_no_table_can_hold() -> None:
    with pytest.raises(PermanentError, match="column 'odd'"):
        infer(TABLE.schema, TABLE, lambda frame: frame.assign(odd=pd.Series([[1], [2], [3]], frame.index)))
    with pytest.raises(PermanentError, match="column 'odd' mixes types"):
        infer(TABLE.schema, TABLE, lambda frame: frame.assign(odd=[1, "a", 2]))


def test_a_transform_is_loaded_from_its_file_and_again_when_the_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "transform.py"
    file.write_text("def band(frame):\n    return 1\n")
    first = load_transform("transform:band", tmp_path)
    assert first is load_transform("transform:band", tmp_path)
    file.write_text("def band(frame):\n    return 2\n")
    assert load_transform("transform:band", tmp_path)(None) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("transform:band", None, "cannot be read"),
        ("transform:band", "x = 1", "no function 'band'"),
        ("transform:band", "1 / 0", r"raises ZeroDivisionError: division by zero \(line 1 of it\)"),
        ("transform:band", "def", "raises SyntaxError"),
        ("../transform:band", "", "is not module:function"),
    ],
)
def test_a_transform_that_cannot_be_loaded_is_a_config_error(
    tmp_path: Path, name: str, text: str | None, why: str
) -> None:
    if text is not None:
        (tmp_path / "transform.py").write_text(text)
    with pytest.raises(ConfigError, match=why):
        load_transform(name, tmp_path)


def test_an_error_names_the_line_of_the_transform(tmp_path: Path) -> None:
    (tmp_path / "transform.py").write_text("def band(frame):\n    x = 1\n    return frame['nosuch']\n")
    with pytest.raises(PermanentError, match=r"raised KeyError: 'nosuch' \(line 3 of it\)"):
        apply(TABLE, load_transform("transform:band", tmp_path), TABLE.schema)
