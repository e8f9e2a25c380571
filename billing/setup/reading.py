"""What can be told of a set-up file by itself: its lists, keys and repetitions."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from billing.setup.document import Node
from billing.setup.kinds import (
    API_KEYS,
    BILLING_ENTITIES,
    CONNECTION_SHAPES,
    ORGANIZATIONS,
    PARTS,
    Kind,
)
from billing.setup.problems import Place, SetupProblems, guess


@dataclass
class Planned:
    """An organization of the file, with its parts by their list."""

    node: Node
    parts: dict[str, list[Node]] = field(default_factory=dict)


class Plan:
    """The organizations of a file whose form is right; what is wrong was noted."""

    def __init__(self, root: Node, problems: SetupProblems) -> None:
        self.problems = problems
        self._given_keys: dict[object, Place] = {}
        self.organizations = list(self._organizations(root))

    def _organizations(self, root: Node) -> Iterator[Planned]:
        if not isinstance(root.value, dict):
            self.problems.add(root.place, "The file must hold the key organizations.")
            return
        self._check_keys(root, frozenset({ORGANIZATIONS.plural}))
        if not root.value:
            self.problems.add(root.place, "The key organizations is missing.")
        for node in self._list(root, ORGANIZATIONS):
            planned = Planned(node)
            for part in PARTS:
                planned.parts[part.plural] = list(self._list(node, part))
            self._check_flags(planned)
            yield planned

    def _list(self, parent: Node, kind: Kind) -> Iterator[Node]:
        """Yield the objects of a list that can be told apart."""
        found = parent.value.get(kind.plural)
        if found is None or found.value is None:
            return
        if not isinstance(found.value, list):
            self.problems.add(found.place, f"A list of {kind.plural} is needed here.")
            return
        seen: dict[object, Place] = self._given_keys if kind is API_KEYS else {}
        for node in found.value:
            if not isinstance(node.value, dict):
                self.problems.add(node.place, "Keys and values are needed here.")
                continue
            self._check_keys(node, self._known_keys(kind, node))
            if self._is_first(node, kind, seen):
                yield node

    def _is_first(self, node: Node, kind: Kind, seen: dict[object, Place]) -> bool:
        """Return whether the object names itself, as none before it did."""
        identity = node.value.get(kind.identity)
        if identity is None or not isinstance(identity.value, str) or not identity.value.strip():
            # A variable that is missing was noted as such.
            if identity is None or not identity.hidden or identity.value is not None:
                place = node.place if identity is None else identity.place
                self.problems.add(place, f"A {kind.identity} is needed.")
            return False
        name = str(identity.value)
        if name in seen:
            what = "This" if kind is API_KEYS else f"“{name}”"
            self.problems.add(identity.place, f"{what} stands in line {seen[name].line} already.")
            return False
        seen[name] = identity.place
        return True

    def _known_keys(self, kind: Kind, node: Node) -> frozenset[str]:
        """Return the keys an object takes; those of a connection depend on its type."""
        shapes = CONNECTION_SHAPES.get(kind.plural)
        if shapes is None:
            return kind.keys
        shape = shapes.get(str(node.get("type")))
        if shape is not None:
            return kind.keys | shape.model_fields.keys()
        place = node.value["type"].place if "type" in node.value else node.place
        self.problems.add(place, f"A type is needed: one of {', '.join(shapes)}.")
        return kind.keys.union(*(shape.model_fields for shape in shapes.values()))

    def _check_keys(self, node: Node, known: frozenset[str]) -> None:
        for key, value in node.value.items():
            if key not in known:
                self.problems.add(value.place, f"There is no key {key} here.{guess(key, known)}")

    def _check_flags(self, planned: Planned) -> None:
        """Note billing entities whose `default` and `archived` can't be kept together."""
        defaults: list[Node] = []
        for node in planned.parts[BILLING_ENTITIES.plural]:
            for name in ("default", "archived"):
                if node.get(name) not in (None, True, False):
                    self.problems.add(node.value[name].place, "Use true or false.")
            if node.get("default") is True:
                defaults.append(node)
                if node.get("archived") is True:
                    self.problems.add(
                        node.value["archived"].place, "The default can't be archived."
                    )
        for node in defaults[1:]:
            line = defaults[0].place.line
            self.problems.add(
                node.value["default"].place, f"Only one is the default; line {line} is already."
            )
