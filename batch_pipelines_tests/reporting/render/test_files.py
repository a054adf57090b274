"""CSV, Parquet and JSON: rows as they are."""

import json

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from batch_pipelines_tests.reporting.shop import Shop, one_table

FORMULAS = ["=1+1", "+a", "-b", "@c", "\td", "\re", "plain", "a=b", ""]


def test_rows_come_back_from_csv_and_parquet(shop: Shop) -> None:
    made = shop.made(formats=("csv", "parquet"))
    table = pyarrow.csv.read_csv(shop.file(made, "csv"))
    kept = pq.read_table(shop.file(made, "parquet"))
    assert table.num_rows == kept.num_rows == 10
    assert table["id"].to_pylist() == kept["id"].to_pylist()
    assert table["price"].to_pylist() == kept["price"].to_pylist()
    assert [(entry.name, entry.rows) for entry in made.files] == [("day.csv", 10), ("day.parquet", 10)]


@pytest.mark.parametrize("escape", [True, False])
def test_text_like_a_formula_is_made_harmless_in_csv_for_people(shop: Shop, *, escape: bool) -> None:
    shop.table("texts", [{"text": text, "number": -n} for n, text in enumerate(FORMULAS)])
    shop.declare(one_table("select * from texts") + f"escape_formulas: {str(escape).lower()}\n")
    made = shop.made(None, formats=("csv", "parquet"))
    options = pyarrow.csv.ParseOptions(newlines_in_values=True)
    table = pyarrow.csv.read_csv(shop.file(made, "csv"), parse_options=options)
    expected = [f"'{text}" if escape and text[:1] in "=+-@\t\r" and text else text for text in FORMULAS]
    assert table["text"].to_pylist() == expected
    assert table["number"].to_pylist() == [-n for n in range(len(FORMULAS))]
    assert pq.read_table(shop.file(made, "parquet"))["text"].to_pylist() == FORMULAS


def test_nested_values_and_quotes_survive_csv(shop: Shop) -> None:
    shop.declare(
        one_table("""select [1, 2] as list, {'a': 'x"y'} as struct, interval 1 day as span, 'a,b"c' as text""")
    )
    made = shop.made(None, formats=("csv",))
    (row,) = pyarrow.csv.read_csv(shop.file(made, "csv")).to_pylist()
    assert (row["list"], row["text"]) == ("[1, 2]", 'a,b"c')


def test_json_holds_the_figures(shop: Shop) -> None:
    said = json.loads(shop.file(shop.made(formats=("json",)), "json").read_text())
    assert [(kpi["label"], kpi["value"], kpi["text"]) for kpi in said["kpis"]][:2] == [
        ("Orders", 10, "10"), ("Revenue", 245.0, "€245.00")
    ]  # fmt: skip
    assert (said["partition"], said["rows"], said["filters"]) == ("2024-03-02", {"day": 10}, {"City": "all"})


def test_an_empty_result_is_a_file_with_heads(shop: Shop) -> None:
    shop.declare(one_table("select 1 as a, 'x' as b where false"))
    made = shop.made(None, formats=("csv", "parquet"))
    assert shop.file(made, "csv").read_text().strip() == '"a","b"'
    assert [entry.rows for entry in made.files] == [0, 0]
