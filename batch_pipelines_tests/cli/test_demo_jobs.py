"""A job of the demo that broke off is known as such, until it has come to a good end."""

from collections.abc import Callable
from pathlib import Path

import pytest

from batch_pipelines.cli.dagster_job import Look
from batch_pipelines.cli.demo.jobs import Job, broke_off, run
from batch_pipelines.cli.watching import Stage
from batch_pipelines.core.errors import BatchFailed
from batch_pipelines.core.settings import Settings
from batch_pipelines_tests.cli.deployment import Deployment

LOG = "demo-orders.log"


def job(end: Callable[[], int]) -> Job:
    def start(_settings: Settings, log: Path, _look: Look) -> int:
        log.write_text("2024-01 is cut\n")
        return end()

    return Job("process_data: orders", "orders", LOG, start, lambda: Stage("working"), "orders processed")


def stopped() -> int:
    raise KeyboardInterrupt


def test_it_is_known_to_have_broken_off_until_it_ends_well(
    fresh: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    (fresh.home / "data" / "dagster").mkdir(parents=True)
    (fresh.home / "data" / "dagster" / ".init.lock").touch()  # Dagster's databases are there
    processing = fresh.processing()
    assert not broke_off(processing, LOG)

    with pytest.raises(BatchFailed, match=r"process_data ended with exit code 1; .*demo-orders\.log\. Correct it"):
        run(processing, job(lambda: 1))
    assert "2024-01 is cut" in capsys.readouterr().err
    assert broke_off(processing, LOG)

    with pytest.raises(KeyboardInterrupt):
        run(processing, job(stopped))
    assert broke_off(processing, LOG)

    run(processing, job(lambda: 0))
    assert "orders processed in " in capsys.readouterr().err
    assert not broke_off(processing, LOG)
    processing.close()
