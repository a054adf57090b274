"""`bp env`."""

import json
import re
from pathlib import Path

import pytest

from batch_pipelines.cli.env import OTHERS
from batch_pipelines.core.connections import masked
from batch_pipelines_tests.cli.deployment import Deployment
from batch_pipelines_tests.processing.declaration.declarations import write_dataset

NAMES = ("BP_HOME", "BP_DATA", "BP_DEFS", "BP_LEDGER_URL", "DAGSTER_HOME")


def test_a_shell_can_evaluate_it_whatever_the_folder_is_called(fresh: Deployment) -> None:
    odd = fresh.home / "it's $HOME; a 'name'"
    odd.mkdir()

    line = 'eval "$(bp env)"; env -i true; for n in ' + " ".join(NAMES) + '; do printenv "$n"; done'
    done = fresh.shell(line, BP_DATA=str(odd))

    home = str(fresh.home)
    assert done.stdout.splitlines() == [home, str(odd), f"{home}/defs", f"sqlite:///{odd}/ledger.db", home]
    assert done.stderr == ""


def test_every_name_is_explained(fresh: Deployment) -> None:
    lines = fresh.bp("env", **dict.fromkeys(OTHERS, "")).stdout.splitlines()

    assert [line.partition("=")[0] for line in lines[1 : 2 * len(NAMES) : 2]] == [f"export {name}" for name in NAMES]
    assert all(line.startswith("# ") for line in lines[: 2 * len(NAMES) : 2])
    assert [line.partition(" is not set: ")[0] for line in lines[2 * len(NAMES) :]] == [f"# {name}" for name in OTHERS]


def test_every_variable_of_the_example_is_listed(fresh: Deployment) -> None:
    example = (Path(__file__).parents[2] / ".env.example").read_text()
    names = set(re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE)) - {"BP_CONNECTION_SHOP", "BP_RELAY_NEWS"}

    assert names == {*NAMES, *OTHERS}
    assert names <= {row["name"] for row in json.loads(fresh.bp("env", "--json").stdout)}


def test_relays_are_masked_and_secrets_only_said_to_be_set(fresh: Deployment) -> None:
    given = {
        "BP_RELAY_NEWS": "smtp://u:p%2Fhidden@smtp.example.com:587?tls=starttls",
        "BP_SECRET": "hidden" * 8,
        "AWS_SECRET_ACCESS_KEY": "hidden",
        "BP_MAIL_FROM": "Reports <reports@example.com>",
    }

    shown = fresh.bp("env", **given)
    rows = {row["name"]: row["value"] for row in json.loads(fresh.bp("env", "--json", **given).stdout)}

    assert "hidden" not in shown.stdout
    assert "# BP_RELAY_NEWS='smtp://u:***@smtp.example.com:587?tls=starttls'" in shown.stdout
    assert "# BP_SECRET='***'" in shown.stdout
    assert "export BP_MAIL_FROM='Reports <reports@example.com>'" in shown.stdout
    assert (rows["BP_SECRET"], rows["BP_MAIL_FROM"]) == ("***", "Reports <reports@example.com>")


def test_a_password_is_neither_shown_nor_lost(fresh: Deployment) -> None:
    url = "postgresql://me:hidden@db:5432/ledger"

    shown = fresh.bp("env", BP_LEDGER_URL=url).stdout
    after = fresh.shell('eval "$(bp env)"; printenv BP_LEDGER_URL', BP_LEDGER_URL=url).stdout

    assert "hidden" not in shown
    assert "# BP_LEDGER_URL='postgresql+psycopg2://me:***@db:5432/ledger'" in shown
    assert after == f"{url}\n"
    assert "hidden" not in fresh.bp("env", "--json", BP_LEDGER_URL=url).stdout


def test_json_has_name_value_and_meaning(fresh: Deployment) -> None:
    rows = json.loads(fresh.bp("env", "--json", DAGSTER_HOME="/srv/dagster").stdout)

    assert [row["name"] for row in rows][: len(NAMES)] == list(NAMES)
    assert rows[len(NAMES) - 1]["value"] == "/srv/dagster"


def test_connections_are_listed_masked_and_missing_ones_named(fresh: Deployment) -> None:
    write_dataset(fresh.home / "defs", "sales", "sql: select 1 as id\nconnection: shop\n")
    write_dataset(fresh.home / "defs", "stock", "source: in/stock.csv\nexport: {table: stock, connection: mart}\n")

    shown = fresh.bp("env", BP_CONNECTION_SHOP="postgresql://u:hidden@h/d").stdout
    rows = json.loads(fresh.bp("env", "--json", BP_CONNECTION_SHOP="postgresql://u:hidden@h/d").stdout)

    assert "# BP_CONNECTION_SHOP='postgresql://u:***@h/d'" in shown
    assert "# BP_CONNECTION_MART is not set: stock in the pipelines' YAML needs it" in shown
    assert "hidden" not in shown
    assert [row["value"] for row in rows if "CONNECTION" in row["name"]] == ["postgresql://u:***@h/d", None]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////x/ledger.db", "sqlite:////x/ledger.db"),
        ("postgresql://u:p%40:x@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:p/x?y#z@h/d", "postgresql://u:***@h/d"),
        ("postgresql:///d?host=h&password=p&user=u", "postgresql:///d?host=h&password=***&user=u"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
    ],
)
def test_passwords_are_masked_wherever_they_stand(url: str, shown: str) -> None:
    assert masked(url) == shown
