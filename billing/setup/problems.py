"""What is wrong with a set-up file, and where."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in the file: the path to it and its line, counted from 1."""

    path: str
    line: int

    def key(self, name: str, line: int) -> "Place":
        """Return the place of a value in a mapping."""
        return Place(f"{self.path}.{name}" if self.path else name, line)

    def item(self, index: int, line: int) -> "Place":
        """Return the place of a value in a list."""
        return Place(f"{self.path}[{index}]", line)


@dataclass
class SetupProblems:
    """Every problem of a file, each once, in the order of its lines."""

    found: dict[tuple[Place, str], None] = field(default_factory=dict)

    def add(self, place: Place, sentence: str) -> None:
        """Note a problem."""
        self.found[place, sentence] = None

    def __bool__(self) -> bool:
        return bool(self.found)

    def lines(self) -> list[str]:
        """Return the problems as people read them."""
        found = sorted(self.found, key=lambda problem: problem[0].line)
        return [
            f"{place.path}, line {place.line}: {sentence}"
            if place.path
            else f"line {place.line}: {sentence}"
            for place, sentence in found
        ]


class SetupRefused(Exception):
    """The file can't be applied; nothing was changed."""

    def __init__(self, problems: SetupProblems) -> None:
        super().__init__("\n".join(problems.lines()))
        self.problems = problems


def guess(word: str, known: Iterable[str]) -> str:
    """Return a question about what was meant, empty if nothing known is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""
