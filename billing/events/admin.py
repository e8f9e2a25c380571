"""Webhook endpoints in the back office."""

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from django import forms
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from billing.errors import Invalid
from billing.events.actor import Actor
from billing.events.change import EndpointSettings
from billing.events.models import WebhookEndpoint
from billing.events.names import EVENT_NAMES, SENT
from billing.events.write import (
    change_webhook_endpoint,
    create_webhook_endpoint,
    delete_webhook_endpoint,
)
from billing.staff.forms import organization_choice, switch, text
from billing.staff.roles import Ability
from billing.staff.screens import fact
from billing.staff.sentences import in_words
from billing.staff.settings import SettingsForm, SettingsScreen

FIELDS = ("webhook_url", "name", "everything", "names", "with_changes", "signature_algo")


class EventBoxes(forms.CheckboxSelectMultiple):
    """Boxes for kinds of events, by subject; those that are sent come first."""

    template_name = "admin/endpoints/events.html"

    def _render(self, template_name: str, context: Any, renderer: Any = None) -> SafeString:
        # Django's renderer of widgets does not look where our templates are.
        return render_to_string(template_name, context)

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Return the boxes by subject."""
        context = super().get_context(name, value, attrs)
        ticked = set(value or ())
        sent: dict[str, list[dict[str, Any]]] = {}
        later: dict[str, list[dict[str, Any]]] = {}
        for kind in sorted(str(one) for one, _label in self.choices):
            # What was ticked must be in sight.
            groups = sent if kind in SENT or kind in ticked else later
            subject, _dot, what = kind.partition(".")
            box = {"value": kind, "label": in_words(what), "checked": kind in ticked}
            groups.setdefault(in_words(subject), []).append(box)
        context["widget"] |= {"sent": sent, "later": later}
        return context


class WebhookEndpointForm(SettingsForm):
    """A webhook endpoint as people set it up."""

    shown_at: ClassVar[Mapping[str, str]] = {"event_types": "names"}

    organization = organization_choice()
    webhook_url = text(gettext_lazy("Address"), gettext_lazy("A public https address."))
    name = text(gettext_lazy("Name"), gettext_lazy("What you and your colleagues call it."))
    everything = switch(
        gettext_lazy("Tell it everything"),
        gettext_lazy("Also what is added later; only deleted customers have to be ticked by name."),
    )
    names = forms.MultipleChoiceField(
        label=gettext_lazy("Otherwise tell it of"), required=False, widget=EventBoxes
    )
    with_changes = switch(
        gettext_lazy("Say what changed"),
        gettext_lazy("Adds old and new values and who changed them; some receivers mind."),
    )
    signature_algo = forms.ChoiceField(
        label=gettext_lazy("Signature"),
        choices=(
            (WebhookEndpoint.SignatureAlgo.JWT, gettext_lazy("JWT, with the server's public key")),
            (WebhookEndpoint.SignatureAlgo.HMAC, gettext_lazy("HMAC, with the key of webhooks")),
        ),
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kept = cast(WebhookEndpoint, self.instance).event_types or ()
        names: Any = self.fields["names"]
        names.choices = [(one, one) for one in sorted({*EVENT_NAMES, *kept})]
        if self.creating:
            self.initial.setdefault("everything", True)
        else:
            del self.fields["organization"]

    def read(self, instance: WebhookEndpoint) -> dict[str, Any]:
        """Return the values of the endpoint."""
        return {
            "webhook_url": instance.webhook_url,
            "name": instance.name,
            "everything": instance.event_types is None,
            "names": sorted(instance.event_types or ()),
            "with_changes": instance.with_changes,
            "signature_algo": instance.signature_algo,
        }

    def write(self, wish: dict[str, Any]) -> None:
        """Make or change the endpoint."""
        everything, names = wish.pop("everything", None), wish.pop("names", None)
        if self.creating or everything is not None or names is not None:
            wish["event_types"] = self._event_types()
        change = EndpointSettings.examine(wish)
        if self.creating:
            tenant = self.cleaned_data["organization"].pk
            self.instance = create_webhook_endpoint(tenant, change, self.actor)
        else:
            endpoint: Any = self.instance
            change_webhook_endpoint(endpoint.organization_id, endpoint.pk, change, self.actor)

    def _event_types(self) -> list[str] | None:
        if self.cleaned_data["everything"]:
            return None
        names: list[str] = self.cleaned_data["names"]
        if not names:
            raise Invalid({"names": ["no_event"]})
        return names

    def preview(self) -> tuple[str, ...]:
        """Return what a new address or signature means for the receiver."""
        told, row = [], cast(WebhookEndpoint, self.instance)
        wish = self.wish()
        if EndpointSettings.examine(wish).problems().by_field:
            return ()
        if "webhook_url" in wish:
            words = _("What waits for {old} goes to {new}, too.")
            told.append(words.format(old=row.webhook_url, new=wish["webhook_url"]))
        if "signature_algo" in wish:
            told.append(_("The receiver must check the other signature from now on."))
        return tuple(told)


class WebhookEndpointScreen(SettingsScreen):
    """Addresses that are told what happens."""

    reads = writes = Ability.SET_WEBHOOKS
    wish_form = WebhookEndpointForm
    nothing_yet = (
        gettext_lazy("No webhook endpoints yet."),
        gettext_lazy("Add the address of a program that wants to know what happens here."),
    )
    list_display = ("shown_name", "address", "told_of", "state")
    ordering = ("-created_at",)
    add_fieldsets = ((None, {"fields": ("organization", *FIELDS)}),)
    fieldsets = ((None, {"fields": FIELDS}),)
    change_form_outer_before_template = "admin/endpoints/tools.html"

    @fact(gettext_lazy("Name"), ordering="name")
    def shown_name(self, endpoint: WebhookEndpoint) -> str:
        """Return the name, or words for an endpoint without one."""
        return endpoint.name or _("without a name")

    @fact(gettext_lazy("Address"), ordering="webhook_url")
    def address(self, endpoint: WebhookEndpoint) -> str:
        """Return where it is told."""
        return endpoint.webhook_url

    @fact(gettext_lazy("Told of"))
    def told_of(self, endpoint: WebhookEndpoint) -> str:
        """Return which kinds of events it hears of."""
        names = endpoint.event_types
        return _("everything") if names is None else ", ".join(sorted(names)) or _("nothing")

    @fact(gettext_lazy("State"))
    def state(self, endpoint: WebhookEndpoint) -> str:
        """Return whether it is told now, or why not."""
        if endpoint.pause_reason == WebhookEndpoint.PauseReason.GONE:
            return _("Paused: it answered 410, gone")
        if endpoint.pause_reason == WebhookEndpoint.PauseReason.FAILING:
            return _("Paused: it failed for days")
        if endpoint.paused_at is not None:
            return _("Paused by staff")
        return _("Failing") if endpoint.failing_since else _("Running")

    def delete_row(self, obj: WebhookEndpoint, actor: Actor) -> None:
        """Delete the endpoint."""
        delete_webhook_endpoint(obj.organization_id, obj.pk, actor)

    def lost_with(self, obj: WebhookEndpoint) -> list[str]:
        """Return what goes with it."""
        return [_("What waits for it is not sent, and its deliveries are no longer listed.")]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **options: Any
    ) -> Any:
        """Show the form with the endpoint's state above it."""
        row = context.get("original")
        return super().render_change_form(
            request, context | ({"endpoint_state": self.state(row)} if row else {}), **options
        )
