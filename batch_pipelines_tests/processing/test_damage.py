"""Every kind of damage, in every format: a dead letter or a clear failure; counts reconcile, memory is bounded."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from batch_pipelines.processing.reports import failures_of
from batch_pipelines_tests.processing.damage import csv, jsonl, parquet, xlsx
from batch_pipelines_tests.processing.damage.case import COLUMNS, Damage, Letter
from batch_pipelines_tests.processing.datasets import Project, reasons

ALL: Mapping[str, Mapping[str, Damage]] = {
    "csv": csv.DAMAGES,
    "jsonl": jsonl.DAMAGES,
    "parquet": parquet.DAMAGES,
    "xlsx": xlsx.DAMAGES,
}
BOMBS = {
    "csv": (
        "the longest line that is read",
        "a line of 50 MB",
        "a header of 50 MB",
        "a gzip bomb",
        "a zstd bomb",
        "a cell of a gigabyte",
        "half a million lines after a quote",
    ),
    "jsonl": ("a line of 50 MB", "a gzip bomb", "nested without end", "a text of 2 MB"),
    "parquet": (
        "a text of 100 MB",
        "a text of 1 MB, 100,000 times",
        "a row group of 17 million rows",
        "lists of 40 million values",
    ),
    "xlsx": ("two cells far apart", "a ZIP bomb"),
}
CASES = [(kind, what) for kind, damages in ALL.items() for what in damages if what not in BOMBS[kind]]
PEAK_BYTES = 512 << 20
MANY = 1000  # dead letters that are counted, not looked at


def prepare(project: Project, kind: str, damage: Damage) -> None:
    """Declare the dataset (options may bring columns of their own), and write the damaged file."""
    columns = "" if "columns:" in damage.options else COLUMNS
    project.declare("shop", f"source: in/shop.{kind}\nmax_reject_rate: 100%\n{columns}\n{damage.options}")
    project.write(f"in/shop.{kind}", damage.file)


def process(project: Project, kind: str, damage: Damage) -> str:
    """Process it, and return what a run would fail with; it may become another file once it is planned."""
    planning = project.plan("shop")
    if damage.later is not None:
        assert planning.problems == {}
        project.write(f"in/shop.{kind}", damage.later)
    return "\n".join(failures_of(planning, project.work(planning)))


def compare(project: Project, damage: Damage, said: str) -> None:
    """Compare what has come of it with what is to come of it."""
    if damage.fails is not None:
        assert damage.fails in said
        assert project.table("shop") == []
        assert not list((project.data / "staging").rglob("*.tmp"))
        return
    assert said == ""
    (report,) = project.processing.review([project.batches("shop")[-1].id])
    assert (report.counts.written, report.counts.dead) == (damage.good, sum(damage.dead.values()))
    assert report.counts.items == report.counts.written + report.counts.filtered + report.counts.dead
    assert len(project.rows("shop")) == damage.good
    if report.counts.dead > MANY:
        assert report.reasons == damage.dead
        return
    letters = project.dead("shop")
    assert [reasons(letter)[0] for letter in letters] == [
        rule for rule, count in damage.dead.items() for _ in range(count)
    ]
    assert all(letter["raw"] and letter["line"] for letter in letters)
    if damage.letters:
        assert [Letter(letter["line"], letter["raw"]) for letter in letters] == list(damage.letters)


@pytest.mark.parametrize("kind", ALL)
def test_there_are_twenty_kinds_of_damage_and_both_fates(kind: str) -> None:
    damages = ALL[kind].values()
    assert len(damages) >= 20
    assert any(damage.dead for damage in damages)
    assert any(damage.fails for damage in damages)


@pytest.mark.parametrize(("kind", "what"), CASES)
def test_damage_is_a_dead_letter_or_a_clear_failure(project: Project, kind: str, what: str) -> None:
    damage = ALL[kind][what]
    prepare(project, kind, damage)
    compare(project, damage, process(project, kind, damage))


MEASURED = """
import json, resource, sys
from pathlib import Path
from batch_pipelines.processing.reports import failures_of
from batch_pipelines_tests.processing.datasets import Project
project = Project(Path(sys.argv[1]))
planning = project.plan("shop")
said = "\\n".join(failures_of(planning, project.work(planning)))
own = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps([said, int(own.split()[1]) << 10, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10]))
"""


@pytest.mark.parametrize(("kind", "what"), [(kind, what) for kind, bombs in BOMBS.items() for what in bombs])
def test_a_bomb_has_its_fate_within_512_mb(project: Project, kind: str, what: str) -> None:
    """In a process of its own; a worker process that it starts counts, too."""
    damage = ALL[kind][what]
    prepare(project, kind, damage)
    command = [sys.executable, "-c", MEASURED, str(project.home)]
    done = subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    said, own, child = json.loads(done.stdout.splitlines()[-1])
    compare(project, damage, said)
    assert own + child <= PEAK_BYTES, f"{own >> 20} MB and {child >> 20} MB"
