"""What pandas adds to the flights: how late each arrived, in words."""

import pandas as pd

EDGES = [float("-inf"), 0, 15, 60, float("inf")]  # minutes; the lower edge belongs to the band
BANDS = ["early", "on time", "late", "very late"]


def delay_bands(frame: pd.DataFrame) -> pd.DataFrame:
    """Add `delay_band`: early, on time, late, very late, cancelled; missing where the arrival is unknown."""
    minutes = frame["arr_delay"].astype("float64")
    bands = pd.cut(minutes, bins=EDGES, labels=BANDS, right=False).astype("string")
    return frame.assign(delay_band=bands.mask(frame["cancelled"].astype("bool"), "cancelled"))
