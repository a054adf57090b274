"""Damaged Parquet files."""

import gzip
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from batch_pipelines_tests.processing.damage.case import Damage
from batch_pipelines_tests.processing.sources.formats.written import parquet

ROWS = 20
SCHEMA = {
    "id": pa.int64(),
    "name": pa.string(),
    "ratio": pa.float64(),
    "day": pa.date32(),
    "at": pa.timestamp("us", tz="UTC"),
    "price": pa.decimal128(10, 2),
    "ok": pa.bool_(),
}
VALUES: Mapping[str, Any] = {
    "id": 1,
    "name": "x",
    "ratio": 0.5,
    "day": date(2013, 1, 2),
    "at": datetime(2013, 1, 2),  # noqa: DTZ001
    "price": Decimal("1.10"),
    "ok": True,
}


def _table(**others: Any) -> pa.Table:
    arrays = {name: pa.array([VALUES[name]] * ROWS, kind) for name, kind in SCHEMA.items()}
    return pa.table({**arrays, **others})


def _of(value: Any, kind: pa.DataType, other: Any) -> Any:
    """A column with one odd value among good ones."""
    return pa.array([other] * 7 + [value] + [other] * (ROWS - 8), kind)


def _one(rule: str, **column: Any) -> Damage:
    return Damage(parquet(_table(**column)), {rule: 1}, good=ROWS - 1)


FINE = parquet(_table())
NOISE = parquet(_table(name=pa.array([f"{number * 7919:x}" for number in range(ROWS)])), use_dictionary=False)


def _flipped(place: int) -> bytes:
    return NOISE[:place] + bytes([NOISE[place] ^ 4]) + NOISE[place + 1 :]


def _twice() -> bytes:
    table = _table()
    return parquet(pa.Table.from_arrays([*table.columns, table["id"]], names=[*table.column_names, "id"]))


def _repeated(text: str, rows: int) -> bytes:
    """Few bytes that unpack to very many: one text, which every row points at."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))
    others = {name: pa.array([VALUES[name]] * rows, kind) for name, kind in SCHEMA.items()}
    return parquet(pa.table({**others, "name": texts}))


def _long(size: int) -> bytes:
    return parquet(_table(name=_of("x" * size, pa.string(), "x")), compression="zstd", use_dictionary=False)


DAMAGES: Mapping[str, Damage] = {
    "not Parquet": Damage(b"id,name\n1,x\n", fails="in/shop.parquet: is not a Parquet file"),
    "nothing": Damage(b"", fails="in/shop.parquet: is not a Parquet file"),
    "gzipped": Damage(gzip.compress(FINE), fails="in/shop.parquet: is not a Parquet file"),
    "truncated": Damage(
        FINE[:-50], fails="in/shop.parquet: the Parquet file is truncated: fetch or write the file again"
    ),
    "only its head": Damage(FINE[:9], fails="in/shop.parquet: the Parquet file is truncated"),
    "a footer longer than the file": Damage(
        FINE[:-8] + b"\xff\xff\xff\x00PAR1", fails="in/shop.parquet: the Parquet file is truncated or damaged"
    ),
    "a footer of noise": Damage(
        FINE[:-200] + bytes(range(192)) + FINE[-8:], fails="in/shop.parquet: the Parquet file cannot be read ("
    ),
    "encrypted": Damage(b"PARE" + FINE[4:-4] + b"PARE", fails="in/shop.parquet: the Parquet file is encrypted"),
    "a flipped bit in a value": Damage(
        _flipped(NOISE.index(f"{7919 * 5:x}".encode())),
        fails="in/shop.parquet: the Parquet file is damaged (the checksum of a page is wrong",
    ),
    "a flipped bit in a page's header": Damage(
        _flipped(4), fails="in/shop.parquet: the Parquet file is damaged, or encrypted (no page at byte 4)"
    ),
    "a column missing": Damage(
        parquet(_table().drop_columns(["day"])), fails="in/shop.parquet:1: column 'day' is missing; the header has id"
    ),
    "a column too many": Damage(
        parquet(_table(x=pa.nulls(ROWS))), fails="in/shop.parquet:1: column 'x' is not declared", options="extra: fail"
    ),
    "a column twice": Damage(_twice(), fails="in/shop.parquet: has the column 'id' twice: rename one of them"),
    "3,000 columns": Damage(
        parquet(_table(**{f"c{n}": pa.nulls(ROWS) for n in range(3000)})),
        fails="in/shop.parquet: has 3,007 columns, at most 2,000 are read",
    ),
    "a format for a stored date": Damage(
        FINE,
        fails="in/shop.parquet: column 'day' is stored as date32[day]: remove its `format`, which is for texts",
        options='columns: {id: int, day: {type: date, format: "%d.%m.%Y"}}',
    ),
    "a fraction for an int": _one("type: id", id=_of(1.5, pa.float64(), 1.0)),
    "an int of 65 bits": _one("type: id", id=_of(2**64 - 1, pa.uint64(), 1)),
    "text for a number": _one("type: id", id=_of("one", pa.string(), "1")),
    "a list for a number": Damage(parquet(_table(id=pa.array([[1]] * ROWS))), {"type: id": ROWS}),
    "a required value missing": _one("required: id", id=_of(None, pa.int64(), 1)),
    "NaN": _one("type: ratio", ratio=_of(float("nan"), pa.float64(), 0.5)),
    "infinity": _one("type: ratio", ratio=_of(float("inf"), pa.float32(), 0.5)),
    "not UTF-8": _one("encoding: name", name=_of(b"\xff", pa.binary(), b"x")),
    "a NUL": _one("nul: name", name=_of("\0", pa.string(), "x")),
    "a time of day for a date": _one("type: day", day=_of(5 * 3600, pa.timestamp("s"), 0)),
    "a nanosecond": _one("type: at", at=_of(1, pa.timestamp("ns"), 1000)),
    "the year 33658": _one("type: at", at=_of(10**12, pa.timestamp("s"), 0)),
    "a price of three digits": _one("type: price", price=_of(Decimal("1.005"), pa.decimal128(10, 3), Decimal("1.100"))),
    "a number for a boolean": _one("type: ok", ok=_of(2, pa.int64(), 1)),
    "a text of 100 MB": Damage(lambda: _long(100 << 20), fails="in/shop.parquet: a page has 104,8"),
    "a text of 1 MB, 100,000 times": Damage(
        lambda: _repeated("x" * (1 << 20), 100_000),
        fails="in/shop.parquet: rows 1 to 100,000 come to more than 201,326,592 bytes",
    ),
    "a row group of 17 million rows": Damage(
        lambda: parquet(pa.table({"id": pa.nulls(17_000_000, pa.int8())}), row_group_size=1 << 25),
        fails="in/shop.parquet: row group 1 has 17,000,000 rows",
        options="columns: {id: int}",
    ),
    "lists of 40 million values": Damage(
        lambda: parquet(
            pa.table(
                {"id": pa.array([1]), "x": pa.ListArray.from_arrays([0, 40_000_000], pa.nulls(40_000_000, pa.int8()))}
            )
        ),
        fails="in/shop.parquet: row group 1 has 1 rows and 40,000,000 values a column",
        options="columns: {id: int}",
    ),
}
