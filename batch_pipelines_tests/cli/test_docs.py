"""The commands in docs/ do what the pages say: each is run, and prints every line that stands below it."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from batch_pipelines_tests.cli.deployment import Deployment

ROOT = Path(__file__).parents[2]
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def commands(page: str) -> list[tuple[str, list[str]]]:
    """Every command of a page, and the lines that are shown below it; `…` stands for others."""
    found: list[tuple[str, list[str]]] = []
    for block in CONSOLE.findall((ROOT / "docs" / page).read_text()):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line != "…":
                found[-1][1].append(line)
    return found


@pytest.mark.parametrize("page", ["dead-letters.md"])
def test_the_commands_of_a_page_print_what_it_shows(page: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "data" / "samples", tmp_path / "data" / "samples")
    deployment = Deployment(tmp_path, {"BP_HOME": str(tmp_path), "BP_DATA": str(tmp_path / "data"), "COLUMNS": "80"})
    for command, lines in commands(page):
        code, said = run(deployment, command)
        assert code == 0, f"{command}\n{said}"
        for line in lines:
            assert any(shown.startswith(line) for shown in said.splitlines()), f"{command}\n{line}\n\n{said}"


def run(deployment: Deployment, command: str) -> tuple[int, str]:
    """Exit code of a command, and what it says; what is `bp` alone runs in this process, which costs a second less."""
    program, *arguments = shlex.split(command)
    if program == "bp" and not set(command) & set("|<>;&$*"):
        ended = deployment.bp(*arguments)
        return ended.exit_code, ended.output
    in_shell = deployment.shell(command)
    return in_shell.returncode, in_shell.stdout + in_shell.stderr
