"""Items, a function, and what becomes of each: in one process."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_pipelines.core.errors import ConfigError, InputError
from batch_pipelines.items.planning import ItemOrder
from batch_pipelines.items.processors import DEFAULT
from batch_pipelines.items.sources import stage
from batch_pipelines.items.tries import tries_of
from batch_pipelines_tests.items.workshop import Workshop, letters_of, results_of

COUNTED = "def work(item):\n    called(item)\n    return item * 2\n"


def test_the_shipped_processor_marks_items_and_keeps_their_order(workshop: Workshop) -> None:
    items = [{"id": number} for number in range(250)]
    report = workshop.run(items, DEFAULT, chunk_size=7)
    assert results_of(report) == [{"id": number, "processed": True} for number in range(250)]
    assert (report.processed, report.success, report.dead_letters) == (250, True, None)


def test_nothing_is_left_in_the_work_folder(home: Path, workshop: Workshop) -> None:
    workshop.run([1], workshop.define("def work(item):\n    return item\n"))
    workshop.run([], DEFAULT)
    workshop.run([], DEFAULT)
    assert list((home / "data" / "items" / "work").iterdir()) == []


def test_no_items_are_a_batch_that_succeeds(workshop: Workshop) -> None:
    report = workshop.run([], DEFAULT)
    assert (report.processed, report.success, results_of(report)) == (0, True, [])


def test_the_same_items_are_not_handed_over_again_but_by_force(workshop: Workshop) -> None:
    name = workshop.define(COUNTED)
    first = workshop.run([1, 2, 3], name)
    assert workshop.run([1, 2, 3], name) == first
    assert workshop.calls() == ["1", "2", "3"]
    assert results_of(workshop.run([1, 2, 3], name, force=True)) == [2, 4, 6]
    assert len(workshop.calls()) == 6


def test_a_processor_of_another_text_is_other_work(home: Path, workshop: Workshop) -> None:
    workshop.run([1], workshop.define(COUNTED))
    other = Workshop(home)
    assert results_of(other.run([1], other.define(COUNTED.replace("* 2", "* 3")))) == [3]
    other.items.close()


def test_an_item_with_a_permanent_error_is_a_dead_letter_and_the_others_go_on(workshop: Workshop) -> None:
    name = workshop.define(
        "def work(item):\n    called(item)\n    if item == 2:\n        raise PermanentError('old')\n    return item\n"
    )
    report = workshop.run([1, 2, 3], name)
    assert results_of(report) == [1, 3]
    assert list(letters_of(report)) == [1]
    assert letters_of(report)[1].startswith("PermanentError: old (shop_")
    assert (report.processed, report.dead, report.success) == (3, 1, False)
    assert workshop.calls() == ["1", "2", "3"]


def test_only_the_item_that_failed_is_tried_again(workshop: Workshop) -> None:
    name = workshop.define(
        "def work(item):\n    if called(item) < 3 and item == 2:\n        raise OSError('away')\n    return item\n"
    )
    assert results_of(workshop.run([1, 2, 3], name)) == [1, 2, 3]
    assert workshop.calls() == ["1", "2", "3", "2", "2"]


def test_an_item_that_fails_at_every_attempt_is_a_dead_letter(workshop: Workshop) -> None:
    name = workshop.define(
        "def work(item):\n    called(item)\n    if item == 2:\n        raise OSError('away')\n    return item\n"
    )
    report = workshop.run([1, 2, 3], name)
    assert results_of(report) == [1, 3]
    assert letters_of(report)[1].startswith("OSError: away")
    assert letters_of(report)[1].endswith("in 3 tries")
    assert workshop.calls().count("2") == 3


def test_the_key_of_an_item_is_the_same_at_every_try_and_no_other_has_it(workshop: Workshop) -> None:
    name = workshop.define(
        "def work(item, key):\n    if called(f'{item} {key}') == 1:\n        raise OSError('away')\n    return key\n"
    )
    keys = results_of(workshop.run([1, 2], name))
    assert len(set(keys)) == 2
    assert sorted(workshop.calls()) == sorted([f"{item} {key}" for item, key in zip((1, 2), keys, strict=True)] * 2)


def test_a_result_that_is_no_json_is_a_dead_letter(workshop: Workshop) -> None:
    report = workshop.run([1, 2], workshop.define("def work(item):\n    return {item} if item == 1 else item\n"))
    assert results_of(report) == [2]
    assert "no JSON value" in letters_of(report)[0]


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_result_with_a_number_that_json_has_not_is_a_dead_letter(workshop: Workshop, number: str) -> None:
    name = workshop.define(f"def work(item):\n    return {{'v': float('{number}') if item == 1 else 0.5}}\n")
    report = workshop.run([1, 2], name)
    assert results_of(report) == [{"v": 0.5}]
    assert "no JSON value" in letters_of(report)[0]


def test_an_item_whose_processor_exits_is_a_dead_letter_and_the_others_go_on(workshop: Workshop) -> None:
    name = workshop.define("import sys\n\ndef work(item):\n    return sys.exit(3) if item == 1 else item\n")
    report = workshop.run([1, 2], name)
    assert results_of(report) == [2]
    assert letters_of(report)[0].startswith("SystemExit: 3")


def test_any_item_that_is_json_arrives_as_it_was(workshop: Workshop) -> None:
    items: list[Any] = [None, True, -0.5, 2**70, "\u2028\r\n\ud83d x", [1, [2]], {"a": {"b": None}}]
    assert results_of(workshop.run(items, workshop.define("def work(item):\n    return item\n"))) == items


def test_too_many_inline_items_are_refused(workshop: Workshop) -> None:
    with pytest.raises(ConfigError, match="put them in a file"):
        workshop.items.plan(ItemOrder(["x" * 70_000]))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no name", "write package.module:function"),
        ("missing_module:work", "cannot be imported"),
        ("batch_pipelines.items.processors:marked", "no function 'marked'; it has mark_processed"),
    ],
)
def test_a_processor_that_is_not_there_is_refused(workshop: Workshop, name: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        workshop.items.plan(ItemOrder([1], name))


def test_a_processor_may_be_written_in_c(workshop: Workshop) -> None:
    assert results_of(workshop.run([4, 9], "math:sqrt")) == [2.0, 3.0]


def test_a_module_that_exits_as_it_is_imported_is_refused(workshop: Workshop) -> None:
    name = workshop.define("import sys\n\nsys.exit(1)\n")
    with pytest.raises(ConfigError, match=r"cannot be imported.*SystemExit: 1"):
        workshop.items.plan(ItemOrder([1], name))


def test_files_of_every_kind_hold_the_same_items(home: Path, workshop: Workshop) -> None:
    rows = [{"id": "1", "name": "Ä"}, {"id": "2", "name": "b,c"}]
    (home / "items.jsonl").write_text("".join(f"{json.dumps(row)}\n\n" for row in rows))
    (home / "items.json").write_text(json.dumps(rows))
    (home / "items.csv").write_text('id,name\n1,Ä\n2,"b,c"\n')
    pq.write_table(pa.Table.from_pylist(rows), home / "items.parquet")
    staged = [stage(f"items.{kind}", home, home / "staged") for kind in ("jsonl", "json", "csv", "parquet")]
    assert {each.digest for each in staged} == {stage(rows, home, home / "staged").digest}
    assert results_of(workshop.run("items.csv", DEFAULT)) == [{**row, "processed": True} for row in rows]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": \n', r"a\.jsonl:2: is no JSON"),
        ("a.json", '{"a": 1}', "not an array"),
        ("a.csv", "a,b\n1,2\n3\n", r"a\.csv:3: has another number of fields"),
        ("a.parquet", "nothing", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(home: Path, name: str, content: str, why: str) -> None:
    (home / name).write_text(content)
    with pytest.raises(InputError, match=why):
        stage(name, home, home / "staged")


@pytest.mark.parametrize(("given", "why"), [("a.xls", "no kind"), ("../a.json", "outside"), (3, "int is neither")])
def test_what_holds_no_items_is_refused(home: Path, given: object, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        stage(given, home, home / "staged")


def test_a_file_that_is_not_there_is_named(home: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv: cannot be read: No such file"):
        stage("gone.csv", home, home / "staged")


def test_a_line_cut_short_by_a_crash_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "tries"
    file.write_bytes(b'{"b":0}\n{"r":0,"v":"x"}\n{"b":1}\n{"r":1,"v":')
    with tries_of(file) as tries:
        assert tries.results == {0: "x"}
        tries.end(1, "y")
    with tries_of(file) as tries:
        assert tries.results == {0: "x", 1: "y"}
