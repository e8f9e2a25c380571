"""What is wrong with a file as a whole, or with one of its rows."""

from collections.abc import Iterable
from typing import Any, NamedTuple

# Another row of the file names the same customer.
DOUBLED = "doubled"


class FileRefused(Exception):
    """Nothing of the file was taken in; the message is a sentence for people."""


class Flaw(NamedTuple):
    """What is wrong with a row: the column, a code of the catalogue, and the value there.

    `column` is the name in the file's header, or empty where it is the row as a whole.
    """

    column: str
    code: str
    value: str | None = None

    @classmethod
    def load(cls, stored: Iterable[Iterable[Any]] | None) -> "list[Flaw]":
        """Return the flaws as they were stored with a row."""
        return [cls(*one) for one in stored or ()]
