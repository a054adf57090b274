"""How often definitions are loaded, and what that imports: every Dagster process pays for it before it begins."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.settings import Settings
from batch_pipelines.orchestration.defs_folder import load_once
from batch_pipelines.orchestration.session import current_settings

LATE = (
    *("css_inline", "fastexcel", "mjml", "pandas", "pikepdf", "pypdfium2", "starlette", "typst", "uvicorn"),
    *("vl_convert", "xlsxwriter"),
)


@pytest.fixture
def settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A deployment with one file."""
    (home / "defs").mkdir()
    (home / "defs" / "defs.yaml").write_text("one")
    monkeypatch.setenv("BP_DEFS", str(home / "defs"))
    return current_settings()


def test_definitions_are_loaded_once_as_long_as_nothing_changes(settings: Settings) -> None:
    def load(_settings: Settings) -> dg.Definitions:
        return dg.Definitions()

    first = load_once(settings, load)
    assert load_once(settings, load) is first


def test_a_file_or_a_variable_that_changes_has_them_loaded_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[dg.Definitions] = []

    def load(_settings: Settings) -> dg.Definitions:
        loads.append(dg.Definitions())
        return loads[-1]

    load_once(settings, load)
    (settings.defs / "defs.yaml").write_text("another")
    load_once(settings, load)
    (settings.defs / "transform.py").write_text("")
    load_once(settings, load)
    monkeypatch.setenv("BP_RELAY_SHOP", "smtp://mail.example.com")
    assert load_once(settings, load) is loads[3]
    assert len(loads) == 4


def test_a_refusal_is_not_kept(settings: Settings) -> None:
    def refuse(_settings: Settings) -> dg.Definitions:
        raise ConfigError("wrong")

    with pytest.raises(ConfigError):
        load_once(settings, refuse)
    made = dg.Definitions()
    assert load_once(settings, lambda _settings: made) is made


def test_the_shipped_pipelines_load_without_what_only_runs_need(home: Path) -> None:
    asked = (
        f"import sys; from batch_pipelines.definitions import defs; defs(); print(*{set(LATE)!r} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=home)
    assert done.stdout.split() == []
    assert "Warning" not in done.stderr
