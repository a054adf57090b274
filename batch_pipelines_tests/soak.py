"""The long trials, at full counts: `python3 run.py soak`. Their figures are committed in docs/.

    python3 run.py soak                      all of them
    python3 run.py soak defects --seed 7     one of them, with other dice

Each suite is a function `(seed) -> figures`; what it does is told where it lives. A suite that finds anything wrong
raises, and nothing is written.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from batch_pipelines.core.model import Json

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SEED = 20130101
DEFECT_ROWS = 2_000_000


def defects(seed: int) -> Json:
    """Two million rows with ten kinds of defects, through real workers; see processing/defect_trial.py."""
    from batch_pipelines_tests.processing.defect_trial import run_defects  # noqa: PLC0415  each suite loads its own

    return run_defects(DEFECT_ROWS, seed)


def kills(seed: int) -> Json:
    """Five hundred SIGKILLs at every named point and at random moments; see system/kill_soak.py."""
    from batch_pipelines_tests.system.kill_soak import run_kills  # noqa: PLC0415
    from batch_pipelines_tests.system.memory_folder import memory_folder  # noqa: PLC0415

    with memory_folder() as folder:
        return run_kills(folder, seed)


def deliveries(seed: int) -> Json:
    """Two hundred SIGKILLs between "written" and "delivered" of reports; see system/delivery_kills.py."""
    from batch_pipelines_tests.system.delivery_kills import run_kills  # noqa: PLC0415
    from batch_pipelines_tests.system.memory_folder import memory_folder  # noqa: PLC0415

    with memory_folder() as folder:
        return run_kills(folder, seed)


def mails(seed: int) -> Json:
    """A thousand SIGKILLs of senders to 50,000 recipients, on SQLite and on PostgreSQL; see system/mail_soak.py."""
    from batch_pipelines_tests.system.mail_soak import run_mail_kills  # noqa: PLC0415
    from batch_pipelines_tests.system.memory_folder import memory_folder  # noqa: PLC0415

    with memory_folder() as folder:
        return run_mail_kills(folder, seed)


SUITES: Mapping[str, Callable[[int], Json]] = {
    "mails": mails,
    "defects": defects,
    "kills": kills,
    "deliveries": deliveries,
}


def main(arguments: list[str]) -> int:
    """Run what is asked for, and write down what came of it."""
    parser = argparse.ArgumentParser(prog="run.py soak", description="The long trials, at full counts.")
    parser.add_argument("suite", nargs="?", default="all", choices=[*SUITES, "all"])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--docs", type=Path, default=DOCS, help="Where soak.md and soak.json go.")
    asked = parser.parse_args(arguments)
    record = asked.docs / "soak.json"
    for name in SUITES if asked.suite == "all" else [asked.suite]:
        began = time.perf_counter()
        figures = SUITES[name](asked.seed)
        known: Json = json.loads(record.read_text()) if record.exists() else {}  # now: another suite may have ended
        known[name] = {
            "command": shlex.join(["python3", "run.py", "soak", name, "--seed", str(asked.seed)]),
            "commit": _commit(),
            "date": datetime.now(UTC).date().isoformat(),
            "cores": os.cpu_count(),
            "seed": asked.seed,
            "seconds": round(time.perf_counter() - began, 1),
            "figures": figures,
        }
        print(f"{name}: {json.dumps(figures)}", flush=True)  # noqa: T201  a program's output
        record.write_text(json.dumps(known, indent=2) + "\n")
        (asked.docs / "soak.md").write_text(_page(known))
    return 0


def _commit() -> str:
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], check=False, capture_output=True, text=True)
    changed = subprocess.run(
        [*git, "status", "--porcelain", "batch_pipelines"], check=False, capture_output=True, text=True
    )
    return (head.stdout.strip() or "unknown") + (" and changes" if changed.stdout.strip() else "")


def _page(known: Json) -> str:
    lines = ["# The long trials", "", "Written by `python3 run.py soak`; the same figures as JSON: `soak.json`."]
    for name, trial in sorted(known.items()):
        summary = (SUITES[name].__doc__ or "").strip().splitlines()[0] if name in SUITES else ""
        lines += ["", f"## {name}", "", summary, "", f"    {trial['command']}", ""]
        lines += [
            f"On {trial['date']}, commit {trial['commit']}, {trial['cores']} cores, {trial['seconds']:,} s.",
            "",
            "| figure | value |",
            "|---|---|",
            *(f"| {key.replace('_', ' ')} | {_shown(value)} |" for key, value in trial["figures"].items()),
        ]
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return f"{value:,}" if isinstance(value, int | float) else str(value)


if __name__ == "__main__":
    tempfile.tempdir = os.environ.get("BP_SOAK_TMP")  # None: the usual place
    sys.exit(main(sys.argv[1:]))
