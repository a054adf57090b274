"""`python3 -m benchmarks WHAT`, processing, reporting and others: see docs/benchmarks.md for what came out."""

import argparse
import shlex
import sys
import tempfile
from pathlib import Path

from benchmarks.report import Report, append_markdown

ROWS = 2_000_000


def main() -> int:
    """Measure, show, and write what was asked for; 1 if a goal was missed."""
    said = _parser().parse_args()
    command = _command(said)
    with tempfile.TemporaryDirectory(prefix="bp-benchmarks-") as scratch:
        workdir = said.workdir or Path(scratch)
        workdir.mkdir(parents=True, exist_ok=True)
        report = _measure(said, workdir, command)
    report.show()
    if said.markdown:
        append_markdown(report, said.markdown)
    return 0 if all(met for _, met in report.goals) else 1


def _command(said: argparse.Namespace) -> str:
    """What was run, without places of this machine; defaults that decide figures are written out."""
    asked = {
        "engine": ("chunks", "seconds", "rounds"),
        "processing": ("rows", "rounds", "seed"),
        "formats": ("rows", "rounds", "seed"),
        "replay": ("rows", "rounds", "seed"),
        "campaigns": ("messages", "rounds"),
        "reporting": ("pdfs", "sheet-rows", "csv-rows", "rounds"),
    }[said.what]
    options = [part for name in asked for part in (f"--{name}", str(getattr(said, name.replace("-", "_"))))]
    return shlex.join([".venv/bin/python", "-m", "benchmarks", said.what, *options, *(["--memory"] * said.memory)])


def _measure(said: argparse.Namespace, workdir: Path, command: str) -> Report:  # noqa: PLR0911  one each
    if said.what == "engine":
        from benchmarks.engine.benchmark import measure as measure_engine  # noqa: PLC0415  only what is measured

        return measure_engine(said.chunks, said.seconds, said.rounds, workdir, command)
    if said.what == "formats":
        from benchmarks.formats.benchmark import measure as measure_formats  # noqa: PLC0415

        return measure_formats(said.rows, said.rounds, said.seed, workdir, command)
    if said.what == "replay":
        from benchmarks.replay.benchmark import measure as measure_replay  # noqa: PLC0415

        return measure_replay(said.rows, said.rounds, said.seed, workdir, command)
    if said.what == "campaigns":
        from benchmarks.campaigns.benchmark import measure as measure_campaigns  # noqa: PLC0415

        return measure_campaigns(said.messages, said.rounds, workdir, command)
    if said.what == "reporting":
        from benchmarks.reporting.benchmark import Sizes  # noqa: PLC0415
        from benchmarks.reporting.benchmark import measure as measure_reporting  # noqa: PLC0415

        return measure_reporting(Sizes(said.pdfs, said.sheet_rows, said.csv_rows), said.rounds, workdir, command)
    from benchmarks.processing import benchmark  # noqa: PLC0415

    if said.memory:
        return benchmark.measure_memory(said.rows, said.rounds, said.seed, workdir, command)
    return benchmark.measure(said.rows, said.rounds, said.seed, workdir, command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("what", choices=("processing", "formats", "engine", "replay", "campaigns", "reporting"))
    parser.add_argument(
        "--rows", type=int, default=ROWS, help="rows of the generated CSV; formats: a tenth of them as XLSX"
    )
    parser.add_argument("--seed", type=int, default=1, help="processing: of the generated CSV")
    parser.add_argument("--memory", action="store_true", help="processing: us alone, on --rows and ten times as many")
    parser.add_argument("--chunks", type=int, default=10_000, help="engine: chunks of one of our batches")
    parser.add_argument("--seconds", type=float, default=30.0, help="engine: how long each peer goes on")
    parser.add_argument("--messages", type=int, default=5_000, help="campaigns: letters that each peer writes or sends")
    parser.add_argument("--pdfs", type=int, default=100, help="reporting: personal PDFs")
    parser.add_argument("--sheet-rows", type=int, default=200_000, help="reporting: rows of the workbook")
    parser.add_argument("--csv-rows", type=int, default=5_000_000, help="reporting: rows of the CSV")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", type=Path, help="append the table to this file")
    parser.add_argument("--workdir", type=Path, help="keep generated input there, and use it again")
    return parser


if __name__ == "__main__":
    sys.exit(main())
