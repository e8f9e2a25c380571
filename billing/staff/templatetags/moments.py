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
    """Return a moment in the reader's words and time zone; "" for none. On hover it is exact, with
    the zone, and in UTC.

    :param how: long, short (for tables) or time (where the day is said already).
    """
    if at is None:
        return ""
    here = localtime(at)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        " · ".join(dict.fromkeys((_exact(here), _exact(at.astimezone(UTC))))),
        " ".join(date_format(here, one) for one in _FORMATS[how]),
    )


def _exact(at: datetime) -> str:
    """Return the moment with its zone, `2026-05-05 00:30:00 Europe/Berlin (CEST)`."""
    zone, name = getattr(at.tzinfo, "key", ""), at.tzname() or ""
    return f"{at:%Y-%m-%d %H:%M:%S} " + (f"{zone} ({name})" if zone and zone != name else name)
