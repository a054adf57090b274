"""One chunk from bytes to files: every record accounted for, every bad one with its place, bytes and reasons."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_pipelines.core import faults
from batch_pipelines.core.errors import IntegrityError, PermanentError, SourceChanged
from batch_pipelines.lake.parts import read_part, schema_from_text, write_part
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.csv_plan import plan_csv
from batch_pipelines.processing.sources.csv_records import Dialect
from batch_pipelines.processing.working.chunk import bury, probe, work_chunk

COLUMNS: dict[str, Any] = {
    "id": {"type": "int", "required": True, "min": 1},
    "code": {"type": "string", "enum": ["EWR", "JFK"]},
    "day": "date",
}
HEADER = b"id,code,day\n"


class Desk:
    """A home folder with one source, and the payloads that a lane would send for it."""

    def __init__(self, home: Path, content: bytes, **keys: Any) -> None:
        self.home = home
        (home / "in.csv").write_bytes(content)
        declared = {"name": "flights", "source": "in.csv", "columns": COLUMNS, **keys}
        self.declaration = DatasetDeclaration.model_validate(declared)
        self.references: dict[str, Any] = {}

    def payloads(self, chunk_bytes: int = 1 << 24, stem: str = "t") -> list[dict[str, Any]]:
        planned = plan_csv(
            self.home / "in.csv",
            "in.csv",
            dialect=Dialect(),
            header=True,
            encoding="utf-8",
            chunk_bytes=chunk_bytes,
            caps=Caps(),
            staging_dir=self.home / "staging",
        )
        plan: dict[str, Any] = {
            "declaration": self.declaration.model_dump(mode="json"),
            "folder": str(self.home),
            "headers": {"in.csv": planned.columns},
            "references": self.references,
        }
        payloads = [
            {
                "home": str(self.home),
                "data": str(self.home / "data"),
                "dataset": "flights",
                "partition": "2013-01",
                "plan": plan,
                "chunk": chunk.payload,
                "items": chunk.items,
                "stem": f"{stem}{index}",
            }
            for index, chunk in enumerate(planned.chunks)
        ]
        plan["schema"] = probe(payloads[0])["schema"]
        json.dumps(payloads)  # what cannot be JSON cannot travel
        return payloads

    def rows(self, result: dict[str, Any]) -> list[dict[str, Any]]:
        part = result["detail"]["part"]
        return [] if part is None else read_part(self.home / "data/datasets/flights" / part["path"]).to_pylist()

    def letters(self, result: dict[str, Any]) -> list[dict[str, Any]]:
        dead = result["detail"]["dead_letters"]
        return [] if dead is None else read_part(self.home / "data/dead_letters/flights" / dead["path"]).to_pylist()


def only(desk: Desk) -> dict[str, Any]:
    (payload,) = desk.payloads()
    result = work_chunk(payload)
    json.dumps(result)
    assert result["written"] + result["filtered"] + result["dead"] == payload["items"]
    return result


def test_good_rows_become_a_part_that_leads_back_to_their_lines(tmp_path: Path) -> None:
    desk = Desk(tmp_path, HEADER + b'1,EWR,2013-01-02\n2,"JFK",\n\n3,,2013-01-04\n')
    result = only(desk)
    assert (result["written"], result["dead"]) == (3, 0)
    rows = desk.rows(result)
    assert [(row["id"], row["code"], row["_source"], row["_line"], row["_offset"]) for row in rows] == [
        (1, "EWR", "in.csv", 2, 12),
        (2, "JFK", "in.csv", 3, 29),
        (3, None, "in.csv", 5, 39),
    ]
    detail = result["detail"]
    assert detail["part"]["path"] == "2013-01/t0.parquet"
    assert detail["part"]["stats"]["day"] == ["2013-01-02", "2013-01-04", 1]
    assert (detail["dead_letters"], detail["reasons"], detail["samples"]) == (None, {}, [])


def test_bad_records_become_dead_letters_with_place_bytes_and_all_reasons(tmp_path: Path) -> None:
    lines = [b"1,EWR,2013-01-02", b"x,LGA,2013-02-30", b"2,EWR", b",EWR,\xff", b"3,JFK,2013-01-05"]
    desk = Desk(tmp_path, HEADER + b"\n".join(lines) + b"\n")
    result = only(desk)
    assert (result["written"], result["dead"]) == (2, 3)
    letters = desk.letters(result)
    assert [(letter["record"], letter["line"], letter["raw"]) for letter in letters] == [
        (2, 3, lines[1]),
        (3, 4, lines[2]),
        (4, 5, lines[3]),
    ]
    content = (tmp_path / "in.csv").read_bytes()
    assert all(content[each["offset"] :].startswith(each["raw"]) for each in letters)
    assert [[(r["rule"], r["column"], r["value"]) for r in letter["reasons"]] for letter in letters] == [
        [("type", "id", "x"), ("type", "day", "2013-02-30"), ("enum", "code", "LGA")],
        [("columns", None, None)],
        [("encoding", "day", "\\xff"), ("required", "id", None)],
    ]
    assert result["detail"]["reasons"] == {
        "columns": 1,
        "type: id": 1,
        "encoding: day": 1,
        "type: day": 1,
        "required: id": 1,
        "enum: code": 1,
    }
    assert result["detail"]["samples"][0] == "in.csv:3: id 'x' is not an int"
    assert [row["_line"] for row in desk.rows(result)] == [2, 6]


def test_nothing_but_bad_records_writes_no_part_and_nothing_but_good_ones_no_dead_letters(tmp_path: Path) -> None:
    result = only(Desk(tmp_path, HEADER + b"x,EWR,\n"))
    assert result["detail"]["part"] is None
    assert not (tmp_path / "data/datasets").exists()
    result = only(Desk(tmp_path, HEADER + b"1,EWR,\n"))
    assert result["detail"]["dead_letters"] is None


def test_very_many_dead_letters_keep_their_order_and_reasons(tmp_path: Path) -> None:
    bad = b"".join(b"x%d,EWR,\n" % i for i in range(70_000))
    desk = Desk(tmp_path, HEADER + bad)
    result = only(desk)
    letters = desk.letters(result)
    assert [each["raw"] for each in letters] == bad.splitlines()
    assert [each["reasons"][0]["value"] for each in letters] == [f"x{i}" for i in range(70_000)]
    assert [each["record"] for each in letters] == list(range(1, 70_001))


def test_references_reject_or_warn(tmp_path: Path) -> None:
    columns = {
        "id": {"type": "int", "in": "a.n"},
        "code": {"type": "string", "in": "a.c", "severity": "warn"},
        "day": "date",
    }
    desk = Desk(tmp_path, HEADER + b"1,EWR,\n2,LGA,\n3,SJU,\n,,\n", columns=columns)
    write_part(pa.table({"n": [1, 2], "c": ["EWR", "JFK"]}), tmp_path / "data/datasets/a", "p.parquet")
    files = ["data/datasets/a/p.parquet"]
    desk.references = {"a.n": {"files": files, "column": "n"}, "a.c": {"files": files, "column": "c"}}
    result = only(desk)
    assert (result["written"], result["dead"], result["warned"]) == (3, 1, 1)
    assert result["detail"]["reasons"] == {"reference: id": 1}
    assert result["detail"]["warnings"] == {"reference: code": 1}  # of the rows that were written
    assert result["detail"]["warning_samples"] == ["in.csv:3: code 'LGA' is not in a.c"]


def test_derive_where_and_transform_account_for_every_row(tmp_path: Path) -> None:
    (tmp_path / "transform.py").write_text(
        "def shape(frame):\n"
        "    frame['_reject'] = frame.id.eq(5).map({True: 'five is right out', False: None})\n"
        "    frame['band'] = frame.id.gt(6).map({True: 'high', False: 'low'})\n"
        "    return frame[frame.id != 6].sort_values('id', ascending=False)\n"
    )
    rows = b"".join(b"%d,EWR,2013-01-%02d\n" % (i, i) for i in range(1, 9)) + b"bad,EWR,\n"
    derive = {"twice": "id * 2", "risky": "100 // (id - 7)"}
    desk = Desk(tmp_path, HEADER + rows, derive=derive, where="id > 2", transform="transform:shape")
    result = only(desk)
    assert (result["written"], result["filtered"], result["dead"]) == (3, 3, 3)
    assert [(r["id"], r["twice"], r["band"], r["_line"]) for r in desk.rows(result)] == [
        (3, 6, "low", 4),
        (4, 8, "low", 5),
        (8, 16, "high", 9),
    ]
    reasons = [(each["line"], each["reasons"][0]["rule"]) for each in desk.letters(result)]
    assert reasons == [(6, "transform"), (8, "derive"), (10, "type")]


def test_probe_gives_declared_derived_added_and_system_columns(tmp_path: Path) -> None:
    (tmp_path / "transform.py").write_text(
        "def shape(frame):\n    return frame.assign(empty=None, ratio=0.5, id=frame.id.astype('float64'), name='x')\n"
    )
    desk = Desk(
        tmp_path,
        HEADER + b"1,EWR,\n",
        derive={"later": "day + 1"},
        transform="transform:shape",
        adds={"name": "string", "ratio": "decimal(4,2)"},
    )
    expected: dict[str, pa.DataType] = {
        "id": pa.int64(),
        "code": pa.string(),
        "day": pa.date32(),
        "later": pa.date32(),
        "empty": pa.string(),
        "ratio": pa.decimal128(4, 2),
        "name": pa.string(),
        "_source": pa.string(),
        "_line": pa.int64(),
        "_offset": pa.int64(),
    }
    assert schema_from_text(desk.payloads()[0]["plan"]["schema"]) == pa.schema(expected)
    assert desk.rows(only(desk))[0]["id"] == 1


def test_probe_of_an_empty_file_runs_the_transform_on_no_rows(tmp_path: Path) -> None:
    (tmp_path / "transform.py").write_text("def shape(frame):\n    return frame.assign(n=frame.id + 1)\n")
    desk = Desk(tmp_path, HEADER + b"1,EWR,\n", transform="transform:shape")
    payload = {**desk.payloads()[0], "chunk": None, "items": 0}
    assert schema_from_text(probe(payload)["schema"]).field("n").type in (pa.int64(), pa.string())


def test_columns_that_differ_from_the_pinned_ones_are_a_permanent_error(tmp_path: Path) -> None:
    desk = Desk(tmp_path, HEADER + b"1,EWR,\n")
    (payload,) = desk.payloads()
    other = Desk(tmp_path, HEADER + b"1,EWR,\n", derive={"more": "1"}).declaration
    payload["plan"]["declaration"] = other.model_dump(mode="json")
    with pytest.raises(PermanentError, match="the plan pins"):
        work_chunk(payload)


def test_changed_bytes_and_wrong_counts_write_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, HEADER + b"1,EWR,\n2,EWR,\n")
    (payload,) = desk.payloads()
    with pytest.raises(IntegrityError, match="3 records planned, 2 read"):
        work_chunk({**payload, "items": 3})
    (tmp_path / "in.csv").write_bytes(HEADER + b"1,EWR,\n2,JFK,\n")
    with pytest.raises(SourceChanged):
        work_chunk(payload)
    assert not (tmp_path / "data").exists()


def test_chunks_of_any_size_give_the_same_rows_and_dead_letters(tmp_path: Path) -> None:
    lines = [b'%d,EWR,"2013-01-01"' % i if i % 7 else b'%d,"a\nb",' % i for i in range(1, 400)]
    desk = Desk(tmp_path, HEADER + b"\n".join(lines))

    def everything(chunk_bytes: int) -> tuple[list[Any], list[Any]]:
        results = [work_chunk(payload) for payload in desk.payloads(chunk_bytes, stem=f"{chunk_bytes}-")]
        rows = [row for result in results for row in desk.rows(result)]
        return rows, [letter for result in results for letter in desk.letters(result)]

    whole = everything(1 << 20)
    assert len(whole[0]) + len(whole[1]) == 399
    assert everything(100) == everything(1000) == whole


def test_a_buried_record_is_one_dead_letter_with_its_bytes(tmp_path: Path) -> None:
    desk = Desk(tmp_path, HEADER + b"1,EWR,\n\n\r\n2,JFK,\r\n\n")
    payloads = desk.payloads(chunk_bytes=1)
    assert [payload["items"] for payload in payloads] == [1, 1]
    result = bury(payloads[1], "killed its worker twice")
    assert (result["written"], result["filtered"], result["dead"]) == (0, 0, 1)
    (letter,) = desk.letters(result)
    worked = desk.rows(work_chunk({**payloads[1], "stem": "again"}))[0]
    assert (letter["record"], letter["raw"]) == (2, b"2,JFK,")
    assert (letter["line"], letter["offset"]) == (worked["_line"], worked["_offset"])
    assert letter["reasons"] == [
        {"rule": "worker", "column": None, "value": None, "message": "killed its worker twice"}
    ]
    with pytest.raises(IntegrityError, match="split it first"):
        bury({**payloads[1], "items": 2}, "killed its worker twice")


def test_a_chunk_passes_its_four_crash_points_in_order(tmp_path: Path) -> None:
    (payload,) = Desk(tmp_path, HEADER + b"1,EWR,\nx,EWR,\n").payloads()
    passed = faults.count_points()
    try:
        work_chunk(payload)
        points = [point for point in passed if point != "any"]
    finally:
        faults.arm("")
    assert points == ["chunk.read", "chunk.checked", "chunk.part_written", "chunk.dead_written"]


def test_a_worker_loads_neither_pandas_nor_duckdb_until_it_needs_them(tmp_path: Path) -> None:
    (tmp_path / "transform.py").write_text("def shape(frame):\n    return frame.assign(band='x')\n")
    plain = Desk(tmp_path, HEADER + b"1,EWR,2013-01-01\nx,EWR,\n").payloads(stem="a")
    heavy = Desk(tmp_path, HEADER + b"1,EWR,2013-01-01\n", derive={"d": "day"}, transform="transform:shape")
    payloads = json.dumps([*plain, *heavy.payloads(stem="b")])
    code = (
        "import json, sys; from batch_pipelines.processing.working.chunk import work_chunk\n"
        "loaded = lambda: sorted({'duckdb', 'pandas', 'deltalake', 'dagster', 'sqlalchemy'} & sys.modules.keys())\n"
        "plain, heavy = json.load(sys.stdin)\n"
        "print(work_chunk(plain)['written'], loaded())\n"
        "print(work_chunk(heavy)['written'], loaded())\n"
    )
    (tmp_path / "in.csv").write_bytes(HEADER + b"1,EWR,2013-01-01\nx,EWR,\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], input=payloads, capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.splitlines() == ["1 []", "1 ['duckdb', 'pandas']"]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=30), min_size=1, max_size=30), st.integers(0, 10**9))
def test_whatever_the_bytes_every_record_is_accounted_for(tmp_path: Path, lines: list[bytes], token: int) -> None:
    desk = Desk(tmp_path, HEADER + b"7,EWR,\n" + b"\n".join(lines))
    for payload in desk.payloads(chunk_bytes=64, stem=f"{token}-{os.urandom(4).hex()}-"):
        result = work_chunk(payload)
        assert result["written"] + result["filtered"] + result["dead"] == payload["items"]
        assert len(desk.rows(result)) == result["written"]
        assert len(desk.letters(result)) == result["dead"]
        assert all(each["reasons"] for each in desk.letters(result))
