"""Owners of a pipeline, as Dagster takes them: e-mail addresses, or `team:name`."""

import re

from batch_pipelines.core.declaring.key_problems import KeyProblems, Problem

_OWNER = re.compile(r"team:\S+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")


def check_owners(owners: list[str]) -> list[str]:
    """Return the owners.

    Raises:
        KeyProblems: Some are neither an address nor a team.
    """
    problems: list[Problem] = [
        ((index,), f"{owner!r} is neither an e-mail address nor team:name")
        for index, owner in enumerate(owners)
        if not _OWNER.fullmatch(owner)
    ]
    if problems:
        raise KeyProblems(problems)
    return owners
