"""The language of `source`: a path with times in braces and wildcards, as `data/flights-{%Y-%m}-*.csv.gz`.

Pure text: rendering for a window, matching a file name, checking at load.
What must not live here: looking at the disk (sources/files.py).
"""

import re
from datetime import datetime
from functools import cache

from batch_pipelines.core.declaring.windows import Every

COMPRESSIONS = (".gz", ".zst")
_FIELDS = {
    "%Y": r"[0-9]{4}",
    "%y": r"[0-9]{2}",
    "%m": r"[0-9]{2}",
    "%d": r"[0-9]{2}",
    "%H": r"[0-9]{2}",
    "%j": r"[0-9]{3}",
    "%G": r"[0-9]{4}",
    "%V": r"[0-9]{2}",
}
_NAMING: dict[Every, tuple[frozenset[str], ...]] = {
    "month": (frozenset("Ym"),),
    "week": (frozenset("GV"), frozenset("Ymd"), frozenset("Yj")),
    "day": (frozenset("Ymd"), frozenset("Yj")),
    "hour": (frozenset("YmdH"), frozenset("YjH")),
}
_USUAL: dict[Every, str] = {
    "month": "{%Y-%m}",
    "week": "{%Y-%m-%d}",
    "day": "{%Y-%m-%d}",
    "hour": "{%Y-%m-%d-%H}",
}
S3 = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,62}", re.ASCII)
_BRACES = re.compile(r"\{([^{}]*)\}")
_DIRECTIVE = re.compile(r"%.?", re.DOTALL)
_UNREAD = (".xls", ".xlsb", ".ods", ".zip", ".bz2", ".xz", ".avro", ".orc", ".feather", ".arrow")


def check_source(source: str) -> str:
    """Return `source` if it is a well-formed path within the project.

    Raises:
        ValueError: It is not; the message says why and what to write.
    """
    why = _path_problem(source) or _braces_problem(source)
    if why:
        raise ValueError(f"{source!r} {why}")
    return source


def check_times(source: str, every: Every | None, inbox: str | None) -> None:
    """Check that the times in `source`, and in `inbox`, tell the windows apart (`every` None: that there are none).

    Raises:
        ValueError: They don't; the message says what to write.
    """
    found = directives(source)
    if every is None:
        if found or directives(inbox or ""):
            raise ValueError(
                f"{(source if found else inbox)!r} has a time in braces, but there are no partitions by time; "
                "add for example partitions: {every: month, start: 2013-01}"
            )
        return
    if found not in _NAMING[every]:
        raise ValueError(
            f"{source!r} does not name exactly one {every} per partition; write for example {_USUAL[every]}"
        )
    if inbox is not None and directives(inbox) != found:
        raise ValueError(
            f"{inbox!r}: with an inbox the file name itself has to tell the {every}; "
            f"write for example {_USUAL[every]} in it"
        )


def directives(source: str) -> frozenset[str]:
    """Return the letters of the strftime directives in braces; `%y` counts as `%Y`."""
    letters = {found[-1] for inner in _BRACES.findall(source) for found in _DIRECTIVE.findall(inner)}
    return frozenset("Y" if letter == "y" else letter for letter in letters)


def render(source: str, start: datetime | None) -> str:
    """Return `source` with the times of the window that begins at local time `start`; wildcards stay."""
    return source if start is None else _BRACES.sub(lambda found: start.strftime(found[1]), source)


def is_pattern(text: str) -> bool:
    """Whether a rendered source has wildcards."""
    return "*" in text or "?" in text


@cache
def wildcard(pattern: str, *, any_compression: bool = False) -> re.Pattern[str]:
    """Return the expression for a name (or path) with `*` and `?`; times in braces become groups of digits.

    Args:
        pattern: One component of a source.
        any_compression: Accept the name without its compression ending, and with any other, too.
    """
    text = without_compression(pattern) if any_compression else pattern
    parts: list[str] = []
    for index, piece in enumerate(_BRACES.split(text)):
        parts.append(_times(piece) if index % 2 else _literal(piece))
    ending = "(?:{})?".format("|".join(map(re.escape, COMPRESSIONS))) if any_compression else ""
    return re.compile("".join(parts) + ending, re.DOTALL)


def time_of(pattern: str, name: str, *, any_compression: bool = False) -> datetime | None:
    """Return the local time that a name (or path) states by the braces of `pattern`; None: no fit."""
    found = wildcard(pattern, any_compression=any_compression).fullmatch(name)
    if found is None:
        return None
    formats = [directive for inner in _BRACES.findall(pattern) for directive in _DIRECTIVE.findall(inner)]
    stated: dict[str, str] = {}
    for directive, digits in zip((d for d in formats if d in _FIELDS), found.groups(), strict=True):
        if stated.setdefault(directive, digits) != digits:
            return None
    if "%G" in stated:
        stated["%u"] = "1"
    try:
        return datetime.strptime(" ".join(stated.values()), " ".join(stated))  # noqa: DTZ007 - a local clock's time
    except ValueError:
        return None


def without_compression(name: str) -> str:
    """Return a file name without `.gz` or `.zst`."""
    for ending in COMPRESSIONS:
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def _path_problem(source: str) -> str | None:
    if source.startswith(S3):
        bucket, _, key = source.removeprefix(S3).partition("/")
        if not _BUCKET.fullmatch(bucket) or not key:
            return "is not s3://bucket/path; the bucket is named as it is, without times or wildcards"
        source = f"{bucket}/{key}"
    parts = source.split("/")
    cure = "write it from the project's folder, for example data/samples/flights.csv"
    faults = (
        (not source.strip() or source != source.strip(), f"is not a path; {cure}"),
        (any(ord(letter) < 32 or ord(letter) == 127 for letter in source), "has a control character"),  # noqa: PLR2004
        ("://" in source, "is an address; only files within the project and s3://bucket/path can be read"),
        (source.startswith(("/", "~", "\\")) or source[1:2] == ":", f"is not relative; {cure}"),
        ("\\" in source, "has a backslash; write folders with /"),
        (".." in parts, "leaves the project with '..'; only files within the project can be read"),
        ("" in parts or "." in parts, f"is not a plain path to files; {cure}"),
        ("**" in source, "has '**'; use * within one folder or file name"),
        (
            without_compression(source.lower()).endswith(_UNREAD),
            "is of a kind that is not read; CSV, JSONL (plain, .gz, .zst), Parquet and XLSX files are",
        ),
    )
    return next((why for is_fault, why in faults if is_fault), None)


def _braces_problem(source: str) -> str | None:
    rest = _BRACES.sub("", source)
    if "{" in rest or "}" in rest:
        return "has unbalanced braces; write times as {%Y-%m}"
    for inner in _BRACES.findall(source):
        found = _DIRECTIVE.findall(inner)
        unknown = [directive for directive in found if directive not in _FIELDS and directive != "%%"]
        if unknown or not found:
            return f"has {{{inner}}}, which is no time; allowed in braces: {', '.join(_FIELDS)} and text"
        if any(letter in inner for letter in "*?"):
            return f"has a wildcard in {{{inner}}}; write it outside the braces"
    return None


def _literal(text: str) -> str:
    return "".join("[^/]*" if letter == "*" else "[^/]" if letter == "?" else re.escape(letter) for letter in text)


def _times(inner: str) -> str:
    parts: list[str] = []
    at = 0
    for found in _DIRECTIVE.finditer(inner):
        parts.append(re.escape(inner[at : found.start()]))
        parts.append(f"({_FIELDS[found[0]]})" if found[0] in _FIELDS else "%")
        at = found.end()
    return "".join([*parts, re.escape(inner[at:])])
