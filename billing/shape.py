"""Shapes of wishes: compiled once, and they report every problem, not only the first."""

from collections.abc import Mapping, Set
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from billing.errors import Problems

_LIBRARY_ERRORS = frozenset(get_args(ErrorType))


class Shape(BaseModel):
    """What a caller may send; unknown keys are ignored, and no field has a default that counts.

    Every field is annotated with a reader of `billing.values`.
    """

    model_config = ConfigDict(extra="ignore")

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Return the wish in `data`.

        :raises Invalid: with all problems, under the flat keys of the wire.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            problems = find_problems(error)
            problems.raise_if_any()
            raise

    def sent(self, names: Set[str] | None = None) -> dict[str, Any]:
        """Return only what the caller sent, of these names if some are given."""
        sent = self.model_fields_set if names is None else self.model_fields_set & names
        values = self.__dict__
        return {name: values[name] for name in sent}


def error_details(error: ValidationError) -> list[ErrorDetails]:
    """Return the errors with their places and nothing of the input."""
    return error.errors(include_url=False, include_context=False, include_input=False)


def wire_key(place: tuple[int | str, ...]) -> str:
    """Return the flat key of a place: its last name; addresses of goods get their prefix."""
    names = [step for step in place if isinstance(step, str)]
    if names[0] == "shipping_address" and len(names) > 1:
        return f"shipping_{names[-1]}"
    return names[-1]


def wire_code(error_type: str) -> str:
    """Return the code of the wire for an error of ours or of the library."""
    if error_type == "missing":
        return "value_is_mandatory"
    return "value_is_invalid" if error_type in _LIBRARY_ERRORS else error_type


def find_problems(error: ValidationError) -> Problems:
    """Return a failed validation as problems of the wire."""
    problems = Problems()
    for detail in error_details(error):
        problems.add(wire_key(detail["loc"]), wire_code(detail["type"]))
    return problems
