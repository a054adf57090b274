"""Types of keys that several declarations have, each read and checked in one way.

What must not live here: keys of one kind of pipeline (each domain's declaration).
"""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from batch_pipelines.core.declaring.cron import check_cron
from batch_pipelines.core.declaring.names import check_beside, check_name
from batch_pipelines.core.declaring.owners import check_owners
from batch_pipelines.core.declaring.quantities import seconds
from batch_pipelines.core.declaring.windows import check_zone


def one_or_more(value: object) -> object:
    """Take one text for a list of it."""
    return [value] if isinstance(value, str) else value


OneOrMore = Annotated[list[str], BeforeValidator(one_or_more)]
"""Texts; in YAML one alone will do."""

Name = Annotated[str, AfterValidator(check_name)]
Owners = Annotated[OneOrMore, AfterValidator(check_owners)]
FileBeside = Annotated[str, AfterValidator(check_beside)]
"""The name of a file beside the YAML."""

Cron = Annotated[str, AfterValidator(check_cron)]
TimeZone = Annotated[str, AfterValidator(check_zone)]
Seconds = Annotated[float, BeforeValidator(seconds)]
"""A duration; in YAML with its unit: `90s`, `5m`."""
