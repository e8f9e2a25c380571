"""Connections in the back office; their secrets go in and never come out."""

from functools import cache
from typing import Any, ClassVar, cast

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from billing.connections.change import INTEGRATIONS, PAYMENT_PROVIDERS, ConnectionChange
from billing.connections.models import Integration, PaymentProvider
from billing.connections.write import (
    Connection,
    change_connection,
    create_connection,
    delete_connection,
    linked_customers,
    waiting_customers,
)
from billing.dependents import Column
from billing.events.actor import Actor
from billing.staff.forms import organization_choice, switch, text
from billing.staff.roles import Ability
from billing.staff.screens import fact
from billing.staff.settings import SettingsForm, SettingsScreen, badge

LABELS = {
    "secret_key": gettext_lazy("Secret key"),
    "webhook_secret": gettext_lazy("Webhook secret"),
    "access_token": gettext_lazy("Access token"),
    "api_key": gettext_lazy("API key"),
    "hmac_key": gettext_lazy("HMAC key"),
    "client_id": gettext_lazy("Client id"),
    "client_secret": gettext_lazy("Client secret"),
    "signature_key": gettext_lazy("Signature key"),
    "license_key": gettext_lazy("License key"),
    "connection_id": gettext_lazy("Connection id"),
    "token_id": gettext_lazy("Token id"),
    "token_secret": gettext_lazy("Token secret"),
    "merchant_account": gettext_lazy("Merchant account"),
    "live_prefix": gettext_lazy("Live prefix"),
    "flow_id": gettext_lazy("Flow id"),
    "account_id": gettext_lazy("Account id"),
    "company_code": gettext_lazy("Company code"),
    "company_id": gettext_lazy("Company id"),
    "instance_id": gettext_lazy("Instance id"),
    "script_endpoint_url": gettext_lazy("Address of the script"),
    "success_redirect_url": gettext_lazy("Where customers go after paying"),
    "require_terms_of_service_consent": gettext_lazy("Ask customers to accept the terms"),
    "default_targeted_object": gettext_lazy("Customers become"),
}
TARGETS = (
    ("", gettext_lazy("not chosen")),
    ("companies", gettext_lazy("Companies")),
    ("contacts", gettext_lazy("Contacts")),
)
NAMES = {
    "stripe": "Stripe",
    "gocardless": "GoCardless",
    "adyen": "Adyen",
    "cashfree": "Cashfree",
    "flutterwave": "Flutterwave",
    "moneyhash": "MoneyHash",
    "netsuite": "NetSuite",
    "xero": "Xero",
    "anrok": "Anrok",
    "avalara": "Avalara",
    "hubspot": "HubSpot",
    "salesforce": "Salesforce",
}
_CLEAR = "clear_"


class ConnectionForm(SettingsForm):
    """A connection as people set it up; what a secret is never travels back to them."""

    shape: ClassVar[type[ConnectionChange]] = ConnectionChange
    kind: ClassVar[type[Connection]]
    type_name: ClassVar[str]

    organization = organization_choice()
    code = text(gettext_lazy("Code"), gettext_lazy("What programs call it by; fixed once made."))
    name = text(gettext_lazy("Name"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kept = {} if self.creating else kept_secrets(cast(Connection, self.instance))
        for name in self.shape.secrets:
            self.fields[name].help_text = _told(name, kept)
            if kept is not None and name not in kept:
                del self.fields[_CLEAR + name]
        if not self.creating:
            del self.fields["organization"], self.fields["code"]

    def read(self, instance: Any) -> dict[str, Any]:
        """Return the name and the settings; of a secret, nothing."""
        settings = self.shape.model_fields.keys() - self.shape.secrets - {"code", "name"}
        return {"name": instance.name} | {name: instance.settings.get(name) for name in settings}

    def wish(self) -> dict[str, Any]:
        """Return what was edited; a secret that was ticked away is null."""
        found = super().wish()
        for name in self.shape.secrets:
            if found.pop(_CLEAR + name, False) and not found.get(name):
                found[name] = None
        return {name: None if value == "" else value for name, value in found.items()}

    def write(self, wish: dict[str, Any]) -> None:
        """Make or change the connection."""
        change = self.shape.examine(wish)
        if self.creating:
            tenant = self.cleaned_data["organization"].pk
            self.instance = create_connection(self.kind, tenant, self.type_name, change, self.actor)
        else:
            row: Any = self.instance
            change_connection(self.kind, row.organization_id, row.code, change, self.actor)


def kept_secrets(connection: Connection) -> dict[str, str] | None:
    """Return the last four characters by secret; None if no key opens them any more."""
    try:
        return connection.secrets.last_four()
    except ValueError:
        return None


def _told(name: str, kept: dict[str, str] | None) -> str:
    """Return what is said of a secret under its field."""
    if kept is None:
        return _("Kept, but no key of TARN_ENCRYPTION_KEYS opens it. Enter it again.")
    if name not in kept:
        return _("Not set.")
    last = f" (...{kept[name]})" if kept[name] else ""
    return _("Set{last}. Leave this empty to keep it, or enter a new one.").format(last=last)


def _field(shape: type[ConnectionChange], name: str) -> forms.Field:
    label = LABELS[name]
    if name in shape.secrets:
        attrs = {"autocomplete": "new-password", "spellcheck": "false"}
        widget = UnfoldAdminPasswordWidget(attrs=attrs, render_value=False)
        return forms.CharField(label=label, required=False, widget=widget)
    if name == "require_terms_of_service_consent":
        return switch(label)
    if name == "default_targeted_object":
        return forms.ChoiceField(
            label=label, required=False, choices=TARGETS, widget=UnfoldAdminSelectWidget
        )
    return text(label)


@cache
def form_for(kind: type[Connection], type_name: str) -> type[ConnectionForm]:
    """Return the form of connections of this type."""
    shape = (PAYMENT_PROVIDERS if kind is PaymentProvider else INTEGRATIONS)[type_name]
    values: dict[str, Any] = {"shape": shape, "kind": kind, "type_name": type_name}
    for name in _own(shape):
        values[name] = _field(shape, name)
        if name in shape.secrets:
            values[_CLEAR + name] = forms.BooleanField(
                label=gettext_lazy("Forget it"), required=False, widget=UnfoldBooleanSwitchWidget
            )
    return type(f"{type_name.title()}Form", (ConnectionForm,), values)


def _own(shape: type[ConnectionChange]) -> list[str]:
    """Return what connections of a type have of their own, secrets first."""
    names = [name for name in shape.model_fields if name not in ("code", "name")]
    return sorted(names, key=lambda name: name not in shape.secrets)


class ConnectionScreen(SettingsScreen):
    """Accounts at payment providers or integrations."""

    nothing_yet = (
        gettext_lazy("Nothing is connected yet."),
        gettext_lazy("Add a connection, then link customers to it."),
    )

    reads = writes = Ability.CONNECT
    list_before_template = "admin/connections/sync.html"
    change_form_before_template = "admin/connections/refused.html"
    wish_form = ConnectionForm
    list_display = ("name", "code", "provider", "state", "users")
    search_fields = ("name", "code")
    ordering = ("type", "code")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the type first; it decides what else is asked for."""
        if request.GET.get("type") in self._kind().Type.values or not self.has_add_permission(
            request
        ):
            return super().add_view(request, form_url, extra_context)
        choices = [(value, NAMES[value]) for value in self._kind().Type.values]
        context = self.admin_site.each_context(request) | {
            "title": _("What do you want to connect?"),
            "types": choices,
        }
        return TemplateResponse(request, "admin/connections/types.html", context)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **_: Any
    ) -> Any:
        """Return what makes the form of this type."""
        return self.form_of(request, form_for(self._kind(), self._type(request, obj)))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields of this type, each secret beside its switch."""
        shape = form_for(self._kind(), self._type(request, obj)).shape
        kept = (kept_secrets(obj) or {}) if obj else {}
        lines: list[Any] = [("name",)] if obj else [("organization",), ("name", "code")]
        lines += [(name, _CLEAR + name) if name in kept else name for name in _own(shape)]
        return [(None, {"fields": lines})]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **options: Any
    ) -> HttpResponse:
        """Show the form, under what the other side says of the credentials."""
        connection = options.get("obj")
        if connection is not None and connection.refused_since is not None:
            context["refused"] = connection
            context["brand"] = NAMES[connection.type]
            context["waiting"] = waiting_customers(connection)
        return super().render_change_form(request, context, **options)

    def delete_row(self, obj: Connection, actor: Actor) -> None:
        """Delete the connection, if nobody is linked to it."""
        delete_connection(self._kind(), obj.organization_id, obj.code, actor)

    def lost_with(self, obj: Connection) -> list[str]:
        """Return why it may not go, or what goes."""
        number = linked_customers(obj)
        if number:
            words = ngettext(
                "{number} customer is linked to it: link them to another one first.",
                "{number} customers are linked to it: link them to another one first.",
                number,
            )
            return [words.format(number=f"{number:,}")]
        return [_("Its secrets are forgotten. No customer is linked to it.")]

    @fact(gettext_lazy("At"))
    def provider(self, connection: Connection) -> str:
        """Return the provider as people write it."""
        return NAMES[connection.type]

    @fact(gettext_lazy("State"))
    def state(self, connection: Connection) -> str:
        """Return whether it can be used, or what is missing or turned down."""
        kept = kept_secrets(connection)
        if kept is None:
            return badge(_("Secrets can't be opened: enter them again"), "bad", "error")
        needed = form_for(self._kind(), connection.type).shape.needed
        missing = sorted(name for name in needed if name not in kept | connection.settings)
        if missing:
            names = ", ".join(str(LABELS[name]) for name in missing)
            return badge(_("Missing: {names}").format(names=names), "warn", "error")
        if connection.refused_since is not None:
            told = badge(_("Credentials turned down"), "bad", "key_off")
            return format_html('{}<br><span class="t-small">{}</span>', told, connection.refusal)
        return badge(_("Complete"), "ok", "check_circle")

    def _kind(self) -> Any:
        return PaymentProvider if self.model is PaymentProvider else Integration

    def _type(self, request: HttpRequest, obj: Any) -> str:
        return str(obj.type if obj else request.GET.get("type", ""))


class PaymentProviderScreen(ConnectionScreen):
    """Accounts at payment providers."""

    counted = Column.PAYMENT_PROVIDER


class IntegrationScreen(ConnectionScreen):
    """Accounts at other programs."""

    counted = Column.INTEGRATION
