"""Sources and exports in S3 (moto's server): found, fetched once, known by content; whole or not there."""

import gzip
from collections.abc import Iterator
from typing import Any

import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.faults import arm
from batch_pipelines.lake.objects import store
from batch_pipelines.processing.export.targets import Done
from batch_pipelines.processing.sources.objects import ObjectSources
from batch_pipelines_tests.objects import BUCKET, Bucket, bucket_of, s3_store
from batch_pipelines_tests.processing.datasets import Project

MONTHS = "partitions: {every: month, start: 2013-01, end: 2013-12}\n"
SOURCE = "source: s3://bucket/in/orders-{%Y-%m}.csv\n" + MONTHS
COLUMNS = "columns: {id: {type: int, required: true}, name: string}\n"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with s3_store() as made:
        yield made


@pytest.fixture
def bucket(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with bucket_of(address, monkeypatch) as made:
        yield made


def staged(project: Project) -> list[str]:
    return [file.name for file in (project.data / "staging").rglob("*") if file.is_file()]


def test_objects_are_the_files_of_their_partitions(project: Project, bucket: Bucket) -> None:
    bucket.write("in/orders-2013-01.csv", "id,name\n1,a\nx,b\n")
    bucket.write("in/orders-2013-02.csv", "id,name\n3,c\n")
    bucket.write("in/orders-2013-02.csv.bak", "nothing of ours")
    project.declare("orders", SOURCE + COLUMNS)

    reports = project.run("orders")
    assert [(each.partition, each.rows, each.dead_letters) for each in reports] == [
        ("2013-01", 1, 1),
        ("2013-02", 1, 0),
    ]
    assert {row["_source"] for row in project.table("orders")} == {
        "s3://bucket/in/orders-2013-01.csv",
        "s3://bucket/in/orders-2013-02.csv",
    }
    assert project.dead("orders")[0]["source"] == "s3://bucket/in/orders-2013-01.csv"


def test_globs_take_packed_objects_in_several_folders(project: Project, bucket: Bucket) -> None:
    for shop in ("a", "b"):
        bucket.write(f"in/{shop}/sales-1.csv.gz", gzip.compress(f"id,name\n1,{shop}\n".encode()))
    bucket.write("in/c/other.csv", "id,name\n9,z\n")
    project.declare("orders", "source: s3://bucket/in/*/sales-?.csv.gz\n" + COLUMNS)

    assert project.one("orders").rows == 2
    assert sorted(row["name"] for row in project.rows("orders")) == ["a", "b"]


def test_a_partition_per_object(project: Project, bucket: Bucket) -> None:
    bucket.write("in/First.csv", "id,name\n1,a\n")
    bucket.write("in/second.csv", "id,name\n2,b\n")
    project.declare("orders", "source: s3://bucket/in/*.csv\npartitions: file\n" + COLUMNS)
    assert [each.partition for each in project.run("orders")] == ["first", "second"]


def test_an_object_that_did_not_change_is_not_fetched_again(project: Project, bucket: Bucket) -> None:
    bucket.write("in/orders-2013-01.csv", "id,name\n1,a\n")
    project.declare("orders", SOURCE + COLUMNS)
    project.run("orders")
    for file in (project.data / "staging").rglob("*.csv"):
        file.unlink()  # as the janitor does

    planning = project.plan("orders")
    assert planning.current == planning.batch_ids
    assert staged(project) == []

    (report,) = project.run("orders", force=True)
    assert report.ok
    assert report.generation == 2

    bucket.write("in/orders-2013-01.csv", "id,name\n2,b\n")
    (report,) = project.run("orders")
    assert project.rows("orders") == [{"id": 2, "name": "b"}]


def test_a_fetch_that_breaks_off_leaves_nothing_and_the_next_one_has_every_row(
    project: Project, bucket: Bucket
) -> None:
    bucket.write("in/orders-2013-01.csv", "id,name\n1,a\n")
    project.declare("orders", SOURCE + COLUMNS)
    arm("raise@fetch.written:1")
    with pytest.raises(OSError, match="Input/output"):
        project.plan("orders")
    arm("")
    assert staged(project) == []

    (report,) = project.run("orders")
    assert (report.ok, report.rows) == (True, 1)


class Changing:
    """A store in which an object changes whenever somebody begins to read all of it."""

    def __init__(self, bucket: Bucket, content: bytes) -> None:
        self._there = store()
        self._bucket = bucket
        self._content = content

    def open_input_stream(self, path: str, **options: Any) -> Any:
        stream = self._there.open_input_stream(path, **options)
        self._bucket.write(path.removeprefix(f"{BUCKET}/"), self._content)
        return stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._there, name)


@pytest.mark.parametrize("content", [b"id,name\n1,b\n", b"id\n"])
def test_an_object_that_changes_while_it_is_fetched_is_not_planned(
    project: Project, bucket: Bucket, content: bytes
) -> None:
    bucket.write("in/orders-2013-01.csv", "id,name\n1,a\n")
    project.declare("orders", SOURCE + COLUMNS)
    declaration = project.processing.catalog.entry("orders").declaration
    sources = ObjectSources(project.data, lambda: Changing(bucket, content))

    with pytest.raises(Exception, match=r"changed while it was fetched|cut off on the way|AWS Error"):
        sources.files(declaration, "2013-01")
    assert staged(project) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("s3://nobucket/in/orders-{%Y-%m}.csv", "there is no such bucket; correct the path"),
        ("s3://bucket/none/orders-{%Y-%m}.csv", "has no object; put the object there"),
    ],
)
def test_what_is_not_there_is_a_clear_line(project: Project, bucket: Bucket, source: str, said: str) -> None:
    project.declare("orders", f"source: {source}\n{MONTHS}{COLUMNS}")
    problem = project.plan("orders", ["2013-01"]).problems["2013-01"]
    assert said in problem
    assert "Request ID" not in problem


def test_an_endpoint_that_does_not_answer_is_a_clear_line(
    project: Project, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    project.declare("orders", SOURCE + COLUMNS)
    problem = project.plan("orders", ["2013-01"]).problems["2013-01"]
    assert "the endpoint does not answer; correct AWS_ENDPOINT_URL" in problem
    assert "hidden" not in problem


def test_a_damaged_object_fails_as_a_damaged_file_does(project: Project, bucket: Bucket) -> None:
    whole = gzip.compress(b"id,name\n" + b"1,abc\n" * 10_000)
    bucket.write("in/orders-2013-01.csv.gz", whole[: len(whole) // 2])
    project.declare("orders", "source: s3://bucket/in/orders-{%Y-%m}.csv.gz\n" + MONTHS + COLUMNS)
    problem = project.plan("orders", ["2013-01"]).problems["2013-01"]
    assert problem.startswith("s3://bucket/in/orders-2013-01.csv.gz: ")
    assert "truncated" in problem


def test_two_objects_that_are_one_are_refused(project: Project, bucket: Bucket) -> None:
    bucket.write("in/orders-2013-01.csv", "id,name\n1,a\n")
    bucket.write("in/orders-2013-01.csv.gz", gzip.compress(b"id,name\n1,a\n"))
    project.declare("orders", "source: s3://bucket/in/orders-{%Y-%m}.csv*\n" + MONTHS + COLUMNS)
    assert "is the same file as" in project.plan("orders", ["2013-01"]).problems["2013-01"]


@pytest.mark.parametrize(
    "source", ["s3://bucket", "s3://Bucket/x.csv", "s3://{%Y}/x.csv", "s3://b*/x.csv", "s3://b//x"]
)
def test_an_address_that_cannot_be_one_is_refused_when_definitions_load(project: Project, source: str) -> None:
    project.declare("orders", f"source: '{source}'\n")
    with pytest.raises(ConfigError, match="source"):
        project.plan("orders")


def test_an_inbox_does_not_go_with_objects(project: Project) -> None:
    project.declare("orders", SOURCE + "inbox: true\n")
    with pytest.raises(ConfigError, match="an inbox goes with files of the project"):
        project.plan("orders")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_exports_to_s3_appear_whole_and_once(project: Project, bucket: Bucket, kind: str) -> None:
    export = f"export: {{{kind}: 's3://bucket/out/orders-{{partition}}.{kind}'}}\n"
    project.declare("orders", "source: in/orders-{%Y-%m}.csv\n" + MONTHS + COLUMNS + export)
    project.write("in/orders-2013-01.csv", "id,name\n1,a\n")
    project.run("orders")

    assert [each.done for each in project.processing.export("orders").done] == [Done.WRITTEN]
    content = bucket.read(f"out/orders-2013-01.{kind}")
    assert content == b'"id","name"\n1,"a"\n' if kind == "csv" else content.startswith(b"PAR1")
    assert [each.done for each in project.processing.export("orders").done] == [Done.CURRENT]
    assert list((project.data / "tmp").iterdir()) == []

    bucket.delete(f"out/orders-2013-01.{kind}")
    assert [each.done for each in project.processing.export("orders").done] == [Done.WRITTEN]


def test_an_export_to_a_bucket_that_is_not_there_is_a_clear_line(project: Project, bucket: Bucket) -> None:
    project.declare("orders", "source: in/orders.csv\nexport: {csv: s3://nobucket/orders.csv}\n" + COLUMNS)
    project.write("in/orders.csv", "id,name\n1,a\n")
    project.run("orders")
    (failure,) = project.processing.export("orders").failures
    assert "there is no such bucket" in failure
