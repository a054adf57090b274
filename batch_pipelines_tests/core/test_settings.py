"""Where things are."""

from pathlib import Path

import pytest

import batch_pipelines
from batch_pipelines.core.settings import load_settings

PACKAGE = Path(batch_pipelines.__file__).parent


def test_without_settings_home_is_where_workspace_yaml_lies(tmp_path: Path) -> None:
    (tmp_path / "workspace.yaml").touch()
    settings = load_settings({}, tmp_path)
    assert (settings.home, settings.data) == (tmp_path.resolve(), tmp_path.resolve() / "data")
    assert settings.ledger_url == f"sqlite:///{tmp_path.resolve() / 'data' / 'ledger.db'}"
    assert settings.defs == PACKAGE / "defs"


def test_elsewhere_home_is_where_the_package_lies(tmp_path: Path) -> None:
    assert load_settings({}, tmp_path).home == PACKAGE.parent


def test_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / "workspace.yaml").touch()
    environ = {"BP_HOME": "/a", "BP_DATA": "/b", "BP_DEFS": "/c", "BP_LEDGER_URL": "sqlite:////d/l.db"}
    settings = load_settings(environ, tmp_path)
    assert (str(settings.home), str(settings.data), str(settings.defs)) == ("/a", "/b", "/c")
    assert settings.ledger_url == "sqlite:////d/l.db"


def test_empty_variables_are_no_settings(tmp_path: Path) -> None:
    empty = {"BP_HOME": "", "BP_DATA": "", "BP_DEFS": "", "BP_LEDGER_URL": ""}
    assert load_settings(empty, tmp_path) == load_settings({}, tmp_path)


@pytest.mark.parametrize("given", ["postgresql://h/d", "postgres://h/d", "postgresql+psycopg2://h/d"])
def test_postgresql_is_always_reached_through_psycopg2(given: str, tmp_path: Path) -> None:
    assert load_settings({"BP_LEDGER_URL": given}, tmp_path).ledger_url == "postgresql+psycopg2://h/d"
