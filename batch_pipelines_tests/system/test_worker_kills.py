"""A lane with real workers, killed here and there at random moments. The soak does the same for longer."""

from batch_pipelines_tests.system.memory_folder import memory_folder
from batch_pipelines_tests.system.worker_kills import VICTIMS, WorkerKills

SEED = 11


def test_whoever_is_killed_nothing_is_left_behind_and_the_table_is_the_same() -> None:
    with memory_folder() as folder:
        kills = WorkerKills(folder, SEED)
        kills.trial("all", "worker")  # a lane outlives its workers, so that they come last
        kills.trial("lane", "fork server")
    print(kills.figures)  # noqa: T201
    assert kills.figures.wrong == [], kills.figures
    assert kills.figures.kills == dict.fromkeys(VICTIMS, 1)
