"""Whether a peer's output is right: every good row, to the last digit, and what became of every defect.

A peer whose good rows differ is refused. A defect it let through, or dropped without a dead letter, is reported.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.measure import PeerFailed
from benchmarks.processing.rules import COLUMNS, DATES, DEFECTS, FLOATS, INTS

# What a row is, whatever types a peer wrote it in.
_ROW = ", ".join(
    f"{name}::BIGINT"
    if name in INTS
    else f"round({name} * 100)::BIGINT"
    if name in FLOATS
    else f"{name}::DATE"
    if name in DATES
    else f"{name}::VARCHAR"
    for name in COLUMNS
)
_SUM = f"count(*), coalesce(sum(hash({_ROW})::HUGEINT), 0)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a peer's output came to.

    Attributes:
        rows: Good rows, all of them there and as they should be.
        caught: Share of the defects that are dead letters.
        passed: Defects in the output, by kind.
        dropped: Defects that are neither in the output nor dead letters, by kind.
    """

    rows: int
    caught: float
    passed: Counter[str]
    dropped: Counter[str]

    @property
    def words(self) -> str:
        """One cell of a table."""
        parts = [f"{self.caught:.1%}"]
        parts += [f"accepts {', '.join(sorted(self.passed))}"] if self.passed else []
        parts += [f"drops {', '.join(sorted(self.dropped))} without a dead letter"] if self.dropped else []
        return "; ".join(parts)


def judge(truth: Path, rows: int, good: list[str], dead: str) -> Verdict:
    """Compare a peer's output with the truth.

    Args:
        truth: The input's folder.
        rows: Only its first records were processed.
        good: Parquet files (or patterns) of good rows.
        dead: A query that gives the `seq` of every dead letter.

    Raises:
        PeerFailed: Good rows are missing, altered, doubled, or dead letters.
    """
    with duckdb.connect(config={"memory_limit": "2GB", "threads": 2}) as connection:
        run = connection.execute
        run(f"CREATE TEMP TABLE defects AS FROM '{truth}/defects.parquet' WHERE seq <= {rows}")
        run(f"CREATE TEMP VIEW output AS FROM read_parquet({good!r}, union_by_name = true)")
        run(f"CREATE TEMP TABLE dead AS {dead}")
        expected = run(f"SELECT {_SUM} FROM '{truth}/good/*.parquet' WHERE seq <= {rows}").fetchone()
        found = run(f"SELECT {_SUM} FROM output ANTI JOIN defects USING (seq)").fetchone()
        if expected is None or found != expected:
            raise PeerFailed(f"good rows (count, checksum): expected {expected}, found {found}")
        if wrong := run("SELECT count(*), min(seq) FROM dead ANTI JOIN defects USING (seq)").fetchone():
            count, first = wrong
            if count:
                raise PeerFailed(f"{count} good records are dead letters, first {first}")
        passed = _kinds(connection, "SEMI JOIN output USING (seq)")
        dropped = _kinds(connection, "ANTI JOIN output USING (seq) ANTI JOIN dead USING (seq)")
        total = sum(_kinds(connection, "").values())
    missed = sum(passed.values()) + sum(dropped.values())
    return Verdict(int(expected[0]), 1 - missed / total if total else 1.0, passed, dropped)


def _kinds(connection: duckdb.DuckDBPyConnection, joined: str) -> Counter[str]:
    counts = dict(connection.execute(f"SELECT kind, count(*) FROM defects {joined} GROUP BY kind").fetchall())
    return Counter({kind: counts[kind] for kind in DEFECTS if kind in counts})
