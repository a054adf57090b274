"""Every kind of damage, in every format: a dead letter or a clear failure; counts reconcile, memory is bounded."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from batch_pipelines_tests.processing.damage import jsonl, parquet, xlsx
from batch_pipelines_tests.processing.damage.case import COLUMNS, Damage
from batch_pipelines_tests.processing.datasets import Project, reasons

ALL: Mapping[str, Mapping[str, Damage]] = {"jsonl": jsonl.DAMAGES, "parquet": parquet.DAMAGES, "xlsx": xlsx.DAMAGES}
CASES = [(kind, what) for kind, damages in ALL.items() for what in damages]
PEAK_BYTES = 512 << 20


def declared(kind: str, damage: Damage) -> str:
    """The YAML of the dataset; options may bring columns of their own."""
    columns = "" if "columns:" in damage.options else COLUMNS
    return f"source: in/shop.{kind}\nmax_reject_rate: 100%\n{columns}\n{damage.options}"


def expect(project: Project, kind: str, damage: Damage) -> None:
    """Process a damaged file, and compare with what is to come of it."""
    project.declare("shop", declared(kind, damage))
    project.write(f"in/shop.{kind}", damage.file)
    if damage.fails is not None:
        assert damage.fails in project.failures("shop")
        assert project.table("shop") == []
        return
    report = project.one("shop")
    assert report.ok, report.message
    assert (report.counts.written, report.counts.dead) == (damage.good, sum(damage.dead.values()))
    assert report.counts.items == report.counts.written + report.counts.filtered + report.counts.dead
    assert len(project.rows("shop")) == damage.good
    letters = project.dead("shop")
    assert [reasons(letter)[0] for letter in letters] == [
        rule for rule, count in damage.dead.items() for _ in range(count)
    ]
    assert all(letter["raw"] and letter["line"] for letter in letters)


@pytest.mark.parametrize("kind", ALL)
def test_there_are_twenty_kinds_of_damage_and_both_fates(kind: str) -> None:
    damages = ALL[kind].values()
    assert len(damages) >= 20
    assert any(damage.dead for damage in damages)
    assert any(damage.fails for damage in damages)


@pytest.mark.parametrize(("kind", "what"), CASES)
def test_damage_is_a_dead_letter_or_a_clear_failure(project: Project, kind: str, what: str) -> None:
    expect(project, kind, ALL[kind][what])


BOMBS = {
    "jsonl": ("a line of 50 MB", "a gzip bomb", "nested without end", "a text of 2 MB"),
    "parquet": (
        "a text of 100 MB",
        "a text of 1 MB, 100,000 times",
        "a row group of 17 million rows",
        "lists of 40 million values",
    ),
    "xlsx": ("two cells far apart", "a ZIP bomb"),
}
MEASURED = """
import json, resource, sys
from pathlib import Path
from batch_pipelines_tests.processing.datasets import Project
project, kind = Project(Path(sys.argv[1])), sys.argv[2]
project.processing.catalog
reports = []
planning = project.plan("shop")
if planning.batch_ids:
    project.work(planning)
own = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps([int(own.split()[1]) << 10, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10]))
"""


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_stay_within_512_mb(home: Path, kind: str) -> None:
    project = Project(home)
    for what in BOMBS[kind]:
        damage = ALL[kind][what]
        project.declare("shop", declared(kind, damage))
        project.write(f"in/shop.{kind}", damage.file)
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, str(home), kind],
            check=True,
            capture_output=True,
            cwd=Path(__file__).parents[2],
        )
        own, child = json.loads(done.stdout.splitlines()[-1])
        assert own + child <= PEAK_BYTES, f"{what}: {own >> 20} MB and {child >> 20} MB"
