"""`python3 -m benchmarks replay`: one row in a hundred is replayed, or the whole partition is processed again."""

from pathlib import Path

from benchmarks.measure import Json, Measured, PeerFailed
from benchmarks.replay.ours import BAD_EVERY
from benchmarks.report import Report
from benchmarks.rounds import Figures, Peer, interleave

REPLAY, AGAIN = "bp replay", "bp process --force"
MOST_REWRITTEN = 0.02


def measure(rows: int, rounds: int, seed: int, workdir: Path, command: str) -> Report:
    """Run both on `rows` rows, `rounds` times."""

    def check(_job: Json, measured: Measured) -> None:
        if measured.result["rows"] != rows:
            raise PeerFailed(f"{rows:,} rows were to be there, {measured.result['rows']:,} are")

    functions = {REPLAY: "run_replay", AGAIN: "run_again"}
    module, job = "benchmarks.replay.ours", {"rows": rows, "seed": seed}
    peers = [
        Peer(name, f"{module}:{function}", job, check, prepare=f"{module}:prepare")
        for name, function in functions.items()
    ]
    return _reported(interleave(peers, rounds, workdir), rows, rounds, command)


def _reported(figures: dict[str, Figures], rows: int, rounds: int, command: str) -> Report:
    columns = ("", "wall s", "CPU s", "table MB", "rewritten MB", "rewritten")
    title = f"Replay of {rows // BAD_EVERY:,} dead letters of {rows:,} rows, median of {rounds} rounds"
    report = Report(title, command, columns)
    shares = {}
    for name, taken in figures.items():
        table, new = taken.median_of("table_bytes"), taken.median_of("new_bytes")
        shares[name] = max(run.result["new_bytes"] / run.result["table_bytes"] for run in taken.runs)
        cells = [f"{taken.wall_s:.2f}", f"{taken.cpu_s:.2f}", f"{table / 1e6:.2f}", f"{new / 1e6:.2f}"]
        report.rows.append([name, *cells, f"{shares[name]:.2%}"])
    kept = all(run.result["kept"] for run in figures[REPLAY].runs)
    report.goals = [
        (
            f"a replay of 1 % rewrites ≤ 2 % of the table's bytes: {shares[REPLAY]:.2%}",
            shares[REPLAY] <= MOST_REWRITTEN,
        ),
        ("every part that was there is still named by the table", kept),
    ]
    report.notes = [
        "rewritten: bytes of the parts that the table names afterwards and did not before, to its bytes before",
        "both begin with the same table; wall and CPU include the start of Python and of the workers",
    ]
    return report
