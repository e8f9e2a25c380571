"""What rules raise. The doors turn these into a status, a sentence or a cell of a report."""

from collections.abc import Mapping
from dataclasses import dataclass, field


class Refusal(Exception):
    """A rule forbids what was asked for; nothing was written."""


class Invalid(Refusal):
    """The caller can mend a field.

    :param problems: field name to codes, `{"currency": ["value_is_invalid"]}`.
    """

    def __init__(self, problems: Mapping[str, list[str]]) -> None:
        super().__init__(dict(problems))
        self.problems: dict[str, list[str]] = dict(problems)


class NotFound(Refusal):
    """A code or an id is unknown in this organization.

    :param resource: the wire name of what was looked for, such as `tax`.
    """

    def __init__(self, resource: str) -> None:
        super().__init__(resource)
        self.resource = resource


class NotAllowed(Refusal):
    """A business rule forbids the action as things stand; `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Stale(Refusal):
    """Somebody else was faster, or the object is not in the state the caller asked for.

    :param current: the version tag of the object as it is now; None when there is none.
    """

    def __init__(self, current: str | None = None) -> None:
        super().__init__(current)
        self.current = current


class ThirdPartyRefused(Refusal):
    """A provider or an integration turned down what we asked of it.

    :param third_party: its name on the wire, such as `Stripe`.
    :param words: its reason, in its own words.
    """

    def __init__(self, third_party: str, words: str) -> None:
        super().__init__(third_party, words)
        self.third_party = third_party
        self.words = words


class Unreachable(Refusal):
    """A provider or an integration did not answer; the same request may succeed later."""


@dataclass
class Problems:
    """The field problems of one request, in the order found; a code stands once per field."""

    by_field: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, code: str) -> None:
        codes = self.by_field.setdefault(name, [])
        if code not in codes:
            codes.append(code)

    def copy(self) -> "Problems":
        """Return the same problems, to add others to."""
        return Problems({name: list(codes) for name, codes in self.by_field.items()})

    def __bool__(self) -> bool:
        return bool(self.by_field)

    def raise_if_any(self) -> None:
        """:raises Invalid: if a problem was added."""
        if self.by_field:
            raise Invalid(self.by_field)
