"""What every ledger promises of corrections and acceptances: said once, the last word holds, taken back at will."""

from batch_pipelines.core.ledger.ledger import Ledger

A, B = "a" * 64, "b" * 64
WHO = "ann@example.com"


def say(ledger: Ledger, records: list[tuple[str, int]], **changes: str) -> list[int]:
    return ledger.corrections.add("flights", changes, records, who=WHO, note="typo")


def test_a_correction_holds_for_its_content_alone(ledger: Ledger) -> None:
    say(ledger, [(A, 3), (A, 1)], dest="'SJU'")
    assert ledger.corrections.effective("flights", [A, B]) == [(A, 1, "dest", "'SJU'"), (A, 3, "dest", "'SJU'")]
    assert ledger.corrections.effective("flights", [B]) == []
    assert ledger.corrections.effective("weather", [A]) == []


def test_what_was_said_last_of_a_column_holds(ledger: Ledger) -> None:
    say(ledger, [(A, 1), (A, 2)], dest="'SJU'")
    say(ledger, [(A, 2)], dest="upper(dest)", origin="'JFK'")
    assert ledger.corrections.effective("flights", [A]) == [
        (A, 1, "dest", "'SJU'"),
        (A, 2, "dest", "upper(dest)"),
        (A, 2, "origin", "'JFK'"),
    ]


def test_the_same_said_again_is_recorded_once(ledger: Ledger) -> None:
    assert say(ledger, [(A, 1)], dest="'SJU'") == [1]
    assert say(ledger, [(A, 1)], dest="'SJU'") == []
    assert say(ledger, [(A, 1), (B, 7)], dest="'SJU'") == [2]
    assert [each.records for each in ledger.corrections.of_pipeline("flights")] == [1, 1]


def test_a_discarded_correction_is_listed_but_no_longer_holds(ledger: Ledger) -> None:
    say(ledger, [(A, 1)], dest="'SJU'")
    (last,) = say(ledger, [(A, 1)], dest="'BQN'")
    (gone,) = ledger.corrections.discard("flights", [last, 99])
    assert (gone.column, gone.expression, gone.note, gone.who) == ("dest", "'BQN'", "typo", WHO)
    assert ledger.corrections.effective("flights", [A]) == [(A, 1, "dest", "'SJU'")]
    first, second = ledger.corrections.of_pipeline("flights")
    assert (first.discarded_at, second.discarded_at is None) == (None, False)
    assert ledger.corrections.discard("flights", [last]) == []
    assert ledger.corrections.discard("weather", [first.id]) == []


def test_more_contents_than_one_question_may_hold(ledger: Ledger) -> None:
    contents = [f"{n:064x}" for n in range(1100)]
    say(ledger, [(content, 1) for content in contents], dest="'SJU'")
    assert len(ledger.corrections.effective("flights", contents)) == 1100


def test_accepted_records_are_counted_once_and_given_back(ledger: Ledger) -> None:
    assert ledger.corrections.accept("flights", [(A, 1), (A, 2), (A, 2)], who=WHO, note=None) == 2
    assert ledger.corrections.accept("flights", [(A, 2), (B, 1)], who=WHO, note=None) == 1
    assert ledger.corrections.accepted("flights", [A, B]) == [(A, 1), (A, 2), (B, 1)]
    assert ledger.corrections.unaccept("flights", [(A, 2), (A, 9)]) == 1
    assert ledger.corrections.accepted("flights", [A]) == [(A, 1)]
    assert ledger.corrections.accepted("weather", [A]) == []
