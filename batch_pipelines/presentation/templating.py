"""Jinja templates that can show values and do nothing else: sandboxed, and a missing variable is an error.

    {{ start | date('full') }}   {{ share | percent }}   {{ 12.5 | currency('EUR') }}   {{ 90 | duration('min') }}

What must not live here: where templates come from, and which variables they are given.
"""

from collections.abc import Collection, Mapping
from typing import Any

from jinja2 import (
    BaseLoader,
    Environment,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    UndefinedError,
    meta,
)
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation.formats import Format, Formats, read_format

LONGEST = 1_000_000
_GLOBALS = ("dict", "range")


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, whose products and powers cannot fill the memory."""

    intercepted_binops = frozenset(["*", "**"])

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look a key up before a method: `order.items` is the column, and most lookups are of keys."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            raise SecurityError("powers are not for templates; compute them in SQL")
        for one, other in ((left, right), (right, left)):
            if isinstance(one, str | list | tuple) and isinstance(other, int) and len(one) * other > LONGEST:
                raise SecurityError(f"a text or list of more than {LONGEST:,} is not for templates")
        return super().call_binop(context, operator, left, right)


def environment(
    formats: Formats, *, html: bool = False, loader: BaseLoader | None = None
) -> ImmutableSandboxedEnvironment:
    """The one environment of all templates that users write.

    Args:
        formats: Locale and time zone of the filters `number`, `percent`, `currency`, `date`, `time`, `datetime`,
            `duration`, `show` (any format as in YAML: `{{ x | show('number:2') }}`).
        html: Whether values are escaped for HTML (and MJML).
        loader: Where `include` and `extends` find templates; nowhere by default.
    """
    made = _Sandbox(
        autoescape=html, undefined=StrictUndefined, loader=loader, keep_trailing_newline=True, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.globals = {name: made.globals[name] for name in _GLOBALS}
    made.filters.update(
        number=formats.number, percent=formats.percent, currency=formats.currency, date=formats.date,
        time=formats.time, datetime=formats.datetime, duration=formats.duration,
        show=lambda value, form=None: formats.show(value, _read(form)),
    )  # fmt: skip
    return made


def compile_template(made: ImmutableSandboxedEnvironment, text: str) -> Template:
    """Compile a template.

    Raises:
        ConfigError: It is none; the line within it is told.
    """
    try:
        template = made.from_string(text)
    except TemplateSyntaxError as error:
        raise ConfigError(f"template, line {error.lineno}: {error.message}") from error
    template.globals = dict(template.globals)  # asked for each rendering: a chain of maps takes ten times as long
    return template


class Filler:
    """Fills several templates of one environment in with the same variables, which are put together once.

    `Template.render` would copy all variables for each template.
    """

    def __init__(self, made: Environment, variables: Mapping[str, Any]) -> None:
        self._known: dict[str, Any] = {**made.globals, **variables}

    def add(self, **variables: Any) -> None:
        """Make more variables known to the templates that follow."""
        self._known.update(variables)

    def fill(self, template: Template) -> str:
        """Return a template filled in; raises what a template may raise."""
        return "".join(template.root_render_func(template.new_context(self._known, shared=True)))


def render(made: ImmutableSandboxedEnvironment, text: str, variables: Mapping[str, Any]) -> str:
    """Fill a template in.

    Raises:
        ConfigError: It is no template, a variable or filter is missing, or it reaches for what is not its.
    """
    template = compile_template(made, text)
    try:
        return template.render(variables)
    except (UndefinedError, SecurityError) as error:
        raise ConfigError(f"template: {error.message}") from error
    except TemplateError as error:
        raise ConfigError(f"template: {error.message or type(error).__name__}") from error
    except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError, RecursionError) as error:
        raise ConfigError(f"template: {error}") from error


def missing_variables(made: ImmutableSandboxedEnvironment, text: str, known: Collection[str]) -> list[str]:
    """Names that a template uses and nobody gives it, sorted.

    Raises:
        ConfigError: It is no template.
    """
    try:
        used = meta.find_undeclared_variables(made.parse(text))
    except TemplateSyntaxError as error:
        raise ConfigError(f"template, line {error.lineno}: {error.message}") from error
    return sorted(used - set(known) - set(made.globals))


def _read(form: str | None) -> Format | None:
    return None if form is None else read_format(form)
