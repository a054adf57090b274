"""A full disk, a ledger that is away: a clear reason, nothing half-visible, and on it goes when that is cured."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.faults import arm, count_points
from batch_pipelines.core.model import BatchState
from batch_pipelines_tests.conftest import cannot
from batch_pipelines_tests.processing.datasets import Project
from batch_pipelines_tests.servers import Database

SHOP = "source: in/shop.csv\nkey: id\nchunk_size: 12B\ncolumns: {id: int, city: string}"
STEPS = """
import json, sys
from pathlib import Path
from batch_pipelines.core.errors import BatchError
from batch_pipelines_tests.processing.datasets import Project
project = Project(Path(sys.argv[1]), ledger_url=(sys.argv[2:] or [None])[0])
try:
    planning = project.plan("shop")
    said = planning.problems.get("all") or project.work(planning)[0].message
except BatchError as error:
    said = f"{type(error).__name__}: {error}"
print(json.dumps(said))
"""
CUT = """
import batch_pipelines.core.lane as lane
from {test} import admits
from batch_pipelines_tests.servers import Database
def cut(point):
    if point == "lane.worked":
        admits({database!r}, connections=False)
lane.fault = cut
"""


@pytest.fixture
def shop(project: Project) -> Project:
    project.declare("shop", SHOP)
    return project


def content(generation: int) -> str:
    """Two chunks, a duplicate, a dead letter."""
    return f"id,city\n{generation},a\n9,b\nx,c\n8,d\n9,e\n"


def test_a_disk_that_is_full_for_all_attempts_fails_the_batch_and_the_next_run_resumes_it(shop: Project) -> None:
    shop.write("in/shop.csv", content(1))
    arm(",".join(f"enospc@chunk.part_written:{n}" for n in (1, 3, 4)))  # the second is the other chunk's
    report = shop.one("shop", root_run="run-1")
    arm("")
    assert report.state is BatchState.FAILED
    assert "failed: attempt 3 of 3: OSError: [Errno 28] No space left on device" in report.message
    assert [chunk["state"] for chunk in report.chunks].count("done") == 1
    assert shop.table("shop") == []
    assert shop.one("shop", root_run="run-2").message == "5 read, 3 written, 2 dead-lettered"


def test_a_disk_that_is_full_for_a_moment_costs_an_attempt(shop: Project) -> None:
    shop.write("in/shop.csv", content(1))
    arm("enospc@chunk.part_written:1,enospc@chunk.dead_written:1")
    assert shop.one("shop").message == "5 read, 3 written, 2 dead-lettered"


def test_wherever_the_disk_is_full_the_table_is_whole_and_the_next_run_makes_it_right(shop: Project) -> None:
    """SQLite's way: fail at the first point that is passed, then at the second …, until a run passes none."""
    shop.write("in/shop.csv", content(10))
    points = count_points()
    assert shop.failures("shop") == ""
    before, interrupted = [10, 9, 8], 0
    for nth in range(1, points["any"] + 1):
        shop.write("in/shop.csv", content(10 + nth))
        after = [10 + nth, 9, 8]
        arm(f"enospc@any:{nth}")
        try:
            failed = bool(shop.failures("shop"))
        except OSError as error:
            failed, interrupted = "No space left on device" in str(error), interrupted + 1
        arm("")
        ids = [row["id"] for row in shop.rows("shop")]
        assert ids in ([before, after] if failed else [after])
        assert not failed or shop.failures("shop") == ""
        before = [row["id"] for row in shop.rows("shop")]
        assert before == after
    assert interrupted > 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(mounted)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        cannot("a small file system can be mounted by root only")
    yield mounted
    subprocess.run(["umount", "-l", str(mounted)], check=True)


def step(home: Path, ledger_url: str | None = None, beforehand: str = "") -> str:
    """Plan and work in a fresh process, as the next run would; what it says in the end."""
    command = [sys.executable, "-c", beforehand + STEPS, str(home), *([ledger_url] if ledger_url else [])]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return str(json.loads(done.stdout)) if done.returncode == 0 else f"uncaught: {done.stderr[-2000:]}"


def fill(folder: Path, leave: int) -> Path:
    """Take all room but `leave` bytes."""
    found = os.statvfs(folder)
    ballast = folder / "ballast"
    ballast.write_bytes(b"\0" * max(found.f_bavail * found.f_frsize - leave, 0))
    return ballast


@pytest.mark.parametrize("ledger", ["on the same disk", "elsewhere"])
def test_a_really_full_disk_says_so_and_the_run_after_finishes(small_disk: Path, tmp_path: Path, ledger: str) -> None:
    home = small_disk / "home"
    (home / "data").mkdir(parents=True)
    url = None if ledger == "on the same disk" else f"sqlite:///{tmp_path / 'ledger.db'}"
    project = Project(home, ledger_url=url)
    project.declare("shop", SHOP.replace("12B", "64KB"))
    noise = "".join(f"{n},{os.urandom(20).hex()}\n" for n in range(9000))
    project.write("in/shop.csv", f"id,city\n{noise}5,dup\n")
    project.plan("shop")
    project.processing.close()
    ballast = fill(small_disk, leave=150_000)
    said = step(home, url)
    assert "No space left on device" in said or "database or disk is full" in said
    assert "uncaught" not in said
    assert project.table("shop") == []
    ballast.unlink()
    assert step(home, url) == "9,001 read, 9,000 written, 1 dead-lettered"
    assert len(project.table("shop")) == 9000


def test_a_full_disk_while_a_packed_file_is_unpacked_is_a_problem_of_that_partition(shop: Project) -> None:
    shop.declare("packed", SHOP.replace("shop.csv", "packed.csv.gz"))
    shop.write("in/packed.csv.gz", gzip.compress(content(1).encode()))
    (shop.data / "staging").write_text("no folder")
    problem = shop.plan("packed").problems["all"]
    assert "in/packed.csv.gz: cannot be unpacked to" in problem
    (shop.data / "staging").unlink()
    assert shop.one("packed").ok


URLS = {
    "nonsense": "BP_LEDGER_URL is not a database address",
    "mysql://somewhere/ledger": "the ledger runs on SQLite or PostgreSQL, not on mysql",
    "postgresql://bp:secret@127.0.0.1:1/ledger": (
        r"the ledger at postgresql\+psycopg2://bp:\*\*\*@127.0.0.1:1/ledger cannot be read: .*Connection refused"
    ),
    "sqlite://": "BP_LEDGER_URL names no file: a ledger in memory forgets",
    "sqlite:////proc/nowhere/ledger.db": "the folder of the ledger /proc/nowhere/ledger.db cannot be made",
}


@pytest.mark.parametrize("url", URLS)
def test_a_ledger_that_cannot_be_opened_is_refused_in_words(home: Path, url: str) -> None:
    project = Project(home, ledger_url=url)
    project.declare("shop", SHOP)
    project.write("in/shop.csv", content(1))
    with pytest.raises(ConfigError, match=URLS[url]) as caught:
        project.plan("shop")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_ledger_file_that_is_damaged_is_refused_and_left_as_it_is(home: Path) -> None:
    damaged = home / "data" / "ledger.db"
    damaged.write_bytes(b"not a database" * 500)
    project = Project(home)
    project.declare("shop", SHOP)
    project.write("in/shop.csv", content(1))
    with pytest.raises(
        ConfigError, match=r"the ledger at sqlite:///.*ledger\.db cannot be read: file is not a database"
    ):
        project.plan("shop")
    assert damaged.read_bytes() == b"not a database" * 500


def admits(database: Database, *, connections: bool) -> None:
    """Let nobody connect any more, and end those who are; or let them again."""
    administration = psycopg2.connect(database.url.rpartition("/")[0].replace("+psycopg2", "") + "/postgres")
    administration.autocommit = True
    with administration.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS {connections}")
        if not connections:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database.name])
    administration.close()


def test_a_database_that_goes_away_during_the_work_is_named_and_the_run_after_goes_on(
    home: Path, postgres: Database
) -> None:
    """The first run is a process of its own: it could not give back its claim, but nobody has to wait for the dead."""
    project = Project(home, ledger_url=postgres.url)
    project.declare("shop", SHOP)
    project.write("in/shop.csv", content(1))
    project.plan("shop")
    project.processing.close()
    said = step(home, postgres.url, beforehand=CUT.format(test=__name__, database=postgres))
    assert said.startswith("TransientError: the ledger at postgresql")
    assert said.endswith("; cure that and run again, it goes on where it stopped")
    assert "uncaught" not in said
    admits(postgres, connections=True)
    assert project.table("shop") == []
    assert step(home, postgres.url) == "5 read, 3 written, 2 dead-lettered"


def test_a_dataset_is_processed_with_a_ledger_on_postgresql(home: Path, postgres: Database) -> None:
    project = Project(home, ledger_url=postgres.url)
    project.declare("shop", SHOP)
    for first in (1, 2, 1):
        project.write("in/shop.csv", content(first))
        report = project.one("shop")
        assert report.message == "5 read, 3 written, 2 dead-lettered"
        assert [row["id"] for row in project.rows("shop")] == [first, 9, 8]
        project.reopen()
    assert project.plan("shop").current == [project.batches("shop")[-1].id]
    assert [batch.generation for batch in project.batches("shop")] == [1, 1, 2]
    assert [row["line"] for row in project.dead("shop")] == [4, 6]
    assert project.one("shop", force=True).generation == 3
    project.processing.close()
