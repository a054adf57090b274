"""A run whose process is killed leaves no process behind, however many it had."""

import json
import os
import subprocess
import sys

import dagster as dg
import psutil
import pytest

from batch_pipelines_tests.components.shop import Shop

HANG = """
import time

def hang(frame):
    if len(frame) and frame["id"].max() > 10:  # the first chunk is tried out when the run is planned
        time.sleep(600)
    return frame
"""


@pytest.mark.system
@pytest.mark.parametrize("lanes", [1, 2])
def test_lanes_and_workers_die_with_the_run(shop: Shop, disk_instance: dg.DagsterInstance, lanes: int) -> None:
    shop.declare_sales(chunk_size="40B", lanes=lanes, transform="transform:hang", adds={})
    shop.write("defs/sales/transform.py", HANG)
    shop.sell("2013-01", rows=60)
    run = start(shop, disk_instance, "sales_job", {"dagster/partition": "2013-01"})
    wait_for_lanes(run, lanes)
    family = [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]
    assert len(family) > 2 * lanes
    run.kill()
    run.communicate()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


def start(shop: Shop, instance: dg.DagsterInstance, job: str, tags: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "batch_pipelines.definitions", "-j", job]
    environ = {**os.environ, "DAGSTER_HOME": instance.root_directory}
    return subprocess.Popen(
        [*command, "--tags", json.dumps(tags)], env=environ, cwd=shop.home, stderr=subprocess.PIPE, text=True
    )


def wait_for_lanes(run: subprocess.Popen[str], lanes: int) -> None:
    """Read the log until every lane has said how far it is: then its workers are at work."""
    assert run.stderr is not None
    begun: set[str] = set()
    seen: list[str] = []
    for line in run.stderr:
        seen.append(line)
        begun |= {f"lane[{n}]" for n in range(1, lanes + 1) if f"lane[{n}] - " in line and " items" in line}
        if len(begun) == lanes:
            return
    pytest.fail("the run ended: " + "".join(seen[-20:]))
