"""The templates in a report's YAML: which there are, and which queries they name."""

from collections.abc import Iterator

from batch_pipelines.core.declaring.key_problems import KeyPath
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.templating import environment, missing_variables
from batch_pipelines.reporting.declaration.model import ReportDeclaration

GIVEN = ("start", "end", "last", "partition", "filters", "name", "key")


def templates_of(declaration: ReportDeclaration) -> Iterator[tuple[KeyPath, str]]:
    """Every template of the document, with the keys that lead to it."""
    yield ("title",), declaration.title
    if declaration.subtitle is not None:
        yield ("subtitle",), declaration.subtitle
    for at, block in enumerate(declaration.content):
        if block.heading is not None:
            yield ("content", at, "heading"), block.heading
        if block.text is not None:
            yield ("content", at, "text"), block.text


def queries_in_templates(declaration: ReportDeclaration) -> set[str]:
    """Queries that templates name; a template that is none is somebody else's to complain of."""
    made, used = environment(Formats()), set[str]()
    for _, text in templates_of(declaration):
        try:
            used |= set(missing_variables(made, text, GIVEN))
        except ConfigError:
            continue
    return used & set(declaration.queries)
