"""Wishes to make or change one object of the ground floor, and the rules they all share."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import PlainValidator, PrivateAttr, ValidationError

from billing import values
from billing.errors import Problems
from billing.shape import Shape, error_details, find_problems
from billing.values import Reader

Text = Annotated[str | None, PlainValidator(values.text())]
BlankIsNull = Annotated[str | None, PlainValidator(values.text(blank_is_null=True))]
AddressLine = Annotated[
    str | None, PlainValidator(values.text(values.ADDRESS_LINE_LENGTH, blank_is_null=True))
]
Name = Annotated[str | None, PlainValidator(values.required_text())]
Code = Annotated[str | None, PlainValidator(values.code)]
Codes = Annotated[list[str] | None, PlainValidator(values.code_list)]
Country = Annotated[str | None, PlainValidator(values.country)]
Currency = Annotated[str | None, PlainValidator(values.one_of(values.CURRENCIES))]
Email = Annotated[str | None, PlainValidator(values.email)]
Timezone = Annotated[
    str | None, PlainValidator(values.one_of(values.TIMEZONES, "invalid_timezone"))
]
Days = Annotated[int | None, PlainValidator(values.integer)]
Boolean = Annotated[bool | None, PlainValidator(values.boolean)]


def choice(choices: Any, failure: str = "value_is_invalid") -> PlainValidator:
    """Return the reader of one of the choices as the annotation of a field."""
    return PlainValidator(values.one_of(tuple(choices), failure))


def long_text(max_length: int) -> PlainValidator:
    """Return the reader of text of at most this length as the annotation of a field."""
    return PlainValidator(values.text(max_length))


class Wish(Shape):
    """A shape that keeps its problems, so that a rule reports them together with its own."""

    # Fields that null empties; in every other field null leaves the value as it is.
    clearable: ClassVar[frozenset[str]] = frozenset()

    _problems: Problems = PrivateAttr(default_factory=Problems)

    @classmethod
    def examine(cls, data: Mapping[str, Any]) -> Self:
        """Return what can be read of the wish; what can't is left out and noted as a problem."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            broken = {detail["loc"][0] for detail in error_details(error)}
            wish = cls.model_validate({key: data[key] for key in data if key not in broken})
            wish._problems = find_problems(error)
            return wish

    def problems(self, *required: str) -> Problems:
        """Return the problems found so far, and those of required fields that were not sent."""
        for name in required:
            if name not in self.model_fields_set and name not in self._problems.by_field:
                self._problems.add(name, "value_is_mandatory")
        return self._problems

    def values(self) -> dict[str, Any]:
        """Return what is to be stored; parts of a nested shape stand beside the other fields."""
        found: dict[str, Any] = {}
        for name, value in self.sent().items():
            if isinstance(value, Wish):
                found |= value.values()
            elif value is not None or name in self.clearable:
                found[name] = value
        return found


def with_null(reader: Reader) -> Reader:
    """Return the reader for a field in which null is always allowed."""
    return lambda value: None if value is None else reader(value)
