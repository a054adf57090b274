"""Quantities as people write them."""

import pytest

from batch_pipelines.core.declaring.quantities import fraction, seconds, size_bytes


@pytest.mark.parametrize(
    ("text", "value"),
    [("270s", 270), ("5m", 300), ("1h30m", 5400), ("1h 30m", 5400), ("500ms", 0.5), (90, 90), (0.5, 0.5)],
)
def test_durations(text: object, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    "text", ["5", "m", "-5m", "0s", 0, -1, True, None, float("inf"), float("nan"), "5 minutes", ""]
)
def test_what_is_no_duration_says_how_to_write_one(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration; write for example 270s, 5m or 1h30m"):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("16MB", 16 * 1024**2), ("256kb", 262_144), ("1.5 KiB", 1536), ("1GB", 1024**3), (77, 77)],
)
def test_sizes_count_in_1024(text: object, value: int) -> None:
    assert size_bytes(text) == value


@pytest.mark.parametrize("text", ["16", "MB", "-1MB", 0, "0MB", True, None, 1.5, "16 Mbit"])
def test_what_is_no_size_says_how_to_write_one(text: object) -> None:
    with pytest.raises(ValueError, match="is not a size; write for example 256KB or 16MB"):
        size_bytes(text)


@pytest.mark.parametrize(
    ("text", "value"), [("5%", 0.05), ("2.5 %", 0.025), ("0%", 0), ("100%", 1), (0.05, 0.05), (1, 1)]
)
def test_shares(text: object, value: float) -> None:
    assert fraction(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["5", 5, "101%", "-1%", -0.1, True, None, float("nan"), ""])
def test_what_is_no_share_says_how_to_write_one(text: object) -> None:
    with pytest.raises(ValueError, match="is not a share; write a percentage from 0% to 100%, for example 5%"):
        fraction(text)
