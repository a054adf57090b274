"""What a lost sender leaves: its journal, line by line, and what follows for each recipient."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_pipelines.campaigns.sending.journal import FOLDER, ClaimJournal, read_journal
from batch_pipelines.campaigns.sending.recovery import Recovery, sweep_journals
from batch_pipelines.campaigns.sending.verdicts import Policy
from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.core.mailings import MailClaim, Occurrence
from batch_pipelines.core.owners import LeaseWatch, Owner, new_owner
from batch_pipelines.delivery.transport import Blame, Kind, Outcome, Phase
from batch_pipelines_tests.contracts.mail_acts import NOW, SCREEN, sender, sending, states
from batch_pipelines_tests.ledgers import copied

SENT = Outcome(0, Kind.SENT, 250, "2.0.0", "queued", Phase.DOT, Blame.NOBODY)


@pytest.fixture
def ledger(blank_ledger: Path, tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(copied(blank_ledger, tmp_path), FakeClock())
    yield opened
    opened.close()


def left_by(ledger: Ledger, tmp_path: Path, owner: Owner) -> tuple[Occurrence, ClaimJournal, MailClaim]:
    """A claim of three; the first has a result, the second an intent."""
    occurrence = sending(ledger, 3)
    journal = ClaimJournal(tmp_path, lambda _seq: None)
    claim = ledger.recipients.claim(owner, occurrence.id, journal.name, screen=SCREEN, limit=9, now=NOW)
    assert claim
    journal.intent(0)
    journal.result(SENT)
    journal.intent(1)
    return occurrence, journal, claim


def recovery(ledger: Ledger, tmp_path: Path, *, working: bool = False) -> Recovery:
    clock = FakeClock()
    owner = sender(ledger)
    return Recovery(ledger, tmp_path, owner, LeaseWatch(clock), lambda _: Policy(), clock, is_working=lambda _: working)


def test_a_journal_says_what_was_written_and_forgets_what_was_not_finished(tmp_path: Path) -> None:
    journal = ClaimJournal(tmp_path, lambda _seq: None)
    journal.intent(7)
    journal.result(SENT)
    journal._map[journal._at : journal._at + 4] = b"I 99"  # noqa: SLF001  a line without its end
    written = read_journal(tmp_path / journal.name)
    assert written
    assert (written.intents, written.results) == (frozenset({7}), {0: SENT})
    journal.close(remove=True)
    assert read_journal(tmp_path / journal.name) is None


def test_a_journal_grows_with_what_it_is_told(tmp_path: Path) -> None:
    journal = ClaimJournal(tmp_path, lambda _seq: None)
    for seq in range(400):
        journal.result(Outcome(seq, Kind.DEFERRED, 451, None, "x" * 480, Phase.RCPT, Blame.MAILBOX))
    journal.close(remove=False)
    written = read_journal(tmp_path / journal.name)
    assert written
    assert len(written.results) == 400


def test_an_intent_that_is_forbidden_is_not_written(tmp_path: Path) -> None:
    def forbid(_seq: int) -> None:
        raise RuntimeError("no")

    journal = ClaimJournal(tmp_path, forbid)
    with pytest.raises(RuntimeError):
        journal.intent(1)
    journal.close(remove=False)
    written = read_journal(tmp_path / journal.name)
    assert written
    assert not written.intents


def test_a_result_counts_an_intent_is_ambiguous_neither_waits_again(ledger: Ledger, tmp_path: Path) -> None:
    owner = sender(ledger)
    occurrence, journal, _ = left_by(ledger, tmp_path, owner)
    journal.close(remove=False)
    ledger.holders.leave(owner.id)
    found = recovery(ledger, tmp_path).recover(occurrence.id)
    assert (found.claims, found.finished, found.ambiguous, found.released) == (1, 1, 1, 1)
    assert states(ledger, occurrence) == {"sent": 1, "ambiguous": 1, "pending": 1}
    assert not (tmp_path / journal.name).exists()


def test_a_sender_at_work_in_this_process_is_left_alone(ledger: Ledger, tmp_path: Path) -> None:
    owner = sender(ledger)
    occurrence, journal, _ = left_by(ledger, tmp_path, owner)
    assert recovery(ledger, tmp_path).recover(occurrence.id).claims == 0
    ledger.holders.leave(owner.id)
    assert recovery(ledger, tmp_path, working=True).recover(occurrence.id).claims == 0
    assert states(ledger, occurrence) == {"claimed": 3}
    journal.close(remove=True)


def test_from_another_machine_everybody_is_ambiguous(ledger: Ledger, tmp_path: Path) -> None:
    mine = new_owner()
    other = Owner(mine.id, "elsewhere", "another boot", mine.pid, mine.started)
    ledger.holders.enter(other)
    occurrence, journal, _ = left_by(ledger, tmp_path, other)
    journal.close(remove=False)
    ledger.holders.leave(other.id)
    assert recovery(ledger, tmp_path).recover().ambiguous == 3
    assert states(ledger, occurrence) == {"ambiguous": 3}


def test_journals_of_nobody_are_swept_when_they_are_old(ledger: Ledger, tmp_path: Path) -> None:
    owner = sender(ledger)
    _, journal, _ = left_by(ledger, tmp_path, owner)
    journal.close(remove=False)
    ClaimJournal(tmp_path, lambda _seq: None).close(remove=False)
    now = (tmp_path / journal.name).stat().st_mtime
    assert sweep_journals(ledger, tmp_path, older_than_s=60, now=now) == 0
    assert sweep_journals(ledger, tmp_path, older_than_s=60, now=now + 61) == 1
    assert [file.name for file in (tmp_path / FOLDER).iterdir()] == [Path(journal.name).name]
