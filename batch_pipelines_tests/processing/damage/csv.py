"""Damaged CSV."""

import gzip
import random
from collections.abc import Mapping

import pyarrow as pa

from batch_pipelines_tests.processing.damage.case import Damage, Letter

HEADER = b"id,name,ratio,day,at,price,ok\n"
ROW = b"1,x,0.5,2013-01-02,2013-01-02 03:04:05,1.10,true\n"
FINE = HEADER + ROW + ROW
NEXT = 4  # the line after these
NOISE = HEADER + b"".join(b"%d,%x,,,,,\n" % (row, row * 7919) for row in range(500))  # packs to more than nothing
BOM = b"\xef\xbb\xbf"


def _one(line: bytes, rule: str, options: str = "") -> Damage:
    """A bad line among good ones."""
    return Damage(FINE + line + b"\n" + ROW + ROW, {rule: 1}, good=4, options=options, letters=[Letter(NEXT, line)])


def _cell(column: str, value: bytes, rule: str | None = None) -> Damage:
    """A row that is good but for one value."""
    cells = ROW.strip().split(b",")
    cells[HEADER.strip().split(b",").index(column.encode())] = value
    return _one(b",".join(cells), rule or f"type: {column}")


def _bad(content: bytes, fails: str, options: str = "") -> Damage:
    return Damage(content, fails=f"in/shop.csv{fails}", options=options)


def _good(content: bytes, rows: int) -> Damage:
    """What looks like damage, and is none."""
    return Damage(content, good=rows)


def _head(line: bytes, fails: str, options: str = "") -> Damage:
    return _bad(line + b"\n" + ROW, f":1: {fails}", options)


def _zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, "zstd", asbytes=True))


def _flipped(content: bytes, place: int) -> bytes:
    flipped = bytearray(content)
    flipped[place] ^= 4
    return bytes(flipped)


def _cell_of_a_gigabyte() -> bytes:
    """In members of a megabyte that pack to a fiftieth, so that it is no bomb by its ratio."""
    text = random.Random(1).randbytes(12_000).hex().encode()
    member = gzip.compress(text + b"x" * ((1 << 20) - len(text)), 1)
    assert (1 << 20) / len(member) < 100
    return gzip.compress(FINE + b"1,") + member * 1024 + gzip.compress(b",,,,,\n" + ROW)


_GZIP, _ZSTD = gzip.compress(NOISE), _zstd(NOISE)
_LATE_BOMB = HEADER + b"1,x,,,,,\n" * 4_000_000  # 36 MB of one line: no text packs so well
_LONG = "the line is longer than 16,777,216 bytes: is the file CSV, do its lines end in LF?"
_NAMES = "id, name, ratio, day, at, price, ok"
_MISSING = "column 'id', 'name', 'ratio', 'day', 'at', 'price', 'ok' is missing; the header has"

PACKED: Mapping[str, Damage] = {
    "truncated gzip": _bad(_GZIP[:-20], ": the gzip file is truncated: fetch or write the file again"),
    "gzip cut within its end": _bad(_GZIP[:-3], ": the gzip file is truncated: fetch or write"),
    "the second member of gzip cut": _bad(_GZIP + gzip.compress(ROW * 500)[:-9], ": the gzip file is truncated"),
    "a flipped bit in gzip": _bad(_flipped(_GZIP, 2000), ": the gzip file is corrupt ("),
    "a hole in gzip": _bad(_GZIP[:200] + b"\xff" * 200 + _GZIP[400:], ": the gzip file is corrupt ("),
    "a flipped bit in gzip's checksum": _bad(_flipped(_GZIP, -6), ": the gzip file is corrupt ("),
    "garbage after gzip": _bad(_GZIP + b"garbage", ": the gzip file is corrupt ("),
    "zeros after gzip, as tapes write": _good(gzip.compress(FINE) + b"\0" * 512, 2),
    "gzip in gzip": _bad(gzip.compress(_GZIP), ": is packed twice: unpack it once by hand"),
    "truncated zstd": _bad(_ZSTD[:-5], ": the zstd file is truncated: fetch or write the file again"),
    "only zstd's head": _bad(_ZSTD[:8], ": the zstd file is truncated: fetch or write the file again"),
    "a flipped bit in zstd": _bad(_flipped(_ZSTD, 2000), ": the zstd file is corrupt ("),
    "garbage after zstd": _bad(_ZSTD + b"garbage", ": the zstd file is corrupt ("),
    "a gzip bomb": Damage(
        lambda: gzip.compress(_LATE_BOMB, 9),
        fails="in/shop.csv: unpacks to more than 100 times its size, like a bomb: if it is sound, unpack it by hand",
    ),
    "a zstd bomb": Damage(lambda: _zstd(_LATE_BOMB), fails="in/shop.csv: unpacks to more than 100 times its size"),
    "a cell of a gigabyte": Damage(_cell_of_a_gigabyte, fails=f"in/shop.csv:4: {_LONG}"),
}
OTHER_KINDS: Mapping[str, Damage] = {
    "ZIP or XLSX": _bad(
        b"PK\x03\x04rest", ": is a ZIP or XLSX file, not CSV: unpack it, save the sheet as CSV, or add format: xlsx"
    ),
    "Parquet": _bad(b"PAR1rest", ": is a Parquet file, not CSV: add format: parquet"),
    "xz": _bad(b"\xfd7zXZ\0rest", ": is compressed with xz, which is not read: use gzip or zstd"),
    "UTF-16": _bad(
        FINE.decode().encode("utf-16"), ": the text is UTF-16, not UTF-8: declare `csv: {encoding: utf-16}`"
    ),
    "UTF-16 without a mark": _bad(
        FINE.decode().encode("utf-16-le"), ": the text is UTF-16, not UTF-8: declare `csv: {encoding: utf-16-le}`"
    ),
    "UTF-16 cut within a character": _bad(
        FINE.decode().encode("utf-16")[:-1], ": the text is not utf-16 (", options="csv: {encoding: utf-16}"
    ),
    "a page of a web server": _bad(b"<!DOCTYPE html>\n<html>404</html>\n", f":1: {_MISSING} <!DOCTYPE html>. Correct"),
    "noise": _bad(random.Random(3).randbytes(5000), ":1: column 1 of the header holds a NUL character: is it text?"),
    "zeros": _bad(b"\0" * 4096, ":1: column 1 of the header holds a NUL character: is it text?"),
}
HEADS: Mapping[str, Damage] = {
    "nothing": _good(b"", 0),
    "blanks": _bad(b"   \n \t\n", ":1: there is no header: the first line is blank; remove it"),
    "empty lines": _bad(b"\n\r\n\n", ":1: there is no header: all lines are empty"),
    "only a header": _good(HEADER.strip(), 0),
    "no header": _bad(ROW + ROW, f":1: {_MISSING} 1, x, 0.5, 2013-01-02,"),
    "a title above the header": _bad(b"Sales\n\n" + FINE, f":1: {_MISSING} Sales. Correct the file"),
    "a note to Excel": _head(
        b"sep=;", "the first line is a note to Excel, not the header: remove it, and declare `csv: {delimiter: …}`"
    ),
    "a name twice": _head(b"id,name,ratio,day,at,price,id", "the header names 'id' twice: rename one of the columns"),
    "a column without a name": _head(b"id,,ratio,day,at,price,ok", "column 2 of the header has no name: name it"),
    "a name that is not UTF-8": _head(
        b"id,n\xe4me,ratio,day,at,price,ok", "column 2 of the header is not UTF-8: declare `csv: {encoding: …}`"
    ),
    "a NUL in a name": _head(b"id,\0,ratio,day,at,price,ok", "column 2 of the header holds a NUL character"),
    "a line end in a name": _head(
        b'id,"na\nme",ratio,day,at,price,ok',
        "column 'name' is missing; the header has id, 'na\\nme', ratio, day, at, price, ok. Correct the file, or",
    ),
    "a quote not closed in the header": _head(
        b'id,"name,ratio,day,at,price,ok', "a quote in the first line is not closed, or text follows it"
    ),
    "blanks around names": _head(
        b"id, name,ratio,day,at,price,ok", "column 'name' is missing; the header has id, ' name', ratio,"
    ),
    "names in capitals": _head(HEADER.strip().upper(), f"{_MISSING} ID, NAME, RATIO"),
    "a column missing": _head(
        b"id,name,ratio,day,at,price", "column 'ok' is missing; the header has id, name, ratio, day, at, price. Correct"
    ),
    "a column too many": _head(
        HEADER.strip() + b",x",
        "column 'x' is not declared; declare it, or write `extra: ignore`",
        options="extra: fail",
    ),
    "a column too many, which is ignored": _good(HEADER.strip() + b",x\n" + ROW.strip() + b",1\n", 1),
    "semicolons": _bad(
        FINE.replace(b",", b";"),
        f":1: the header is one column, '{_NAMES.replace(', ', ';')}': declare `csv: {{delimiter: \";\"}}`",
    ),
    "tabs": _bad(FINE.replace(b",", b"\t"), ":1: the header is one column, 'id\\tname\\tratio"),
    "100,000 columns": _bad(
        b",".join(b"c%d" % number for number in range(100_000)) + b"\n",
        ":1: the first line has more than 2,000 columns: is the file CSV, is the delimiter right?",
    ),
    "1,500 columns of another file": _bad(
        b",".join(b"c%d" % number for number in range(1500)) + b"\n", f":1: {_MISSING} c0, c1, c2,"
    ),
    "a header of 50 MB": Damage(lambda: b"x" * (50 << 20) + b"\n", fails=f"in/shop.csv:1: {_LONG}"),
    "a byte order mark twice": _bad(BOM + BOM + FINE, ":1: begins with a byte order mark twice: remove the second"),
}
LINES: Mapping[str, Damage] = {
    "no last line end": _good(FINE.strip(), 2),
    "mixed line ends": _good(FINE.replace(b"\n", b"\r\n", 2) + ROW + ROW.replace(b"\n", b"\r\n"), 4),
    "empty lines between": _good(FINE + b"\n\r\n\n" + ROW, 3),
    "a line of blanks": _one(b"   ", "columns"),
    "CR alone as line end": _bad(
        FINE.replace(b"\n", b"\r"), ":1: the header holds a carriage return: lines must end in LF or CRLF, convert"
    ),
    "CR alone as line end, once": _one(b"1,x,,,,,\r2,x,,,,,", "columns"),
    "CR alone in a value": _good(FINE + b"1,a\rb,,,,,\n", 3),
    "CR CR LF": _bad(FINE.replace(b"\n", b"\r\r\n"), ":1: the header holds a carriage return"),
    "too few columns": _one(b"1,x", "columns"),
    "too many columns": _one(ROW.strip() + b",9", "columns"),
    "a delimiter at the end": _one(ROW.strip() + b",", "columns"),
    "one column, empty": _one(b'""', "columns"),
    "a header in the middle": _one(HEADER.strip(), "type: id"),
    "a byte order mark in the middle": _one(BOM + ROW.strip(), "type: id"),
    "a NUL": _one(b"1,a\0b,,,,,", "nul"),
    "a block of zeros at the end": Damage(
        FINE + b"\0" * 4096, {"nul": 1}, good=2, letters=[Letter(NEXT, b"\0" * 4096)]
    ),
    "the end of a DOS file": Damage(FINE + b"\x1a", {"columns": 1}, good=2, letters=[Letter(NEXT, b"\x1a")]),
    "a quote not closed": Damage(
        FINE + b'1,"x,,,,,\n' + ROW * 5, {"quote": 1}, good=7, letters=[Letter(NEXT, b'1,"x,,,,,')]
    ),
    "a quote not closed at the end": Damage(
        FINE + b'1,"x,,,,,', {"quote": 1}, good=2, letters=[Letter(NEXT, b'1,"x,,,,,')]
    ),
    "text after a quote": _one(b'1,"x"y,,,,,', "quote"),
    "a quote escaped by a backslash": _one(rb'1,"x\"y",,,,,', "quote"),
    "a quote in the middle of a value": _good(FINE + b'1,5" pipe,,,,,\n', 3),
    "values in single quotes": _one(b"1,'a,b',,,,,", "columns"),
    "line ends within quotes": _good(FINE + b'1,"a\nb\r\n",,,,,\n' + ROW, 4),
    "line ends within quotes of a bad row": _one(b'one,"a\nb",,,,,', "type: id"),
    "a record of 1.2 MB in lines": Damage(
        FINE + b'1,"' + b"x" * 300_000 + b"\n" + b"y" * 900_000 + b'",,,,,\n' + ROW,
        {"quote": 1, "columns": 1},
        good=3,
        letters=[Letter(NEXT, b'1,"' + b"x" * 300_000), Letter(NEXT + 1, b"y" * 900_000 + b'",,,,,')],
    ),
    "a text of over a megabyte": _cell("name", b"x" * ((1 << 20) + 1), "cell"),
    "the longest line that is read": Damage(
        lambda: FINE + b"1," + b"x" * ((16 << 20) - 100) + b",,,,,\n" + ROW, {"cell": 1}, good=3
    ),
    "a line of 50 MB": Damage(lambda: FINE + b"1," + b"x" * (50 << 20) + b",,,,,\n", fails=f"in/shop.csv:4: {_LONG}"),
    "half a million lines after a quote": Damage(
        lambda: FINE + b'1,"' + b"x\n" * (1 << 19), {"quote": 1, "columns": (1 << 19) - 1}, good=2
    ),
    "changed after it was planned": Damage(
        FINE, fails="source changed: in/shop.csv:2: changed after it was planned: run again", later=FINE.swapcase()
    ),
    "cut after it was planned": Damage(FINE, fails="source changed: in/shop.csv:2: changed after", later=FINE[:-9]),
}
VALUES: Mapping[str, Damage] = {
    "not UTF-8": _cell("name", b"caf\xe9", "encoding: name"),
    "half a character": _cell("name", b"\xc3", "encoding: name"),
    "a surrogate": _cell("name", b"\xed\xa0\x80", "encoding: name"),
    "a required value missing": _cell("id", b"", "required: id"),
    "text for an int": _cell("id", b"one"),
    "a fraction for an int": _cell("id", b"1.0"),
    "an exponent for an int": _cell("id", b"1e3"),
    "hexadecimal": _cell("id", b"0x1F"),
    "an int of 65 bits": _cell("id", b"9223372036854775808"),
    "a thousands separator": _cell("id", b"1'000"),
    "a thousands separator in quotes": _cell("ratio", b'"1,000.5"'),
    "a thousands separator that is the delimiter": _cell("ratio", b"1,000.5", "columns"),
    "a decimal comma": _cell("ratio", b'"0,5"'),
    "a typographer's minus": _cell("ratio", "\u22121".encode()),
    "Arabic digits": _cell("id", "\u0661".encode()),
    "NaN": _cell("ratio", b"NaN"),
    "infinity": _cell("ratio", b"inf"),
    "minus infinity": _cell("ratio", b"-Infinity"),
    "a float beyond floats": _cell("ratio", b"1e400"),
    "minus zero": _good(FINE + b"-0,x,-0,,,,\n", 3),
    "a price of three digits": _cell("price", b"1.005"),
    "a price too large": _cell("price", b"123456789.00"),
    "a price with its currency": _cell("price", "1.00 €".encode()),
    "no day of the calendar": _cell("day", b"2013-02-30"),
    "a day of the year 0": _cell("day", b"0000-01-01"),
    "a day of the year 10000": _cell("day", b"10000-01-01"),
    "another order of day and month": _cell("day", b"31.01.2013"),
    "a day as Excel counts": _cell("day", b"41276"),
    "a time of day for a day": _cell("day", b"2013-01-02 00:00:00"),
    "25 o'clock": _cell("at", b"2013-01-02 25:00:00"),
    "a leap second": _cell("at", b"2016-12-31 23:59:60"),
    "nanoseconds": _cell("at", b"2013-01-02 03:04:05.123456789"),
    "seconds since 1970": _cell("at", b"1357095845"),
    "an offset of 99 hours": _cell("at", b"2013-01-02T03:04:05+99:00"),
    "maybe": _cell("ok", b"maybe"),
}
DAMAGES: Mapping[str, Damage] = {**PACKED, **OTHER_KINDS, **HEADS, **LINES, **VALUES}
