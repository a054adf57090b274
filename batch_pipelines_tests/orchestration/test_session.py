"""Which errors a step may try again, and how failures are said."""

import dagster as dg
import pytest

from batch_pipelines.core.errors import BatchError, ConfigError, InputError, IntegrityError, LeaseLost, TransientError
from batch_pipelines.orchestration.session import SHOWN_FAILURES, failure, verdicts_as_failures


@pytest.mark.parametrize("error", [ConfigError("no"), InputError("a.csv", "no"), IntegrityError("no")])
def test_a_verdict_is_not_tried_again(error: BatchError) -> None:
    with pytest.raises(dg.Failure) as caught, verdicts_as_failures():
        raise error
    assert caught.value.allow_retries is False
    assert caught.value.description == str(error)


@pytest.mark.parametrize("stop", [dg.DagsterExecutionInterruptedError(), KeyboardInterrupt()])
def test_a_stop_is_not_tried_again(stop: BaseException) -> None:
    with pytest.raises(dg.Failure, match="launch it again") as caught, verdicts_as_failures():
        raise stop
    assert caught.value.allow_retries is False


@pytest.mark.parametrize("error", [LeaseLost("slept"), TransientError("away"), OSError("disk")])
def test_what_may_pass_is_left_to_the_retry_policy(error: Exception) -> None:
    with pytest.raises(type(error)), verdicts_as_failures():
        raise error


def test_few_failures_are_all_in_the_message() -> None:
    said = failure("2 of 3 failed", ["a: why", "b: why"])
    assert said.description == "2 of 3 failed:\n  a: why\n  b: why"


def test_of_many_failures_the_message_shows_some_and_the_metadata_all() -> None:
    lines = [f"{number}: why" for number in range(SHOWN_FAILURES + 7)]
    said = failure("many failed", lines)
    assert str(said.description).endswith("… and 7 more")
    assert str(said.metadata["failed"].value).count("- ") == len(lines)
