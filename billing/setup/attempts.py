"""Trying what a set-up file asks for, one object at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType

from billing.errors import Invalid, NotFound
from billing.setup.document import Node
from billing.setup.kinds import SECRET_KEYS, Kind
from billing.setup.problems import Place, SetupProblems
from billing.setup.report import CHANGED, CREATED, UNCHANGED, Report
from billing.staff.sentences import sentence

# An object of the file by the name that the rules know it by.
_KEY_IN_FILE = {"slug": "code"}
_LONGEST_SHOWN = 80


@dataclass
class Attempts:
    """Notes what became of each object of one organization; a refusal stops nothing else."""

    organization: str
    problems: SetupProblems
    report: Report

    def create(self, kind: Kind, node: Node, act: Callable[[], object]) -> bool:
        """Try to make an object; return whether it was made."""
        return self._try(kind, node, lambda: (act(), CREATED)[1])

    def change(self, kind: Kind, node: Node, act: Callable[[], bool]) -> bool:
        """Try to change an object; return whether it was possible."""
        return self._try(kind, node, lambda: CHANGED if act() else UNCHANGED)

    def apply(self, kind: Kind, node: Node, act: Callable[[], bool | None]) -> bool:
        """Try to make or change an object; `act` returns None for one that is new."""
        outcomes = {None: CREATED, True: CHANGED, False: UNCHANGED}
        return self._try(kind, node, lambda: outcomes[act()])

    def _try(self, kind: Kind, node: Node, act: Callable[[], str]) -> bool:
        try:
            outcome = act()
        except Invalid as refusal:
            self.refuse(node, refusal.problems)
        except NotFound as refusal:
            # What it names may be missing only because it was refused itself.
            if not self.problems:
                what = refusal.resource.replace("_", " ")
                self.problems.add(node.place, f"This {what} is unknown or archived.")
        else:
            self.report.add(self.organization, kind.plural, _name(kind, node), outcome)
            return True
        return False

    def refuse(self, node: Node, refused: dict[str, list[str]]) -> None:
        """Note the refusal of an object, field by field."""
        for name, codes in refused.items():
            key = _KEY_IN_FILE.get(name, name)
            value = node.value.get(key)
            if value is not None and value.hidden and value.value is None:
                continue  # the missing variable was noted
            place = value.place if value else _place_of_missing(node, key)
            shown = "(hidden)" if value and (value.hidden or key in SECRET_KEYS) else _shown(value)
            for code in codes:
                self.problems.add(place, sentence(name, code, shown))


def _place_of_missing(node: Node, key: str) -> Place:
    return node.place if key == "base" else node.place.key(key, node.place.line)


def _name(kind: Kind, node: Node) -> str:
    """Return what the report calls an object; keys by their last characters alone."""
    found = str(node.get(kind.identity))
    if kind.identity not in SECRET_KEYS:
        return found
    return f"{node.get('name') or kind.identity} (...{found[-4:]})"


def _shown(node: Node | None) -> str:
    if node is None or isinstance(node.value, dict | list | NoneType):
        return ""
    if isinstance(node.value, bool):
        return str(node.value).lower()
    text = str(node.value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
