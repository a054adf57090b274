"""One damaged file and what is to come of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

COLUMNS = """
columns:
  id: {type: int, required: true}
  name: string
  ratio: float
  day: date
  at: timestamp
  price: decimal(10,2)
  ok: bool
"""


@dataclass(frozen=True)
class Letter:
    """A dead letter: its line, and its content byte for byte."""

    line: int
    raw: bytes


@dataclass(frozen=True)
class Damage:
    """A file and its fate.

    Attributes:
        content: The file, or what makes it: large ones are made when they are needed.
        dead: Dead letters by `rule: column`, where rows are read.
        fails: What the failure says, where none are.
        good: Rows that are written all the same.
        options: Further YAML.
        letters: The dead letters, where they are told exactly.
        later: What the file has become once it is planned.
    """

    content: bytes | Callable[[], bytes]
    dead: Mapping[str, int] = field(default_factory=dict)
    fails: str | None = None
    good: int = 0
    options: str = ""
    letters: Sequence[Letter] = ()
    later: bytes | None = None

    @property
    def file(self) -> bytes:
        """The file."""
        return self.content if isinstance(self.content, bytes) else self.content()
