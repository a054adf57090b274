"""Progress of a lane where people look: a line in the run's log, and the run tag `batch/progress`.

The lane speaks at most every `core.progress.REPORT_EVERY_S` seconds; here it is only passed on.
"""

import dagster as dg

from batch_pipelines.core.progress import Progress
from batch_pipelines.orchestration.policies import PROGRESS_TAG


class Narrator:
    """Tells a run's progress.

    Args:
        context: The op's.
    """

    def __init__(self, context: dg.OpExecutionContext | dg.AssetExecutionContext) -> None:
        self._context = context

    def __call__(self, progress: Progress | str) -> None:
        """Log it and tag the run; a tag that cannot be written is no reason to stop working."""
        text = str(progress)
        try:
            self._context.instance.add_run_tags(self._context.run_id, {PROGRESS_TAG: text})
        except Exception as error:  # noqa: BLE001  the database may be busy or away; the next tag will do
            self._context.log.debug("the run tag %s could not be written: %s", PROGRESS_TAG, error)
        self._context.log.info(text)
