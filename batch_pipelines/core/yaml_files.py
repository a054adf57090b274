"""YAML files with positions: read safely, checked against a model, refused in words that name file, line and key.

`read_documents` refuses what no configuration needs (aliases, tags, depth, size, a key given twice); `validate` turns a
model's complaints into one line each. What must not live here: what any key means; the models say that.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from batch_pipelines.core.errors import ConfigError

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
SHOWN_LETTERS = 80
KeyPath = tuple[str | int, ...]
Problem = tuple[KeyPath, str]
M = TypeVar("M", bound=BaseModel)

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_OF_TYPE = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}


class KeyProblems(ValueError):
    """What a model's validator found, each with the keys (from that model on) that lead to it.

    Attributes:
        problems: Pairs of key path and message.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(message for _, message in self.problems))


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a YAML file.

    Attributes:
        file: The file, as messages show it: relative to the working directory where it lies below that.
        line: Line on which the document begins, from 1.
        data: Plain data: dict, list, str, int, float, bool, date, datetime, None.
        lines: The line of every key and list element, by key path.
    """

    file: str
    line: int
    data: Any
    lines: Mapping[KeyPath, int]

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a key, or of the nearest key above it that the document has."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return self.line


def shown(file: Path) -> str:
    """Return how messages name a file: relative to the working directory where it lies below that."""
    path = file.absolute()
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else path.as_posix()


def read_documents(file: Path) -> list[Document]:
    """Read every document of a YAML file that is not empty.

    Raises:
        ConfigError: The file cannot be read, is no YAML, or has what is refused here.
    """
    text = _text(file)
    try:
        _refuse_excesses(text, file)
        nodes = [node for node in yaml.compose_all(text, Loader=_Loader) if node is not None]
    except yaml.YAMLError as error:
        raise _syntax_error(error, file) from error
    documents = [_document(node, file) for node in nodes]
    return [document for document in documents if document.data is not None]


def validate(
    model: type[M], document: Document, *, at: KeyPath = (), given: Mapping[str, Any] | None = None
) -> M:
    """Check a document, or the part of it that `at` leads to, against a model.

    Args:
        model: What the keys may be.
        document: What was read.
        at: Where the model's keys are, e.g. `("attributes",)`.
        given: Values for keys that the document leaves out, e.g. a name from the folder.

    Raises:
        ConfigError: It does not fit. The message has one line per problem, each with file and line; `.line` is the first's.
    """
    data = document.data
    for key in at:
        data = data[key]
    if isinstance(data, dict):
        data = {**(given or {}), **data}
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = [
            problem
            for details in error.errors(include_url=False)
            for problem in _problems(details, model, data)
        ]
    raise refusal(document, [((*at, *path), message) for path, message in found])


def refusal(document: Document, problems: Iterable[Problem]) -> ConfigError:
    """Return the error that lists problems of one document by line, each once; paths are the document's."""
    placed = dict.fromkeys(
        sorted(((document.line_of(path), message) for path, message in problems), key=lambda pair: pair[0])
    )
    return _listed(document.file, list(placed))


def _listed(file: str, placed: list[tuple[int, str]]) -> ConfigError:
    (line, first), *rest = placed
    return ConfigError(
        "\n".join([first, *(f"{file}:{at}: {message}" for at, message in rest)]), file=file, line=line
    )


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        msg = f"cannot be read: {error.strerror}"
        raise ConfigError(msg, file=shown(file)) from error
    if len(content) > MAX_BYTES:
        msg = f"is larger than {MAX_BYTES:,} bytes; a YAML file of this project cannot be"
        raise ConfigError(msg, file=shown(file))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        msg = "is not UTF-8 text; save the file as UTF-8"
        raise ConfigError(msg, file=shown(file), line=line) from error


def _refuse_excesses(text: str, file: Path) -> None:
    """Look at the parser's events before anything is built from them: they cost constant memory."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        msg = None
        if isinstance(event, yaml.AliasEvent):
            msg = f"aliases (*{event.anchor}) are not supported; write the value out"
        elif depth > MAX_DEPTH:
            msg = f"is nested more than {MAX_DEPTH} levels deep"
        if msg:
            raise ConfigError(msg, file=shown(file), line=event.start_mark.line + 1)


def _syntax_error(error: yaml.YAMLError, file: Path) -> ConfigError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
    return ConfigError(f"is not valid YAML: {what}", file=shown(file), line=mark.line + 1 if mark else 1)


def _document(root: yaml.Node, file: Path) -> Document:
    reader = _Reader()
    data = reader.value(root, ())
    if reader.problems:
        raise _listed(shown(file), sorted(reader.problems))
    return Document(shown(file), root.start_mark.line + 1, data, MappingProxyType(reader.lines))


class _Reader:
    """Builds plain data from nodes and remembers the line of every key."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[tuple[int, str]] = []
        self._scalars = yaml.SafeLoader("")

    def value(self, node: yaml.Node, path: KeyPath) -> Any:  # noqa: ANN401 - YAML holds anything
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            for index, item in enumerate(node.value):
                self.lines[*path, index] = item.start_mark.line + 1
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._scalar(key_node)
            if not isinstance(key, str) or key_node.tag != "tag:yaml.org,2002:str":
                self.problems.append(
                    (
                        line,
                        f"key {_literal(key_node)} is not text; put it in quotes, as YAML reads it otherwise",
                    )
                )
            elif key in data:
                first = self.lines[*path, key]
                self.problems.append((line, f"key {key!r} is given twice, on lines {first} and {line}"))
            else:
                self.lines[*path, key] = line
                data[key] = self.value(value_node, (*path, key))
        return data

    def _scalar(self, node: yaml.Node) -> Any:  # noqa: ANN401
        line = node.start_mark.line + 1
        value = None
        if not isinstance(node, yaml.ScalarNode) or not isinstance(node.tag, str):
            self.problems.append(
                (line, f"{node.tag!r} is not supported; write plain values, lists and mappings")
            )
            return None
        try:
            value = self._scalars.construct_object(node, deep=True)  # type: ignore[no-untyped-call]
        except (ValueError, ArithmeticError, yaml.YAMLError):
            self.problems.append(
                (line, f"{_literal(node)} is not a value YAML can hold; put it in quotes if it is text")
            )
        if not isinstance(value, str | int | float | bool | date | None):
            self.problems.append(
                (line, f"{node.tag!r} is not supported; write plain values, lists and mappings")
            )
        return value


def _literal(node: yaml.Node) -> str:
    return _value(node.value if isinstance(node, yaml.ScalarNode) else None)


def _value(value: object) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else str(value).lower()
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}…"


def _problems(details: ErrorDetails, model: type[BaseModel], data: object) -> Iterator[Problem]:
    """Put one of pydantic's complaints into words; a validator of ours may have found several things at once."""
    location = details["loc"]
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, KeyProblems):
        for path, message in cause.problems:
            yield _placed((*location, *path), message, data)
    elif details["type"] == "missing":
        yield _placed(location[:-1], f"key {str(location[-1])!r} is missing", data)
    elif details["type"] == "extra_forbidden":
        path, message = _placed(location[:-1], _unknown(str(location[-1]), _keys(model, location[:-1])), data)
        yield (*path, location[-1]), message
    else:
        yield _placed(location, _sentence(details), data)


def _placed(location: KeyPath, message: str, data: object) -> Problem:
    """Reduce a location to the keys that the document has, and put them before the message."""
    path: list[str | int] = []
    for part in location:
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and part in range(len(data))
        )
        if inside:
            data = data[part]  # type: ignore[index]
            path.append(part)
    keys = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return tuple(path), f"{keys}: {message}" if keys else message


def _unknown(key: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(key, allowed, n=1)
    cure = f"did you mean {close[0]!r}?" if close else f"allowed: {', '.join(allowed)}"
    return f"unknown key {key!r}; {cure}"


def _sentence(details: ErrorDetails) -> str:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error", details["msg"]))
    if kind in _NOT_OF_TYPE:
        quotes = (
            "; put it in quotes, as YAML reads it otherwise"
            if kind == "string_type" and _is_bare(value)
            else ""
        )
        return f"{_value(value)} is not {_NOT_OF_TYPE[kind]}{quotes}"
    if kind in {"literal_error", "enum"}:
        return f"{_value(value)} is not allowed; write {context['expected']}"
    if kind in {"greater_than_equal", "less_than_equal"}:
        limit = f"at least {context['ge']}" if kind == "greater_than_equal" else f"at most {context['le']}"
        return f"{_value(value)} is out of range; it has to be {limit}"
    return f"{_value(value)}: {details['msg']}"


def _is_bare(value: object) -> bool:
    return isinstance(value, int | float | date)


def _keys(model: type[BaseModel], location: KeyPath) -> list[str]:
    """Return the keys that the model at this location has, in order."""
    types: list[Any] = [model]
    for part in location:
        following: list[Any] = []
        for candidate in types:
            fields = candidate.model_fields if _is_model(candidate) else {}
            match = [field.annotation for name, field in fields.items() if part in {name, field.alias}]
            values = [get_args(candidate)[-1]] if get_origin(candidate) in {dict, list, tuple} else []
            following += [inner for annotation in [*match, *values] for inner in _flat(annotation)]
        types = following or types  # a union's tag leads nowhere
    return [
        field.alias or name
        for candidate in types
        if _is_model(candidate)
        for name, field in candidate.model_fields.items()
    ]


def _flat(annotation: Any) -> list[Any]:  # noqa: ANN401 - any annotation
    if get_origin(annotation) in {Union, UnionType}:
        return [inner for member in get_args(annotation) for inner in _flat(member)]
    if get_origin(annotation) is Annotated:
        return _flat(get_args(annotation)[0])
    return [] if get_origin(annotation) is Literal else [annotation]


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
