"""`bp dead-letters`."""

import base64
import csv
import io
import json

from batch_pipelines_tests.cli.deployment import ALL_BAD, Deployment


def test_reasons_are_counted_first_then_each_record_is_placed(seen: Deployment) -> None:
    lines = seen.bp("dead-letters", "orders").stdout.splitlines()
    counted, placed = lines[: lines.index("")], lines[lines.index("") + 1 :]

    assert sorted(line.split()[0] for line in counted) == ["1", "1", "1"]
    assert any(line.endswith("customer is not in customers.id: 7 1 [reference]") for line in counted)
    assert [line.partition(": ")[0] for line in placed] == [f"in/orders-2024-01.csv:{n}" for n in (3, 4, 6)]
    assert placed[1] == "in/orders-2024-01.csv:4: customer '7' is not in customers.id [reference]"


def test_a_reason_narrows_both_counts_and_records(seen: Deployment) -> None:
    for text in ("reference", "CUSTOMERS.ID", "customer"):
        lines = seen.bp("dead-letters", "orders", "--reason", text).stdout.splitlines()

        assert [line for line in lines if line] == [
            "          1  customer is not in customers.id: 7 1 [reference]",
            "in/orders-2024-01.csv:4: customer '7' is not in customers.id [reference]",
        ]


def test_raw_shows_each_record_as_it_lies_in_the_file(seen: Deployment) -> None:
    lines = seen.bp("dead-letters", "orders", "-r", "type", "--raw").stdout.splitlines()

    assert lines[-1] == "    2,1,x"


def test_a_limit_is_spoken_of(seen: Deployment) -> None:
    result = seen.bp("dead-letters", "orders", "-n", "1")

    assert len(result.stdout.splitlines()) == 5
    assert result.stderr == "the first 1; --limit 0 shows all, --raw the records, --csv and --json write all\n"
    assert seen.bp("dead-letters", "orders", "-n", "0").stderr == ""


def test_json_has_an_object_a_record_with_all_its_reasons(seen: Deployment) -> None:
    letters = json.loads(seen.bp("dead-letters", "orders", "--json").stdout)

    assert [letter["line"] for letter in letters] == [3, 4, 6]
    assert letters[1] == {
        "partition": "2024-01",
        "source": "in/orders-2024-01.csv",
        "record": 3,
        "line": 4,
        "offset": 33,
        "raw": "3,7,2",
        "reasons": [{"rule": "reference", "column": "customer", "value": "7", "message": "is not in customers.id"}],
    }


def test_csv_has_a_line_a_reason(seen: Deployment) -> None:
    rows = list(csv.DictReader(io.StringIO(seen.bp("dead-letters", "orders", "--csv").stdout)))

    assert [(row["line"], row["column"], row["value"]) for row in rows] == [
        ("3", "amount", "x"),
        ("4", "customer", "7"),
        ("6", "amount", "-1"),
    ]
    assert rows[1]["raw"] == "3,7,2"


def test_a_partition_without_any_says_so(seen: Deployment) -> None:
    assert seen.bp("dead-letters", "orders", "-p", "2024-02").stderr == "orders has no dead letters\n"
    assert seen.bp("dead-letters", "orders", "-r", "zzz").stderr == (
        "orders has no dead letters whose reason contains 'zzz'\n"
    )


def test_an_unknown_partition_is_not_found(seen: Deployment) -> None:
    result = seen.bp("dead-letters", "orders", "--partition", "2023-01")

    assert result.exit_code == 3
    assert result.stderr == (
        "error: orders has no partition '2023-01'; it has 2024-01 to 2024-02. See bp datasets orders\n"
    )


def test_those_of_a_failed_batch_are_shown_where_it_is_the_newest(fresh: Deployment) -> None:
    fresh.write("orders-2024-02.csv", ALL_BAD)
    fresh.process("orders")

    result = fresh.bp("dead-letters", "orders", "-p", "2024-02")

    assert "          2  customer is not in customers.id: 7 2 [reference]" in result.stdout


def test_bytes_that_are_no_text_are_exact_in_json_and_harmless_on_a_terminal(fresh: Deployment) -> None:
    (fresh.home / "in" / "orders-2024-01.csv").write_bytes(b"id,customer,amount\n1,1,1\n2,1,\xff\x1b[2J\n3,1,1\n")
    fresh.process("orders")

    (letter,) = json.loads(fresh.bp("dead-letters", "orders", "--json").stdout)
    shown = fresh.bp("dead-letters", "orders", "--raw").stdout

    assert base64.b64decode(letter["raw_base64"]) == b"2,1,\xff\x1b[2J"
    assert "    2,1,\\xff\\x1b[2J" in shown
    assert "\x1b" not in shown
