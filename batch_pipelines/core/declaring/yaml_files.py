"""YAML files with positions: read safely, checked against a model, refused with file, line and key.

`read_documents` refuses what no configuration needs (aliases, tags, depth, size, a key given twice);
`validate` lists all that a model finds, a line each. What must not live here: the words (key_problems.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from batch_pipelines.core.declaring.key_problems import KeyPath, Problem, as_text, problems_of
from batch_pipelines.core.errors import ConfigError

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
M = TypeVar("M", bound=BaseModel)

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
    return list(_documents(_text(file), file, shown(file)))


@lru_cache(maxsize=256)  # a load of definitions reads every file some eight times; nobody changes what was read
def _documents(text: str, file: Path, _shown_as: str) -> tuple[Document, ...]:
    try:
        _refuse_excesses(text, file)
        nodes = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise _syntax_error(error, file) from error
    documents = [_document(node, file) for node in nodes]
    return tuple(document for document in documents if document.data is not None)


def validate(model: type[M], document: Document, *, at: KeyPath = (), given: Mapping[str, Any] | None = None) -> M:
    """Check a document, or the part of it that `at` leads to, against a model.

    Args:
        model: What the keys may be.
        document: What was read.
        at: Where the model's keys are, e.g. `("attributes",)`.
        given: Values for keys that the document leaves out, e.g. a name from the folder.

    Raises:
        ConfigError: It does not fit. The message has a line per problem, each with file and line;
            `.line` is the first's.
    """
    data = document.data
    for key in at:
        if not isinstance(data, dict) or key not in data:
            raise refusal(document, [((), f"key {key!r} is missing")])
        data = data[key]
    if data is None and given:
        data = {}
    if isinstance(data, dict):
        data = {**(given or {}), **data}
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = [
            problem for details in error.errors(include_url=False) for problem in problems_of(details, model, data)
        ]
    raise refusal(document, [((*at, *path), message) for path, message in found])


def refusal(document: Document, problems: Iterable[Problem]) -> ConfigError:
    """Return the error that lists problems of one document by line, each once; paths are the document's."""
    placed = dict.fromkeys(
        sorted(((document.line_of(path), message) for path, message in problems), key=lambda pair: pair[0])
    )
    return _listed(document.file, list(placed))


def joined(errors: Sequence[ConfigError]) -> ConfigError:
    """Return one error that lists several, a line each; file and line are the first's."""
    first, *rest = errors
    return ConfigError("\n".join([first.message, *map(str, rest)]), file=first.file, line=first.line)


def _listed(file: str, placed: list[tuple[int, str]]) -> ConfigError:
    (line, first), *rest = placed
    return ConfigError("\n".join([first, *(f"{file}:{at}: {message}" for at, message in rest)]), file=file, line=line)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=shown(file)) from error
    if len(content) > MAX_BYTES:
        raise ConfigError(
            f"is larger than {MAX_BYTES:,} bytes; a YAML file of this project cannot be", file=shown(file)
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not UTF-8 text; save the file as UTF-8", file=shown(file), line=line) from error


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
            raise ConfigError(msg, file=shown(file), line=_line(event.start_mark))


def _syntax_error(error: yaml.YAMLError, file: Path) -> ConfigError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
    return ConfigError(f"is not valid YAML: {what}", file=shown(file), line=_line(mark))


def _line(mark: Any) -> int:
    return int(mark.line) + 1 if mark else 1


def _document(root: yaml.Node, file: Path) -> Document:
    reader = _Reader()
    data = reader.value(root, ())
    if reader.problems:
        raise _listed(shown(file), sorted(reader.problems))
    return Document(shown(file), _line(root.start_mark), data, MappingProxyType(reader.lines))


class _Reader:
    """Builds plain data from nodes and remembers the line of every key."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[tuple[int, str]] = []
        self._scalars = yaml.SafeLoader("")

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            for index, item in enumerate(node.value):
                self.lines[*path, index] = _line(item.start_mark)
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = _line(key_node.start_mark)
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

    def _scalar(self, node: yaml.Node) -> Any:
        line = _line(node.start_mark)
        value = None
        if not isinstance(node, yaml.ScalarNode) or not isinstance(node.tag, str):
            self.problems.append((line, f"{node.tag!r} is not supported; write plain values, lists and mappings"))
            return None
        try:
            value = self._scalars.construct_object(node, deep=True)
        except (ValueError, ArithmeticError, yaml.YAMLError):
            self.problems.append(
                (line, f"{_literal(node)} is not a value YAML can hold; put it in quotes if it is text")
            )
        if not isinstance(value, str | int | float | bool | date | None):
            self.problems.append((line, f"{node.tag!r} is not supported; write plain values, lists and mappings"))
        return value


def _literal(node: yaml.Node) -> str:
    return as_text(node.value if isinstance(node, yaml.ScalarNode) else None)
