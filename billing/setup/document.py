"""Reading a set-up file: YAML as people expect it, every value with its place.

Numbers keep their writing, so that a rate is exact. Only `true` and `false` are truth values and
nothing is a date: `NO` is a country and `0042` a postcode.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from billing.setup.problems import Place, SetupProblems, SetupRefused
from billing.values import JsonNumber

DEEPEST = 20
MOST_VALUES = 100_000

_ENVIRONMENT = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)\Z")
_NULL, _BOOL, _NUMBER = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool", "tag:tarn,number"
_STRING, _LIST, _MAP = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}


_Loader.add_implicit_resolver(_NULL, re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(
    _BOOL, re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")
)
_Loader.add_implicit_resolver(
    _NUMBER,
    re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z"),
    list("-0123456789"),
)


@dataclass(frozen=True)
class Node:
    """A value and its place; what came from the environment is never shown."""

    value: Any
    place: Place
    hidden: bool = False

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def get(self, key: str) -> Any:
        """Return the plain value under a key, None if there is none."""
        node = self.value.get(key)
        return node.plain() if node is not None else None


def read_document(text: str, problems: SetupProblems) -> Node:
    """Return the tree of a file, and note what can't be used in it.

    :raises SetupRefused: if the text is no YAML.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "there is a character that can't be used"
        place = Place("", mark.line + 1 if mark else 1)
        problems.add(place, f"This is not YAML: {reason}.")
        raise SetupRefused(problems) from None
    except RecursionError:
        problems.add(Place("", 1), f"This is nested deeper than {DEEPEST} levels.")
        raise SetupRefused(problems) from None
    if root is None:
        problems.add(Place("", 1), "The file is empty.")
        raise SetupRefused(problems)
    return _Reader(problems).read(root, Place("", _line(root)), DEEPEST)


class _Reader:
    """Turns the library's nodes into ours."""

    def __init__(self, problems: SetupProblems) -> None:
        self.problems = problems
        self.left = MOST_VALUES

    def read(self, node: yaml.Node, place: Place, depth: int) -> Node:
        """Return a node and all below it."""
        self.left -= 1
        if depth == 0 or self.left < 0:
            words = f"nested deeper than {DEEPEST} levels" if depth == 0 else "too large"
            self.problems.add(place, f"This is {words}.")
            raise SetupRefused(self.problems)
        if node.tag not in (_NULL, _BOOL, _NUMBER, _STRING, _LIST, _MAP):
            self.problems.add(place, f"{node.tag} is no kind of value that can be used here.")
            return Node(None, place)
        if isinstance(node, yaml.MappingNode):
            return Node(dict(self._items(node, place, depth)), place)
        if isinstance(node, yaml.SequenceNode):
            return Node(
                [
                    self.read(item, place.item(index, _line(item)), depth - 1)
                    for index, item in enumerate(node.value)
                ],
                place,
            )
        return self._scalar(node, place)

    def _items(
        self, node: yaml.MappingNode, place: Place, depth: int
    ) -> Iterator[tuple[str, Node]]:
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = _line(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.add(Place(place.path, line), "A key must be a word.")
                continue
            key = str(key_node.value)
            if key in lines:
                self.problems.add(
                    place.key(key, line), f"This key stands in line {lines[key]} already."
                )
                continue
            lines[key] = line
            yield key, self.read(value_node, place.key(key, line), depth - 1)

    def _scalar(self, node: yaml.Node, place: Place) -> Node:
        text = str(node.value)
        if node.tag == _NULL:
            return Node(None, place)
        if node.tag == _BOOL:
            return Node(text.lower() == "true", place)
        if node.tag == _NUMBER:
            return Node(JsonNumber(text), place)
        named = _ENVIRONMENT.match(text)
        if named is None:
            return Node(text, place)
        if named[1] not in os.environ:
            self.problems.add(place, f"The environment has no variable {named[1]}.")
            return Node(None, place, hidden=True)
        return Node(os.environ[named[1]], place, hidden=True)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
