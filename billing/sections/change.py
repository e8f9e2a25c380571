"""The shape of a wish to make or change one invoice custom section (resources.md 5.1)."""

from typing import Annotated, ClassVar

from billing.sections.models import SECTION_DETAILS_LENGTH, SECTION_TEXT_LENGTH
from billing.wish import Code, Name, Wish, long_text


class SectionChange(Wish):
    """A wish to make or change one section; its code is fixed once it is made."""

    clearable: ClassVar[frozenset[str]] = frozenset({"display_name", "description", "details"})

    code: Code = None
    name: Name = None
    display_name: Annotated[str | None, long_text(SECTION_TEXT_LENGTH)] = None
    description: Annotated[str | None, long_text(SECTION_TEXT_LENGTH)] = None
    details: Annotated[str | None, long_text(SECTION_DETAILS_LENGTH)] = None
