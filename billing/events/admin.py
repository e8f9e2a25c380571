"""Webhook endpoints and change records in the back office."""

from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget

from billing.events.actor import Actor
from billing.events.change import WebhookEndpointChange
from billing.events.models import ChangeRecord, WebhookEndpoint
from billing.events.write import (
    change_webhook_endpoint,
    create_webhook_endpoint,
    delete_webhook_endpoint,
)
from billing.staff.forms import WishForm, long_text, organization_choice, text
from billing.staff.roles import Ability
from billing.staff.screens import Screen, WishScreen, fact

FIELDS = ("webhook_url", "name", "signature_algo", "event_types")


class WebhookEndpointForm(WishForm):
    """A webhook endpoint as people edit it."""

    organization = organization_choice()
    webhook_url = text("Address", "A public https address.")
    name = text("Name")
    signature_algo = forms.ChoiceField(
        label="Signature",
        choices=WebhookEndpoint.SignatureAlgo.choices,
        widget=UnfoldAdminSelectWidget,
    )
    event_types = long_text("Events", "One name a line; * means all, nothing means none.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.creating:
            self.initial.setdefault("event_types", "*")
        else:
            del self.fields["organization"]

    def read(self, instance: WebhookEndpoint) -> dict[str, Any]:
        """Return the values of the endpoint."""
        names = instance.event_types
        return {
            "webhook_url": instance.webhook_url,
            "name": instance.name,
            "signature_algo": instance.signature_algo,
            "event_types": "*" if names is None else "\n".join(names),
        }

    def write(self, wish: dict[str, Any]) -> None:
        """Make or change the endpoint."""
        if "event_types" in wish:
            wish["event_types"] = (wish["event_types"] or "").split()
        change = WebhookEndpointChange.examine(wish)
        if self.creating:
            tenant = self.cleaned_data["organization"].pk
            self.instance = create_webhook_endpoint(tenant, change, self.actor)
        else:
            endpoint: Any = self.instance
            change_webhook_endpoint(endpoint.organization_id, endpoint.pk, change, self.actor)


class WebhookEndpointScreen(WishScreen):
    """Addresses that are told what happens."""

    reads = writes = Ability.SET_WEBHOOKS
    wish_form = WebhookEndpointForm
    list_display = ("webhook_url", "name", "signature_algo")
    ordering = ("-created_at",)
    add_fieldsets = ((None, {"fields": ("organization", *FIELDS)}),)
    fieldsets = ((None, {"fields": FIELDS}),)

    def delete_row(self, obj: WebhookEndpoint, actor: Actor) -> None:
        """Delete the endpoint."""
        delete_webhook_endpoint(obj.organization_id, obj.pk, actor)


class ChangeRecordScreen(Screen):
    """Who changed what, when, through which door. Nothing here can be edited."""

    reads = Ability.HISTORY
    list_display = ("at", "resource", "action", "what", "door", "actor_name", "reason")
    list_filter = (
        ("door", ChoicesDropdownFilter),
        ("action", ChoicesDropdownFilter),
    )
    open_lookups = frozenset({"object_id", "door__exact", "action__exact"})
    search_fields = ("=object_id",)
    search_help_text = "The id of an object"
    ordering = ("-id",)
    fields = (
        "at",
        "resource",
        "object_id",
        "action",
        "door",
        "actor_name",
        "reason",
        "old_and_new",
    )
    list_display_links = ("at",)

    @fact("What")
    def what(self, record: ChangeRecord) -> str:
        """Return the fields that changed."""
        names = list(record.changes)
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        return ", ".join(names[:4]) + more

    @fact("Old and new")
    def old_and_new(self, record: ChangeRecord) -> str:
        """Return a table of the fields that changed."""
        rows = format_html_join(
            "",
            '<tr><td class="pr-4 py-1 align-top">{}</td>'
            '<td class="pr-4 py-1 align-top">{}</td><td class="py-1 align-top">{}</td></tr>',
            ((name, _shown(old), _shown(new)) for name, (old, new) in record.changes.items()),
        )
        return format_html(
            '<table class="text-left"><thead><tr><th class="pr-4">Field</th>'
            '<th class="pr-4">Old</th><th>New</th></tr>'
            "</thead><tbody>{}</tbody></table>",
            rows,
        )

    def history_view(self, request: Any, object_id: str, extra_context: Any = None) -> Any:
        """Show the record itself: it never changes."""
        return self.changeform_view(request, object_id, extra_context=extra_context)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(_shown(one) for one in value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_shown(one)}" for name, one in value.items())
    return str(value)
