"""Run config of our jobs: flat, of the job and not of its ops, and refused in one line.

What must not live here: what any job may be asked (process_data_config.py, replay_config.py).
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import dagster as dg
from pydantic import Field, ValidationError, create_model

from batch_pipelines.core.declaring.key_problems import problems_of

CONSOLE = {"console": {"config": {"log_level": "INFO"}}}  # what happens to the data, not to Dagster's steps

C = TypeVar("C", bound=dg.Config)
Contradiction = Callable[[Mapping[str, Any]], str | None]


def with_choice(base: type[C], name: str, key: str, choices: Sequence[str], favourite: str, about: str) -> type[C]:
    """Return the model of a run config with one more key, which the Launchpad offers a choice for.

    Args:
        base: The model of the other keys.
        name: Of the model that is returned.
        key: The key.
        choices: Its allowed values.
        favourite: The default, if it is one of them; else the first is.
        about: What is chosen, for the description.
    """
    kinds = StrEnum(key.capitalize(), {choice: choice for choice in choices})  # type: ignore[misc]  # they are data
    default = kinds(favourite if favourite in choices else choices[0])
    field = Field(default=default, description=f"{about}: {', '.join(choices)}.")
    return create_model(name, __base__=base, **{key: (kinds, field)})  # type: ignore[call-overload,no-any-return]


def flat_config(
    model: type[dg.Config],
    to_steps: Callable[[Any], dict[str, Any]],
    contradiction: Contradiction = lambda _given: None,
) -> dg.ConfigMapping:
    """Return the config mapping of a job.

    Args:
        model: What the job may be asked.
        to_steps: Makes of that what Dagster wants: config of ops, executor and loggers. Its parameter is `asked`.
        contradiction: Says in one line which keys, as they were given, cannot stand together; None if they can. It
            sees what was written, without defaults.
    """
    to_steps.__annotations__["asked"] = model
    plain = dg.config_mapping(to_steps)
    mapping = _FlatConfig(plain.config_fn, plain.config_schema)
    mapping.model, mapping.contradiction = model, staticmethod(contradiction)
    return mapping


class _FlatConfig(dg.ConfigMapping):
    """A config mapping whose refusals are one line, in words: which key, what is allowed, what is nearest."""

    model: type[dg.Config]
    contradiction: Contradiction

    def resolve_from_unvalidated_config(self, config: Any) -> Any:
        try:
            resolved = super().resolve_from_unvalidated_config(config)
        except dg.DagsterInvalidConfigError:
            said = refusal_of(self.model, config)
            if said is None:
                raise
            raise _refused(said, config) from None
        if (said := self.contradiction(config or {})) is not None:
            raise _refused(said, config)
        return resolved


def _refused(said: str, config: object) -> dg.DagsterInvalidConfigError:
    return dg.DagsterInvalidConfigError(f"run config: {said}", [], config)  # type: ignore[no-untyped-call]


def refusal_of(model: type[dg.Config], config: object) -> str | None:
    """Return what is wrong with a run config, in one line; None if nothing is."""
    try:
        model.model_validate(config or {})
    except ValidationError as error:
        problems = [
            message for details in error.errors(include_url=False) for _, message in problems_of(details, model, config)
        ]
        return "; ".join(dict.fromkeys(problems))
    return None
