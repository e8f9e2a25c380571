"""What became of the objects of a set-up file."""

from dataclasses import dataclass, field

CREATED, CHANGED, UNCHANGED = "created", "changed", "unchanged"
_ORDER = (CREATED, CHANGED, UNCHANGED)


@dataclass
class Report:
    """What was created, changed and left alone, by organization, list and name."""

    outcomes: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def add(self, organization: str, plural: str, name: str, outcome: str) -> None:
        """Note an outcome; of several for one object the one that says most counts."""
        key = (organization, plural, name)
        present = self.outcomes.get(key, UNCHANGED)
        self.outcomes[key] = min(present, outcome, key=_ORDER.index)

    def changed_anything(self) -> bool:
        """Return whether anything is not as it was."""
        return any(outcome != UNCHANGED for outcome in self.outcomes.values())

    def lines(self) -> list[str]:
        """Return the report as people read it."""
        lines: list[str] = []
        for organization in dict.fromkeys(key[0] for key in self.outcomes):
            lines.append(organization)
            plurals = dict.fromkeys(key[1] for key in self.outcomes if key[0] == organization)
            lines += [self._line(organization, plural) for plural in plurals]
        done = "Applied." if self.changed_anything() else "Nothing to change."
        return [*lines, done]

    def _line(self, organization: str, plural: str) -> str:
        parts = []
        for outcome in _ORDER:
            names = [
                key[2]
                for key, found in self.outcomes.items()
                if key[:2] == (organization, plural) and found == outcome
            ]
            if names:
                parts.append(f"{outcome} {', '.join(names)}")
        return f"  {plural.replace('_', ' ')}: {'; '.join(parts)}"
