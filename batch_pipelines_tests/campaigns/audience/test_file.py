"""An audience's file, as a table: nothing of it is altered."""

from pathlib import Path

import pytest

from batch_pipelines.campaigns.audience.file import read_audience
from batch_pipelines.core.errors import InputError


def test_figures_are_numbers_and_codes_stay_what_they_are(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text('email,points,code\nann@example.com,10,007\nbob@example.com,0,"12"\n')
    assert read_audience(file).to_pylist() == [
        {"email": "ann@example.com", "points": 10, "code": "007"},
        {"email": "bob@example.com", "points": 0, "code": "12"},
    ]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_value_may_be_large(tmp_path: Path, suffix: str) -> None:
    file, large = tmp_path / f"people.{suffix}", "y" * 10_000_000
    file.write_text(f'email,note\na@example.com,"{large}"\n' if suffix == "csv" else f'{{"note": "{large}"}}\n')
    assert read_audience(file).column("note").to_pylist() == [large]


def test_a_value_may_have_line_breaks(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text('email,note\na@example.com,"one\ntwo"\n')
    assert read_audience(file).column("note").to_pylist() == ["one\ntwo"]


@pytest.mark.parametrize("content", ["", "email,name\na@example.com\n"])
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text(content)
    with pytest.raises(InputError, match=r"people.csv: the audience cannot be read"):
        read_audience(file)
