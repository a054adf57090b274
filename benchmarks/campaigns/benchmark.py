"""`python3 -m benchmarks campaigns`: the same letters, written and sent by us and by the standard library."""

from pathlib import Path

from benchmarks.campaigns.sinks import postfix_sink
from benchmarks.measure import Json, Measured, PeerFailed
from benchmarks.report import Report
from benchmarks.rounds import Figures, Peer, interleave

LIBRARY, OURS = "benchmarks.campaigns.library", "benchmarks.campaigns.ours"
WRITE, WRITE_OURS = "write: jinja2 + EmailMessage", "write: ours"
WRITE_U, WRITE_OURS_U = "write, not ASCII: jinja2 + EmailMessage", "write, not ASCII: ours"
WRITE_OURS_8 = "write, not ASCII, 8BITMIME: ours"
SIGN, SIGN_OURS = "DKIM, RSA 2048: dkimpy", "DKIM, RSA 2048: ours"
WIRE, WIRE_OURS = "wire: smtplib, reused", "wire: ours, pipelined"
FAR, FAR_OURS = "wire, 20 ms away: smtplib, reused", "wire, 20 ms away: ours"
BOTH, BOTH_OURS = "write + wire: smtplib reused + jinja2 + EmailMessage", "write + wire: ours"
WHOLE = "whole path, with the ledger: ours"
LANES = "whole path, with the ledger: ours, 2 lanes"
NAIVE = "write + wire: smtplib, a connection each, + jinja2 + EmailMessage"


def measure(messages: int, rounds: int, workdir: Path, command: str) -> Report:
    """Run all peers, so many messages each, `rounds` times."""
    plain: Json = {"count": messages, "ascii": True}
    beyond: Json = {"count": messages, "ascii": False}
    few: Json = {"count": max(1, messages // 10), "ascii": True}
    far: Json = {"count": max(1, messages // 50), "ascii": True, "latency_s": 0.02}
    figures = interleave(
        [
            _peer(WRITE, LIBRARY, "write", plain),
            _peer(WRITE_OURS, OURS, "write", plain),
            _peer(WRITE_U, LIBRARY, "write", beyond),
            _peer(WRITE_OURS_U, OURS, "write", beyond),
            _peer(WRITE_OURS_8, OURS, "write", {**beyond, "eight_bit": True}),
            _peer(SIGN, LIBRARY, "sign", far),
            _peer(SIGN_OURS, OURS, "sign", few),
            _peer(WIRE, LIBRARY, "send_prebuilt", plain),
            _peer(WIRE_OURS, OURS, "send_prebuilt", plain),
            _peer(FAR, LIBRARY, "send_prebuilt", far),
            _peer(FAR_OURS, OURS, "send_prebuilt", far),
            _peer(NAIVE, LIBRARY, "write_and_connect", few),
            _peer(BOTH, LIBRARY, "write_and_send", plain),
            _peer(BOTH_OURS, OURS, "write_and_send", plain),
            _peer(WHOLE, "benchmarks.campaigns.whole", "send", {**plain, "lanes": 1}),
            _peer(LANES, "benchmarks.campaigns.whole", "send", {**plain, "lanes": 2}),
        ],
        rounds,
        workdir,
    )
    return _reported(figures, messages, rounds, command)


def _peer(name: str, module: str, function: str, job: Json) -> Peer:
    return Peer(name, f"{module}:{function}", job, _all_of_them)


def _all_of_them(job: Json, measured: Measured) -> None:
    said = measured.result["said"]
    if said < job["count"]:
        raise PeerFailed(f"{said} of {job['count']} messages came through")


def _reported(figures: dict[str, Figures], messages: int, rounds: int, command: str) -> Report:
    title = f"Campaigns: {messages:,} letters of 4 KB, median of {rounds} rounds"
    report = Report(title, command, ("", "messages/s", "CPU µs/message"))
    for name, taken in figures.items():
        report.rows.append([name, f"{taken.median_of('per_s'):,.0f}", f"{taken.median_of('cpu_us'):,.0f}"])
    less = ((WRITE_OURS, WRITE, 15.0), (WRITE_OURS_8, WRITE_U, 15.0), (WRITE_OURS_U, WRITE_U, 8.0))
    for ours, theirs, least in (*less, (SIGN_OURS, SIGN, 15.0)):
        ratio = figures[theirs].median_of("cpu_us") / figures[ours].median_of("cpu_us")
        report.goals.append((f"{ours} takes ≥ {least:g}× less CPU: {ratio:.1f}×", ratio >= least))
    for ours, theirs, least in (
        (WIRE_OURS, WIRE, 2.5),
        (FAR_OURS, FAR, 3.5),
        (BOTH_OURS, BOTH, 10.0),
        (WHOLE, BOTH, 10.0),
        (LANES, BOTH, 10.0),
    ):
        ratio = figures[ours].median_of("per_s") / figures[theirs].median_of("per_s")
        report.goals.append((f"{ours} ≥ {least:g}× the messages/s of {theirs}: {ratio:.1f}×", ratio >= least))
    share = 1 - figures[BOTH_OURS].median_of("cpu_us") / figures[WHOLE].median_of("cpu_us")
    report.goals.append((f"the ledger takes ≤ 35 % of the CPU of the whole path: {share:.0%}", share <= 0.35))
    server = "Postfix smtp-sink" if postfix_sink() else "our own sink"
    report.notes = [
        f"the server is {server}, in a process of its own on the same machine; its CPU is not counted",
        "20 ms away: our own sink, each reply 20 ms late",
        "templates are compiled once for all; wire: the same written letter for all; one connection a process",
        "2 lanes: two processes send the occurrence side by side, as `lanes: 2` has it",
        "figures leave out the start of the programs; ours has no ledger but in the whole path",
    ]
    return report
