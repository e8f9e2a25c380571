"""How pages say when something happened."""

from datetime import UTC, datetime

from django import template
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime

register = template.Library()

_FORMATS = {"long": ["DATETIME_FORMAT"], "short": ["SHORT_DATE_FORMAT", "H:i"], "time": ["H:i"]}


@register.simple_tag
def moment(at: datetime | None, how: str = "long") -> str:
    """Return a moment as the reader writes it, with the exact one in UTC on hover; "" for none.

    :param how: long, short (for tables) or time (where the day is said already).
    """
    if at is None:
        return ""
    here = localtime(at)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        at.isoformat(),
        f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        " ".join(date_format(here, one) for one in _FORMATS[how]),
    )
