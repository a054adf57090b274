"""What every job of ours has in common: retries, pools, tags, executors.

Attempts of chunks are counted in the ledger, by the lane; the op policy here is for what breaks around it (a
database that is away, a full disk) and charges no attempt.
"""

from collections.abc import Mapping

import dagster as dg

PROCESS_DATA = "process_data"
REPLAY_DEAD_LETTERS = "replay_dead_letters"
GENERATE_REPORT = "generate_report"
SEND_EMAILS = "send_emails"
POOL_LIMITS: Mapping[str, int] = {PROCESS_DATA: 10, GENERATE_REPORT: 2, SEND_EMAILS: 5}
"""Runs that may be at work at once, by pool; an operator's own limit is never touched."""

MAX_RUNTIME_S = 6 * 3600
RUN_TAGS: Mapping[str, str] = {
    "dagster/retry_strategy": "ALL_STEPS",  # re-execution from failure loses mapped steps, silently
    "dagster/max_runtime": str(MAX_RUNTIME_S),
}
PROGRESS_TAG = "batch/progress"
MAX_LANES = 64
STEP_PRELOAD = ("batch_pipelines.orchestration.step_preload", "batch_pipelines.definitions")


def retries(attempts: int) -> dg.RetryPolicy:
    """Return how often a step is tried, the first try included: 2 s later, then 4 s."""
    return dg.RetryPolicy(max_retries=attempts - 1, delay=2, backoff=dg.Backoff.EXPONENTIAL)


INFRASTRUCTURE_RETRIES = retries(3)


def executor(lanes: int) -> dg.ExecutorDefinition:
    """Return what runs the steps: one process for one lane, a process a lane for more."""
    if lanes == 1:
        return dg.in_process_executor
    return dg.multiprocess_executor.configured(multiprocess_config(lanes), name="lanes_side_by_side")


def multiprocess_config(lanes: int) -> dict[str, object]:
    """Return the executor's config for that many lanes side by side; a fork server keeps their start cheap."""
    return {
        "max_concurrent": lanes,
        "start_method": {"forkserver": {"preload_modules": list(STEP_PRELOAD)}},
    }
