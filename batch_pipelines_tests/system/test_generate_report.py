"""`dagster job execute` with the example of the repository, over its own samples: a report, twice the same."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
LIMIT_S = 120
EXAMPLE = ROOT / "examples" / "generate_report.yaml"
UNCHANGED = "(unchanged: the same bytes as before)"


@pytest.mark.system
@pytest.mark.timeout(3 * LIMIT_S)
def test_the_example_makes_the_same_bytes_twice_and_says_so(tmp_path: Path) -> None:
    data = tmp_path / "data"
    run(data, "bp", "process", "flights", "2013-01")
    (line,) = re.findall(r"^#   (dagster .*)$", EXAMPLE.read_text(), re.MULTILINE)
    first, again = run(data, *line.split()), run(data, *line.split())
    assert result_of(first) == result_of(again)
    assert (UNCHANGED in first, UNCHANGED in again) == (False, True)
    result = result_of(first)
    file = Path(result["url"].removeprefix("file://"))
    assert file.read_bytes().startswith(b"%PDF-")
    assert (file.stat().st_size, result["rows"]) == (result["size"], 266)


def run(data: Path, program: str, *arguments: str) -> str:
    """Run a command in the repository, with data of its own; what it said."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("BP_", "DAGSTER_"))}
    environ |= {"BP_DATA": str(data), "DAGSTER_HOME": str(data.parent), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [str(PROGRAMS / program), *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def result_of(said: str) -> dict[str, Any]:
    """What a run answered, from its log."""
    (line,) = re.findall(r"\{\"report_id\".*\}", said)
    answer: dict[str, Any] = json.loads(line)
    return answer
