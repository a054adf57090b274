"""Errors, exit codes and pipes: what all commands have in common."""

import sys

import pytest

from batch_pipelines_tests.cli.deployment import Deployment


def test_without_a_command_it_shows_all_of_them_with_one_line_each(fresh: Deployment) -> None:
    result = fresh.bp()

    assert result.exit_code == 0
    for name in ("demo", "datasets", "query", "dead-letters", "process", "backfill", "janitor", "env"):
        assert f" {name} " in result.stdout
    assert fresh.bp("--help").stdout.strip() == result.stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nonsense"], 2, "error: No such command 'nonsense'. See bp --help\n"),
        (["qurey"], 2, "error: No such command 'qurey'. Did you mean 'query'? See bp --help\n"),
        (["query"], 2, "error: Missing argument 'SQL'. See bp query --help\n"),
        (["datasets", "--nope"], 2, "error: No such option '--nope'. See bp datasets --help\n"),
        (
            ["datasets", "order"],
            3,
            "error: there is no dataset 'order'; did you mean 'orders'? All of them: bp datasets\n",
        ),
    ],
)
def test_an_error_is_one_line_that_names_the_next_command(
    seen: Deployment, arguments: list[str], code: int, message: str
) -> None:
    result = seen.bp(*arguments)

    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr == message


def test_a_group_of_commands_alone_shows_them_and_says_no_more(fresh: Deployment) -> None:
    result = fresh.bp("report")

    assert result.exit_code == 2
    assert " preview " in result.stdout
    assert "error" not in result.stderr


def test_broken_yaml_is_named_with_file_and_line_and_without_a_traceback(fresh: Deployment) -> None:
    (fresh.home / "defs" / "orders" / "defs.yaml").write_text("type: [\n")

    result = fresh.bp("datasets")

    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert "orders/defs.yaml:" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(("arguments", "environ"), [(["--debug"], {}), ([], {"BP_DEBUG": "1"})])
def test_a_traceback_is_shown_to_those_who_ask(seen: Deployment, arguments: list[str], environ: dict[str, str]) -> None:
    result = seen.bp(*arguments, "datasets", "nope", **environ)

    assert "Traceback (most recent call last)" in result.stderr
    assert "error: there is no dataset 'nope'" in result.stderr
    assert result.exit_code == 3


def test_a_ledger_that_is_away_is_an_error_that_keeps_the_password(seen: Deployment) -> None:
    result = seen.bp("datasets", BP_LEDGER_URL="postgresql://me:hidden@127.0.0.1:1/x")

    assert result.exit_code == 1
    assert "127.0.0.1" in result.stderr
    assert "hidden" not in result.stderr


def test_a_reader_that_goes_away_is_no_failure(seen: Deployment) -> None:
    many = "select * from range(200000)"

    for form in ("--csv", "--json", "--limit 0"):
        done = seen.shell(f'set -o pipefail; bp query "{many}" {form} | head -1')

        assert (done.returncode, done.stdout.count("\n")) == (0, 1), form
        assert "rror" not in done.stderr


def test_without_a_terminal_there_are_no_control_characters(seen: Deployment) -> None:
    for line in ("bp datasets", "bp datasets orders", "bp query 'from orders'", "bp dead-letters orders --raw"):
        done = seen.shell(f"{line} 2>&1")

        assert done.returncode == 0
        assert "\x1b" not in done.stdout, line


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_gets_colours_unless_no_color_is_set(
    seen: Deployment, environ: dict[str, str], *, coloured: bool
) -> None:
    on_terminal = "import pty, sys; sys.exit(pty.spawn(['bp', 'datasets', 'nope']) >> 8)"
    done = seen.shell(f'{sys.executable} -c "{on_terminal}" < /dev/null', TERM="xterm", **environ)

    assert done.returncode == 3
    assert "there is no dataset 'nope'" in done.stdout
    assert ("\x1b[31m" in done.stdout) is coloured


def test_a_narrow_encoding_does_not_end_in_a_traceback(seen: Deployment) -> None:
    done = seen.shell("bp query \"select 'é·…' as x\"", PYTHONIOENCODING="ascii")

    assert done.returncode == 0
    assert "\\xe9" in done.stdout


@pytest.mark.parametrize(
    ("line", "without"),
    [
        ("bp --help", {"dagster", "pandas", "pyarrow", "sqlalchemy", "pydantic"}),
        ("bp env", {"dagster", "pandas", "pyarrow", "sqlalchemy", "pydantic"}),
        ("bp datasets", {"dagster", "pandas"}),
        ("bp query 'from orders'", {"dagster", "sqlalchemy", "pydantic"}),
        ("bp dead-letters orders", {"dagster"}),
    ],
)
def test_a_command_loads_only_what_it_needs(seen: Deployment, line: str, without: set[str]) -> None:
    done = seen.shell(f"PYTHONPROFILEIMPORTTIME=1 {line}")

    loaded = {text.rpartition("|")[2].strip() for text in done.stderr.splitlines() if text.startswith("import time:")}
    assert done.returncode == 0
    assert "typer" in loaded
    assert loaded & without == set()
