"""Whatever a relay does: nobody is forgotten, nobody gets two, and what is called sent was kept."""

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_pipelines.core.errors import RelayRefused, RelayUnavailable
from batch_pipelines.delivery.sink.session import Rules
from batch_pipelines.delivery.smtp.wire import Timeouts
from batch_pipelines.delivery.transport import Kind, Outcome
from batch_pipelines_tests.delivery.post_office import Notes, Office, mails, office

HASTY = Timeouts(connect_s=2, banner_s=0.05, command_s=0.05, data_s=0.05, body_s=0.05, dot_s=0.05, quit_s=0.05)
COUNT = 12
BREAKS = (
    "drop",
    "garbage",
    "cut",
    "refuse@{}=421 4.3.2 closing",
    "refuse@{}=451 4.3.0 later",
    "refuse@{}=550 5.7.1 no",
)
PHASES = ("banner", "helo", "mail", "rcpt", "data", "dot", "reply")


@st.composite
def faults(draw: st.DrawFn) -> list[str]:
    """Some faults, each of which strikes once, at some time."""
    made = []
    for _ in range(draw(st.integers(0, 5))):
        phase, action = draw(st.sampled_from(PHASES)), draw(st.sampled_from(BREAKS))
        name, _, value = action.format(phase).partition("=")
        if phase == "reply" and name.startswith("refuse"):
            name, value = "drop", ""  # a server that has kept a mail does not refuse it
        place = name if "@" in name else f"{name}@{phase}"
        made.append(f"{place}:{draw(st.integers(1, COUNT))}" + (f"={value}" if value else ""))
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(faults(), st.sampled_from([Rules(), Rules(pipelining=False)]))
def test_every_message_comes_to_one_end_that_is_true(plan: list[str], rules: Rules) -> None:
    with office(*plan, rules=rules) as there:
        outcomes = _sent(there)
        kept = Counter(there.kept_numbers)
    final = {outcome.seq: outcome.kind for outcome in outcomes if outcome.kind is not Kind.UNSENT}
    assert sorted(final) == list(range(COUNT))
    assert len(final) == sum(outcome.kind is not Kind.UNSENT for outcome in outcomes)
    assert max(kept.values(), default=0) <= 1
    for seq, kind in final.items():
        if kind is not Kind.AMBIGUOUS:
            assert kept[seq] == (kind is Kind.SENT)


def _sent(there: Office) -> list[Outcome]:
    """Send all; what was not sent goes again, on another connection, as a sender would have it."""
    outcomes: list[Outcome] = []
    waiting = mails(COUNT)
    for _ in range(40):
        if not waiting:
            return outcomes
        try:
            connection = there.transport(HASTY).connect()
        except (RelayUnavailable, RelayRefused):
            continue
        notes = Notes()
        done = list(connection.send(iter(waiting), notes))
        connection.close()
        assert done == notes.outcomes
        intents = [seq for word, seq in notes.told if word == "intent"]
        assert len(intents) == len(set(intents))
        assert all(outcome.kind is not Kind.SENT or outcome.seq in intents for outcome in done)
        assert sum(outcome.kind is Kind.AMBIGUOUS for outcome in done) <= 1
        outcomes += done
        ended = {outcome.seq for outcome in done if outcome.kind is not Kind.UNSENT}
        waiting = [message for message in waiting if message.seq not in ended]
    raise AssertionError(f"{len(waiting)} messages never came to an end")
