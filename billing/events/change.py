"""The shape of a wish to make or change one webhook endpoint (contract: resources.md 4)."""

from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator

from billing.events.addresses import webhook_url
from billing.events.models import WebhookEndpoint
from billing.events.names import is_event_name
from billing.values import JsonNumber, fail, plain_text
from billing.wish import Boolean, Text, Wish, choice


def event_types(value: Any) -> list[str] | None:
    """Return the names of the wanted events, each once; None means all."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise fail("must_be_array")
    names: dict[str, None] = {}
    for element in value:
        if not isinstance(element, str) or isinstance(element, JsonNumber):
            raise fail("value_is_invalid")
        name = plain_text(element).strip().lower()
        if name:
            names[name] = None
    if list(names) == ["*"]:
        return None
    if not all(map(is_event_name, names)):
        raise fail("value_is_invalid")
    return list(names)


EventTypes = Annotated[list[str] | None, PlainValidator(event_types)]
WebhookUrl = Annotated[str | None, PlainValidator(webhook_url)]


class WebhookEndpointChange(Wish):
    """A wish to make or change one webhook endpoint."""

    clearable: ClassVar[frozenset[str]] = frozenset({"name", "event_types"})

    webhook_url: WebhookUrl = None
    signature_algo: Annotated[str | None, choice(WebhookEndpoint.SignatureAlgo.values)] = None
    name: Text = None
    event_types: EventTypes = None


class EndpointSettings(WebhookEndpointChange):
    """What the back office can set besides; the API has no door for it."""

    with_changes: Boolean = None
