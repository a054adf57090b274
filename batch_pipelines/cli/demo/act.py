"""What an act of the demo is: something that is done once, and known to be done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing


@dataclass(frozen=True, slots=True)
class Act:
    """One act. Acts are played in order; each may rely on those before it.

    Attributes:
        done: Says in one line that there is nothing to do; None if there is. Quick: a second demo asks every act.
        play: Does it, and prints what came of it. If it is stopped, the next demo goes on from there.
    """

    done: Callable[["Processing"], str | None]
    play: Callable[["Processing"], None]
