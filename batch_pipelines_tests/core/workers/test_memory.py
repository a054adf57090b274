"""Freed memory is kept: the next task does not have to ask for pages anew."""

import sys

import pytest

from batch_pipelines.core.model import Task
from batch_pipelines.core.workers.local import LocalPool
from batch_pipelines.core.workers.pool import Returned

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's")


def test_a_worker_that_needs_as_much_memory_as_before_asks_for_no_new_pages() -> None:
    pool = LocalPool(1)
    try:
        pool.submit(1, Task("batch_pipelines_tests.core.workers.tasks:faults_of_a_second_need", {}, None, 30))
        ((_, ending),) = pool.wait(60)
    finally:
        pool.stop()
    assert isinstance(ending, Returned)
    assert ending.value["first"] > 4 * 1024
    assert ending.value["second"] < 100
