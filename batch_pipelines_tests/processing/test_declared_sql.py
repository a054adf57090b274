"""Wrong SQL in YAML is refused when definitions load, by file, line and key."""

from pathlib import Path

import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.declaration.catalog import load_catalog
from batch_pipelines.processing.declared_sql import check_sql

YAML = """type: batch_pipelines.components.Dataset
attributes:
  source: in/orders.csv
  columns: {id: int, amount: float}
  derive:
    big: amount > 10
    {name}: {derived}
  where: {where}
"""


def refused(folder: Path, *, name: str = "half", derived: str = "amount / 2", where: str = "id > 0") -> ConfigError:
    """What is said of a dataset with this SQL."""
    (folder / "orders").mkdir()
    text = YAML.replace("{name}", name).replace("{derived}", derived).replace("{where}", where)
    (folder / "orders" / "defs.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        check_sql(load_catalog(folder))
    return caught.value


def test_an_unknown_column_is_named_with_file_line_and_key(tmp_path: Path) -> None:
    error = refused(tmp_path, derived="price / 2")
    assert (error.line, str(error.file).endswith("orders/defs.yaml")) == (7, True)
    assert "derive.half" in error.message
    assert "price" in error.message


def test_where_has_to_be_a_condition(tmp_path: Path) -> None:
    error = refused(tmp_path, where="amount + 1")
    assert error.line == 8
    assert "where: gives double, not true or false" in error.message


def test_sql_cannot_reach_files(tmp_path: Path) -> None:
    error = refused(tmp_path, derived="(select count(*) from read_csv('/etc/passwd'))")
    assert (error.line, "derive.half" in error.message) == (7, True)


def test_the_shipped_datasets_are_right() -> None:
    check_sql(load_catalog(Path(__file__).parents[2] / "batch_pipelines" / "defs"))
