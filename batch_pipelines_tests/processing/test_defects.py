"""Ten kinds of defects among hundreds of thousands of rows: each is found, in its place, byte for byte."""

from pathlib import Path

import pytest

from batch_pipelines_tests.processing import defects
from batch_pipelines_tests.processing.defect_trial import run_trial


def test_two_hundred_thousand_rows_with_four_thousand_defects(home: Path) -> None:
    figures = run_trial(home, rows=200_000, seed=20130101)
    assert len(figures["dead_by_kind"]) == 10
    assert min(figures["dead_by_kind"].values()) > 300
    assert figures["chunks"] > 10


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("chunk_size", "packed"), [("1KB", False), ("100KB", True)])
def test_small_files_of_many_seeds_and_chunks(home: Path, seed: int, chunk_size: str, *, packed: bool) -> None:
    figures = run_trial(home, rows=900, seed=seed, chunk_size=chunk_size, processes=False, packed=packed)
    assert figures["dead"] > 5


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a", "b", "c")]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        defects.write(file, 500, seed)
    assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()


@pytest.mark.parametrize("damage", ["a value", "a dead letter", "a row"])
def test_the_trial_sees_what_is_not_right(home: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    """A trial that cannot fail would prove nothing."""
    honest = defects.write

    def lying(path: Path, rows: int, seed: int) -> defects.Made:
        made = honest(path, rows, seed)
        if damage == "a value":
            first = made.good[0]
            made.good[0] = first.set_column(0, "id", [[-1, *first["id"].to_pylist()[1:]]])
        elif damage == "a row":
            made.good[0] = made.good[0].slice(1)
        else:
            made.defects[0] = defects.Defect(1, 1, 1, "date", b"x")
        return made

    monkeypatch.setattr(defects, "write", lying)
    with pytest.raises(AssertionError):
        run_trial(home, rows=500, seed=1, chunk_size="100KB", processes=False)
