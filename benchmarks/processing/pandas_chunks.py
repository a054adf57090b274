"""pandas: `read_csv(chunksize=…)` as text, converted and checked column by column, a Parquet file a chunk.

As one writes it: `dtype=str`, then to_numeric and to_datetime that turn what is wrong into null. Duplicates are found
against all keys seen so far. It cannot make dead letters of rows with too many columns: it only skips them.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measure import Json
from benchmarks.processing.rules import BOUNDS, COLUMNS, DATES, ENUMS, FLOATS, INTS, KEY, REQUIRED, TEXTS

CHUNK_ROWS = 250_000
_KEY_STRIDE = 8  # line numbers are below


def run(job: Json) -> Json:
    """Process the file."""
    source, folder = Path(job["input"]), Path(job["folder"])
    chunks = pd.read_csv(
        source / "lineitems.csv",
        dtype=str,
        chunksize=CHUNK_ROWS,
        keep_default_na=False,
        na_values=[""],
        on_bad_lines="skip",
        encoding_errors="replace",
    )
    process(chunks, source, folder)
    return {}


def process(chunks: Iterable[pd.DataFrame], source: Path, folder: Path) -> None:
    """Check the chunks, whatever they were read from, and write good rows and rejects."""
    suppliers = pd.read_csv(source / "suppliers.csv", dtype=str)["code"]
    seen = np.empty(0, np.int64)
    for number, raw in enumerate(chunks):
        typed, reasons = _checked(raw, suppliers)
        bad = pd.Series(False, index=raw.index)  # noqa: FBT003
        for broken in reasons.values():
            bad |= broken
        keys = typed.loc[~bad, KEY[0]].astype("int64") * _KEY_STRIDE + typed.loc[~bad, KEY[1]].astype("int64")
        twice = keys.duplicated() | keys.isin(seen)
        reasons["duplicate"] = twice.reindex(raw.index, fill_value=False)
        seen = np.concatenate([seen, keys[~twice].to_numpy()])
        bad |= reasons["duplicate"]
        good = typed[~bad].astype(dict.fromkeys(INTS, "int64"))
        good.to_parquet(folder / f"good-{number:04d}.parquet", compression="zstd", index=False)
        _rejects(raw, bad, reasons).to_parquet(folder / f"dead-{number:04d}.parquet", compression="zstd", index=False)


def _checked(raw: pd.DataFrame, suppliers: "pd.Series[str]") -> tuple[pd.DataFrame, "dict[str, pd.Series[bool]]"]:
    columns: dict[str, pd.Series] = {}
    reasons: dict[str, pd.Series[bool]] = {}
    for name in COLUMNS:
        text = raw[name]
        if name in INTS or name in FLOATS:
            columns[name] = pd.to_numeric(text, errors="coerce")
        elif name in DATES:
            columns[name] = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
        else:
            columns[name] = text
        if name not in TEXTS:
            reasons[f"type: {name}"] = columns[name].isna() & text.notna()
        if name in INTS:
            reasons[f"whole: {name}"] = columns[name] % 1 != 0
        if name in REQUIRED:
            reasons[f"required: {name}"] = text.isna()
        if name in BOUNDS:
            reasons[f"bounds: {name}"] = ~columns[name].between(*BOUNDS[name]) & columns[name].notna()
        if name in ENUMS:
            reasons[f"enum: {name}"] = ~text.isin(ENUMS[name])
    reasons["reference: supplier"] = ~raw["supplier"].isin(suppliers)
    reasons["columns"] = raw["comment"].isna()  # what a short row looks like
    for name in TEXTS:
        reasons[f"encoding: {name}"] = raw[name].str.contains("\ufffd", regex=False, na=False)
    return pd.DataFrame(columns), reasons


def _rejects(raw: pd.DataFrame, bad: "pd.Series[bool]", reasons: "dict[str, pd.Series[bool]]") -> pd.DataFrame:
    rejects = raw[bad].astype("string")
    said = pd.Series("", index=rejects.index)
    for reason, broken in reasons.items():
        said[broken[bad]] += f"{reason}; "
    return rejects.assign(reasons=said)
