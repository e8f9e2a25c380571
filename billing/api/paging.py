"""Pages of a list, by number (contract: customers.md 4)."""

import re
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from billing.values import INTEGER_MAX

DEFAULT_SIZE = 100
MAX_SIZE = 1_000
_WHOLE = re.compile(r"-?[0-9]+")
_MOST_DIGITS = len(str(INTEGER_MAX))


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a list are asked for; numbers start at 1."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def read_page(query: QueryDict) -> Page:
    """Return the page that `page` and `per_page` ask for; what is no number is as if absent."""
    return Page(
        _clamped(query.get("page"), 1, INTEGER_MAX),
        _clamped(query.get("per_page"), DEFAULT_SIZE, MAX_SIZE),
    )


def _clamped(value: str | None, default: int, most: int) -> int:
    """Return a number from 1 to `most`, however many digits were sent."""
    if value is None or not _WHOLE.fullmatch(value):
        return default
    if value.startswith("-"):
        return 1
    digits = value.lstrip("0")
    if len(digits) > _MOST_DIGITS:
        return most
    return min(max(int(digits or "0"), 1), most)


def page_meta(page: Page, total: int) -> dict[str, Any]:
    """Return `meta` for a page of a list of `total` rows."""
    pages = -(-total // page.size)
    if total == 0:
        number, next_page, previous = 0, None, None
    else:
        number = page.number
        next_page = number + 1 if number < pages else None
        previous = number - 1 if number > 1 else None
    return {
        "current_page": number,
        "next_page": next_page,
        "prev_page": previous,
        "total_pages": pages,
        "total_count": total,
    }


# For the description of the API: the query of a list, and its `meta`.
PAGING = {
    "page": "The page to show, from 1.",
    "per_page": f"Rows of a page: {DEFAULT_SIZE} unless told, at most {MAX_SIZE}.",
}
META = page_meta(Page(1, DEFAULT_SIZE), 1)
