"""Progress in numbers for people."""

from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.core.progress import Progress


def test_a_line_says_all_that_is_known() -> None:
    progress = Progress(208_000, 336_776, 3_204, 2, 98_000.4)
    assert str(progress) == (
        "61% · 208,000 of 336,776 items · 98,000/s · 1 s to go · 3,204 dead letters · 2 chunks failed"
    )


def test_a_line_leaves_out_what_is_not_known() -> None:
    assert str(Progress(0, 10, 0, 0, 0.0)) == "0% · 0 of 10 items"
    assert str(Progress(10, 10, 0, 0, 5.0)) == "100% · 10 of 10 items · 5/s"


def test_nothing_to_do_is_done() -> None:
    assert Progress(0, 0, 0, 0, 0.0).percent == 100


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.floats(0, 1e9))
def test_a_hundred_percent_are_all_and_only_all(done: int, total: int, rate: float) -> None:
    progress = Progress(min(done, total), total, 0, 0, rate)
    assert (progress.percent == 100) == (progress.done == total)
    assert 0 <= progress.percent <= 100
    assert progress.eta_s is None or progress.eta_s >= 0
