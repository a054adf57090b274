"""Freed memory is kept: the next task does not have to ask for pages anew."""

import os
import sys
from pathlib import Path

import pytest

from batch_pipelines.core.model import Task
from batch_pipelines.core.workers.local import LocalPool
from batch_pipelines.core.workers.memory import large_pages
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
    pages = ending.value  # of 2 MiB each, or of 4 KiB: then it is thousands
    assert pages["first"] >= 10
    assert pages["second"] < min(pages["first"] // 2, 100)


_LARGE = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(not _LARGE.exists() or "[never]" in _LARGE.read_text(), reason="no large pages here")
def test_a_worker_gets_large_pages() -> None:
    pool = LocalPool(1)
    try:
        pool.submit(1, Task("batch_pipelines_tests.core.workers.tasks:large_pages_of_a_need", {}, None, 30))
        ((_, ending),) = pool.wait(60)
    finally:
        pool.stop()
    assert isinstance(ending, Returned)
    assert ending.value["mb"] >= 10


def test_what_the_user_asked_of_the_c_library_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=1")
    with large_pages():
        assert os.environ["GLIBC_TUNABLES"] == "glibc.malloc.check=1:glibc.malloc.hugetlb=1"
    assert os.environ["GLIBC_TUNABLES"] == "glibc.malloc.check=1"
    monkeypatch.delenv("GLIBC_TUNABLES")
    with large_pages():
        assert os.environ["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=1"
    assert "GLIBC_TUNABLES" not in os.environ
