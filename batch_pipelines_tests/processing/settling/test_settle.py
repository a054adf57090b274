"""Keys that occur twice within a partition: the first by source and place stays, the others are dead letters."""

import random

import pytest

from batch_pipelines.core.faults import arm
from batch_pipelines.core.model import BatchState
from batch_pipelines.processing.settling import settle as settling
from batch_pipelines_tests.processing.datasets import Project, reasons

SHOP = "source: in/*.csv\nkey: id\ncolumns: {id: int, city: string}"


def winners(project: Project) -> list[tuple[object, str]]:
    return [(row["id"], row["city"]) for row in project.rows("shop")]


def losers(project: Project) -> list[tuple[str, int, bytes, str]]:
    return [
        (each["source"], each["line"], each["raw"], each["reasons"][0]["message"].split(",")[0])
        for each in project.dead("shop")
    ]


def test_within_one_chunk_the_first_line_wins(project: Project) -> None:
    project.declare("shop", SHOP)
    project.write("in/a.csv", 'id,city\n7,first\n8,x\n7,"second\nline"\n7,third\n')
    report = project.one("shop")
    assert report.message == "4 read, 2 written, 2 dead-lettered"
    assert winners(project) == [(7, "first"), (8, "x")]
    assert losers(project) == [
        ("in/a.csv", 4, b'7,"second\nline"', "is the key of in/a.csv:2"),
        ("in/a.csv", 6, b"7,third", "is the key of in/a.csv:2"),
    ]
    (dead, _) = project.dead("shop")
    assert (dead["record"], dead["offset"], reasons(dead)) == (3, 20, ["duplicate: id"])
    assert (dead["reasons"][0]["column"], dead["reasons"][0]["value"]) == ("id", "7")
    assert report.samples == [
        "in/a.csv:4: id '7' is the key of in/a.csv:2, too, which comes first",
        "in/a.csv:6: id '7' is the key of in/a.csv:2, too, which comes first",
    ]


def test_across_chunks_and_files_the_first_source_by_name_wins(project: Project) -> None:
    project.declare("shop", f"{SHOP}\nchunk_size: 4B")
    project.write("in/b.csv", "id,city\n1,b\n2,b\n3,b\n")
    project.write("in/a.csv", "id,city\n2,a\n9,a\n2,z\n")
    report = project.one("shop")
    assert report.message == "6 read, 4 written, 2 dead-lettered"
    assert winners(project) == [(2, "a"), (9, "a"), (1, "b"), (3, "b")]
    assert losers(project) == [
        ("in/a.csv", 4, b"2,z", "is the key of in/a.csv:2"),
        ("in/b.csv", 3, b"2,b", "is the key of in/a.csv:2"),
    ]
    assert [(chunk["written"], chunk["dead"]) for chunk in report.chunks] == [
        (1, 0), (1, 0), (0, 1), (1, 0), (0, 1), (1, 0)
    ]  # fmt: skip


def test_parts_of_a_sorted_file_that_cannot_share_a_key_are_not_compared(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("compared")

    project.declare("shop", f"{SHOP}\nchunk_size: 8B")
    project.write("in/a.csv", "id,city\n1,a\n1,b\n2,a\n2,b\n3,c\n4,a\n")
    monkeypatch.setattr(settling, "contest_of", never)
    monkeypatch.setattr(settling, "_is_unique_at_a_glance", never)
    assert project.one("shop").message == "6 read, 4 written, 2 dead-lettered"
    project.write("in/a.csv", "id,city\n1,a\n2,b\n2,a\n3,b\n")
    with pytest.raises(AssertionError, match="compared"):
        project.one("shop")


@pytest.mark.parametrize("kind", ["int", "string"])
@pytest.mark.parametrize("seed", range(4))
def test_many_chunks_of_random_keys_keep_the_first_of_each(
    project: Project, monkeypatch: pytest.MonkeyPatch, kind: str, seed: int
) -> None:
    monkeypatch.setattr(settling, "GLANCE_ROWS", 0)
    dice = random.Random(seed)
    ids = [dice.randint(row - 20, row + 20) if row % 90 else 150 for row in range(300)]
    project.declare("shop", f"source: in/*.csv\nkey: id\nchunk_size: 200B\ncolumns: {{id: {kind}, city: string}}")
    project.write("in/a.csv", "id,city\n" + "".join(f"{key},{row}\n" for row, key in enumerate(ids)))
    project.one("shop")
    firsts = {key: str(row) for row, key in reversed(list(enumerate(ids)))}
    assert {int(str(key)): city for key, city in winners(project)} == firsts
    assert len(winners(project)) == len(firsts)


@pytest.mark.parametrize("chunk_size", [4, 8, 12, 20, 1000])
def test_within_and_across_chunks_all_losers_are_counted_and_name_the_very_first(
    project: Project, chunk_size: int
) -> None:
    project.declare("shop", f"{SHOP}\nchunk_size: {chunk_size}B")
    project.write("in/a.csv", "id,city\n" + "".join(f"{id_},x\n" for id_ in (1, 1, 1, 2, 2, 1, 2, 3, 3, 1, 1)))
    report = project.one("shop")
    assert report.message == "11 read, 3 written, 8 dead-lettered"
    assert report.reasons == {"duplicate: id": 8}
    assert winners(project) == [(1, "x"), (2, "x"), (3, "x")]
    assert [(line, int(message.rpartition(":")[2])) for _, line, _, message in losers(project)] == [
        (3, 2), (4, 2), (6, 5), (7, 2), (8, 5), (10, 9), (11, 2), (12, 2)
    ]  # fmt: skip


def test_keys_are_of_one_partition(project: Project) -> None:
    project.declare("shop", f"{SHOP}\npartitions: file")
    for name in "ab":
        project.write(f"in/{name}.csv", "id,city\n1,x\n")
    assert [report.dead_letters for report in project.run("shop")] == [0, 0]


def test_a_dead_letter_of_another_kind_does_not_win(project: Project) -> None:
    project.declare("shop", SHOP.replace("city: string", "city: {type: string, required: true}"))
    project.write("in/a.csv", "id,city\n1,\n1,good\n1,late\n")
    assert project.one("shop").reasons == {"required: city": 1, "duplicate: id": 1}
    assert winners(project) == [(1, "good")]
    assert [(each["line"], reasons(each)) for each in project.dead("shop")] == [
        (2, ["required: city"]),
        (4, ["duplicate: id"]),
    ]


@pytest.mark.parametrize("chunk_size", ["1B", "16MB"])
def test_rows_without_a_whole_key_are_never_duplicates(project: Project, chunk_size: str) -> None:
    project.declare("shop", SHOP.replace("key: id", f"key: [id, city]\nchunk_size: {chunk_size}"))
    project.write("in/a.csv", "id,city\n1,\n1,\n,x\n,x\n,\n,\n1,x\n1,x\n")
    assert project.one("shop").message == "8 read, 7 written, 1 dead-lettered"
    assert losers(project) == [("in/a.csv", 9, b"1,x", "is the key of in/a.csv:8")]


TYPES = {
    "int": ("7", "+7", "8"),
    "float": ("0.5", "5e-1", "0.25"),
    "decimal(6,2)": ("1.50", "1.5", "1.51"),
    "bool": ("true", "T", "false"),
    "date": ("2013-01-31", " 2013-01-31", "2013-02-01"),
    "timestamp": ("2013-01-31T05:00:00Z", "2013-01-31 06:00:00+01:00", "2013-01-31T05:00:01Z"),
    "string": ("é\t'", "é\t'", "e\t'"),
}


@pytest.mark.parametrize("kind", TYPES)
def test_values_are_compared_not_their_spelling(project: Project, kind: str) -> None:
    value, same, other = TYPES[kind]
    project.declare("shop", f'source: in/*.csv\nkey: k\ncolumns: {{k: "{kind}"}}\nchunk_size: 1B')
    project.write("in/a.csv", f'k\n"{value}"\n"{other}"\n"{same}"\n')
    assert project.one("shop").message == "3 read, 2 written, 1 dead-lettered"
    (dead,) = project.dead("shop")
    assert (dead["line"], dead["raw"].decode()) == (4, f'"{same}"')


@pytest.mark.parametrize("names", [["n"], ["filename", "file_row_number"], ["a b", 'q"'], ["rows", "Shown", "winner"]])
@pytest.mark.parametrize("chunk_size", ["1B", "16MB"])
def test_columns_may_have_any_name(project: Project, names: list[str], chunk_size: str) -> None:
    quoted = ["'" + name + "'" for name in names]
    columns = ", ".join(f"{name}: int" for name in quoted)
    keys = ", ".join(quoted)
    project.declare("shop", f"source: in/*.csv\nkey: [{keys}]\ncolumns: {{{columns}}}\nchunk_size: {chunk_size}")
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    line = ",".join("41" for _ in names)
    project.write("in/a.csv", f"{header}\n{line}\n{line}\n")
    assert project.one("shop").message == "2 read, 1 written, 1 dead-lettered"
    assert [each["line"] for each in project.dead("shop")] == [3]


def test_derived_and_transformed_columns_may_be_keys(project: Project) -> None:
    attributes = "source: in/*.csv\nkey: [up, twice]\ncolumns: {id: int, city: string}\nderive: {up: upper(city)}"
    transform = "def change(rows):\n    rows['twice'] = rows.id // 2\n    return rows\n"
    project.declare("shop", f"{attributes}\ntransform: transform:change\nadds: {{twice: int}}", transform)
    project.write("in/a.csv", "id,city\n2,a\n3,A\n4,a\n")
    assert project.one("shop").reasons == {"duplicate: up, twice": 1}
    assert [row["id"] for row in project.rows("shop")] == [2, 4]


def test_a_home_with_odd_letters_is_no_pattern(project: Project) -> None:
    home = project.home / "[a-z]*" / "id=9"
    (home / "data").mkdir(parents=True)
    odd = Project(home)
    odd.declare("shop", f"{SHOP}\nchunk_size: 4B")
    odd.write("in/a.csv", "id,city\n1,a\n1,b\n2,c\n")
    assert odd.one("shop").message == "3 read, 2 written, 1 dead-lettered"
    assert winners(odd) == [(1, "a"), (2, "c")]
    odd.processing.close()


@pytest.mark.parametrize("point", ["settle.part_written", "settle.dead_written", "settle.prepared", "settle.written"])
def test_a_crash_while_settling_changes_nothing_and_is_made_good(project: Project, point: str) -> None:
    project.declare("shop", f"{SHOP}\nchunk_size: 4B")
    project.write("in/a.csv", "id,city\n1,a\n2,b\n1,c\n2,d\n1,e\n")
    planning = project.plan("shop")
    arm(f"raise@{point}:1")
    with pytest.raises(OSError, match="Input/output"):
        project.work(planning)
    arm("")
    (report,) = project.processing.review(planning.batch_ids)
    assert (report.state, report.rows, report.dead_letters) == (BatchState.OPEN, 5, 0)
    (report,) = project.work(project.plan("shop"))
    assert report.message == "5 read, 2 written, 3 dead-lettered"
    assert winners(project) == [(1, "a"), (2, "b")]
    assert [line for _, line, _, _ in losers(project)] == [4, 5, 6]


def test_a_settled_batch_that_was_not_published_is_not_settled_twice(project: Project) -> None:
    project.declare("shop", f"{SHOP}\nchunk_size: 4B")
    project.write("in/a.csv", "id,city\n1,a\n1,b\n")
    planning = project.plan("shop")
    arm("raise@publish.leased:1")
    with pytest.raises(OSError, match="Input/output"):
        project.work(planning)
    arm("")
    (batch,) = project.batches("shop")
    assert batch.settled
    (report,) = project.work(project.plan("shop"))
    assert (report.message, report.reasons) == ("2 read, 1 written, 1 dead-lettered", {"duplicate: id": 1})


def test_duplicates_count_towards_the_reject_limit(project: Project) -> None:
    project.declare("shop", f"{SHOP}\nmax_reject_rate: 30%")
    project.write("in/a.csv", "id,city\n1,a\n1,b\n")
    report = project.one("shop")
    assert report.state is BatchState.FAILED
    assert "1 of 2 items are dead letters (50.0%), more than max_reject_rate 30.0% allows: duplicate: id 1" in (
        report.message
    )


def test_a_source_that_is_gone_by_then_costs_the_raw_bytes_but_no_row(project: Project) -> None:
    project.declare("shop", f"{SHOP}\nchunk_size: 4B")
    source = project.write("in/a.csv", "id,city\n1,a\n2,b\n1,c\n")
    planning = project.plan("shop")
    arm("raise@lane.worked:4,raise@settle.prepared:1")
    with pytest.raises(OSError, match="Input/output"):
        project.work(planning)
    arm("")
    source.unlink()
    (report,) = project.work(planning)
    assert report.message == "3 read, 2 written, 1 dead-lettered"
    (dead,) = project.dead("shop")
    assert (dead["source"], dead["line"], dead["offset"]) == ("in/a.csv", 4, 16)
