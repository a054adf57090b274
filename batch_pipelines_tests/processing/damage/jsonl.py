"""Damaged JSON Lines."""

import gzip
from collections.abc import Mapping

import pyarrow as pa

from batch_pipelines_tests.processing.damage.case import Damage

FINE = b'{"id":1,"name":"x"}\n{"id":2}\n'


def _one(line: bytes, rule: str) -> Damage:
    return Damage(FINE + line + b"\n" + FINE, {rule: 1}, good=4)


def _zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, "zstd", asbytes=True))


def _bomb() -> bytes:
    return gzip.compress((b'{"id":1,"name":"' + b"x" * 1000 + b'"}\n') * 40_000, 9)


DAMAGES: Mapping[str, Damage] = {
    "no JSON": _one(b"id=1", "json"),
    "cut off": _one(b'{"id":1,"name":"x', "json"),
    "an array": _one(b'[{"id":1}]', "json"),
    "a number": _one(b"5", "json"),
    "null": _one(b"null", "json"),
    "two objects on a line": _one(b'{"id":1}{"id":2}', "json"),
    "a key twice": _one(b'{"id":1,"id":1}', "json"),
    "a key twice, nested": _one(b'{"id":1,"x":{"y":1,"y":2}}', "json"),
    "a comma too many": _one(b'{"id":1,}', "json"),
    "NaN": _one(b'{"id":1,"ratio":NaN}', "json"),
    "single quotes": _one(b"{'id':1}", "json"),
    "a raw tab in a text": _one(b'{"id":1,"name":"\t"}', "json"),
    "nested without end": _one(b'{"id":1,"x":' + b"[" * 50_000, "json"),
    "not UTF-8": _one(b'{"id":1,"name":"\xff"}', "encoding"),
    "half a surrogate": _one(b'{"id":1,"name":"\\udc00"}', "encoding"),
    "a NUL": _one(b'{"id":1,"name":"\\u0000"}', "nul"),
    "a blank line with blanks": _one(b"   ", "json"),
    "text for a number": _one(b'{"id":"one"}', "type: id"),
    "a text with leading zeros for a number": _one(b'{"id":"007"}', "type"),
    "a fraction for an int": _one(b'{"id":1.5}', "type: id"),
    "an int of 65 bits": _one(b'{"id":9223372036854775808}', "type: id"),
    "a float beyond floats": _one(b'{"id":1,"ratio":1e400}', "type: ratio"),
    "a boolean for a number": _one(b'{"id":true}', "type: id"),
    "an object for a number": _one(b'{"id":{"a":1}}', "type: id"),
    "an array for a date": _one(b'{"id":1,"day":["2013-01-01"]}', "type: day"),
    "no day of the calendar": _one(b'{"id":1,"day":"2013-02-30"}', "type: day"),
    "a price of three digits": _one(b'{"id":1,"price":1.005}', "type: price"),
    "a required key missing": _one(b'{"name":"x"}', "required: id"),
    "a required key null": _one(b'{"id":null}', "required: id"),
    "a key that is not declared": Damage(FINE + b'{"id":1,"x":2}\n', {"columns": 1}, good=2, options="extra: fail"),
    "a text of 2 MB": _one(b'{"id":1,"name":"' + b"x" * (2 << 20) + b'"}', "cell"),
    "a line of 50 MB": Damage(
        lambda: FINE + b'{"id":1,"name":"' + b"x" * (50 << 20) + b'"}\n',
        fails="in/shop.jsonl:3: the line is longer than 16,777,216 bytes: is the file JSONL, do its lines end in LF?",
    ),
    "truncated gzip": Damage(gzip.compress(FINE * 500)[:-20], fails="in/shop.jsonl: the gzip file is truncated"),
    "truncated zstd": Damage(_zstd(FINE * 500)[:-5], fails="in/shop.jsonl: the zstd file is truncated"),
    "a gzip bomb": Damage(_bomb, fails="in/shop.jsonl: unpacks to more than 100 times its size"),
    "UTF-16": Damage(
        FINE.decode().encode("utf-16"), fails="the text is UTF-16, not UTF-8: declare `jsonl: {encoding: utf-16}`"
    ),
    "Parquet": Damage(b"PAR1rest", fails="in/shop.jsonl: is a Parquet file, not JSONL: add format: parquet"),
}
